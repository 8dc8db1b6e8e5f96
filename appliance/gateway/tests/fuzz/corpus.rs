//! Good calls of every procedure of every program, to be spoiled.

use std::sync::LazyLock;

use super::lab::attack::good_arguments;
use super::lab::origin::handle;
use super::lab::xdr::Out;
use super::lab::{pattern, read_args, write_args};
use super::spoil::{self, Random};

/// Objects that calls are about: directories, then files, then what is in no export.
const OBJECTS: u64 = 40;

/// Program, version, procedure, and arguments.
type GoodCall = (u32, u32, u32, Vec<u8>);

static GOOD_CALLS: LazyLock<Vec<GoodCall>> = LazyLock::new(good_calls);

pub struct Corpus {
    next_xid: u32,
    /// The last bodies, some of which come again.
    recent: Vec<Vec<u8>>,
}

impl Corpus {
    pub fn new() -> Self {
        Self {
            next_xid: 0,
            recent: Vec::new(),
        }
    }

    /// The next stream of some client: a record that began as a good one.
    pub fn spoiled(&mut self, random: &mut Random) -> Vec<u8> {
        let body = match random.below(8) {
            0 if !self.recent.is_empty() => self.recent[random.below(self.recent.len())].clone(),
            _ => self.fresh(random),
        };
        let other = self.fresh(random);
        if self.recent.len() < 64 {
            self.recent.push(body.clone());
        } else {
            let at = random.below(64);
            self.recent[at].clone_from(&body);
        }
        spoil::call(body, &other, random)
    }

    /// Lets go of what could come again.
    pub fn forget(&mut self) {
        self.recent = Vec::new();
    }

    fn fresh(&mut self, random: &mut Random) -> Vec<u8> {
        let (program, version, procedure, args) = &GOOD_CALLS[random.below(GOOD_CALLS.len())];
        self.next_xid = self.next_xid.wrapping_add(1);
        let user = u32::try_from(random.below(3)).expect("small");
        call(self.next_xid, (*program, *version, *procedure), user, args)
    }
}

fn good_calls() -> Vec<GoodCall> {
    let mut calls = Vec::new();
    for object in 0..OBJECTS {
        let (first, second) = (handle(object), handle((object + 7) % OBJECTS));
        for (procedure, args) in (0..).zip(good_arguments(&first, &second)) {
            calls.push((100_003, 3, procedure, args));
        }
        // What the gateway does most with, at the ends of blocks and beyond.
        for (offset, count) in [
            (0, 4096),
            (4000, 10_000),
            (8191, 2),
            (0, 65_536),
            (49_000, 9000),
        ] {
            calls.push((100_003, 3, 6, read_args(&first, offset, count)));
        }
        for (offset, len) in [(0, 4096), (4095, 3), (100, 9001), (u64::MAX - 9, 8)] {
            calls.push((100_003, 3, 7, write_args(&first, offset, &pattern(len, 1))));
        }
        let access = Out::new().opaque(&first).u32(0x3f).0;
        calls.push((100_003, 3, 4, access));
        let lookup = Out::new().opaque(&first).opaque(b"..").0;
        calls.push((100_003, 3, 3, lookup));
        for procedure in 0..5 {
            let args = Out::new()
                .opaque(&first)
                .u32(0xf)
                .u32(0)
                .u32(0)
                .u32(0)
                .u32(0)
                .0;
            calls.push((100_227, 3, procedure, args));
        }
    }
    for path in [
        b"/export".as_slice(),
        b"/read-only",
        b"/none",
        b"/export/..",
    ] {
        for procedure in 0..6 {
            calls.push((100_005, 3, procedure, Out::new().opaque(path).0));
        }
    }
    let mapping = Out::new().u32(100_003).u32(3).u32(6).u32(0).0;
    let binding = Out::new()
        .u32(100_003)
        .u32(3)
        .opaque(b"tcp")
        .opaque(b"")
        .opaque(b"");
    for procedure in 0..6 {
        calls.push((100_000, 2, procedure, mapping.clone()));
    }
    for version in [3, 4] {
        for procedure in 0..13 {
            calls.push((100_000, version, procedure, binding.0.clone()));
        }
    }
    calls
}

/// A READ, from nobody's corpus.
pub fn read(object: u64, offset: u64, count: u32) -> Vec<u8> {
    let args = read_args(&handle(object), offset, count);
    call(u32::MAX, (100_003, 3, 6), 0, &args)
}

fn call(
    xid: u32,
    (program, version, procedure): (u32, u32, u32),
    user: u32,
    args: &[u8],
) -> Vec<u8> {
    let credential = Out::new()
        .u32(0)
        .opaque(b"client")
        .u32(user)
        .u32(user)
        .u32(0);
    Out::new()
        .u32(xid)
        .u32(0)
        .u32(2)
        .u32(program)
        .u32(version)
        .u32(procedure)
        .u32(1)
        .opaque(&credential.0)
        .u32(0)
        .u32(0)
        .raw(args)
        .0
}
