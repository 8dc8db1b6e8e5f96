//! An origin that has an answer to everything and remembers nothing.

use super::lab::origin::{Call, handle};
use super::lab::xdr::{In, Out};

/// Objects below this number are directories.
const FILES: u64 = 10;

/// These objects are on a file system that nobody exports.
const FOREIGN: std::ops::Range<u64> = 30..40;

/// Bytes of every file.
const SIZE: u64 = 50_000;

/// What a byte of a file is.
#[expect(clippy::cast_possible_truncation, reason = "that is the pattern")]
pub fn byte_at(object: u64, offset: u64) -> u8 {
    (offset / 7 + object) as u8
}

/// The whole reply to a call.
pub fn execute(call: &Call) -> Vec<u8> {
    let mut args = In(&call.args);
    let object = match call.program {
        100_000 | 100_005 => 0,
        _ => object_of(args.opaque()),
    };
    let results = match (call.program, call.procedure) {
        (100_000, _) => Out::new().u32(20_048),
        (100_005, _) => Out::new().u32(0).opaque(&handle(1)).u32(1).u32(1),
        (100_227, 2) => Out::new().u32(0).raw(&post_op(object)),
        (100_227, 3) => Out::new().u32(0).raw(&post_op(object)).opaque(&handle(2)),
        (100_227, _) => {
            let out = Out::new().u32(0).raw(&post_op(object));
            (0..5).fold(out, |out, _| out.u32(0))
        }
        (_, procedure) => nfs(procedure, object, args),
    };
    let head = Out::new().u32(call.xid).u32(1).u32(0).u32(0).u32(0).u32(0);
    head.raw(&results.0).0
}

fn object_of(handle: &[u8]) -> u64 {
    let number = handle.get(4..12).and_then(|bytes| bytes.first_chunk());
    number.map_or(u64::MAX, |number| u64::from_be_bytes(*number))
}

fn attributes(object: u64) -> Vec<u8> {
    let kind = if object < FILES { 2 } else { 1 };
    let fsid = if FOREIGN.contains(&object) { 78 } else { 77 };
    let out = Out::new().u32(kind).u32(0o755).u32(1).u32(0).u32(0);
    let out = out.u64(SIZE).u64(SIZE).u64(0).u64(fsid).u64(object);
    (0..6).fold(out, |out, _| out.u32(100)).0
}

fn post_op(object: u64) -> Vec<u8> {
    Out::new().u32(1).raw(&attributes(object)).0
}

fn wcc(object: u64) -> Vec<u8> {
    let before = Out::new()
        .u32(1)
        .u64(SIZE)
        .u32(100)
        .u32(100)
        .u32(100)
        .u32(100);
    before.raw(&post_op(object)).0
}

fn nfs(procedure: u32, object: u64, mut args: In<'_>) -> Out {
    if object >= 1000 {
        // Of no file here: all of these failures begin with the status and absent attributes.
        return (0..4).fold(Out::new().u32(70), |out, _| out.u32(0));
    }
    let ok = || Out::new().u32(0);
    let child = object % 20 + 5;
    match procedure {
        1 => ok().raw(&attributes(object)),
        2 | 12 | 13 => ok().raw(&wcc(object)),
        3 => ok()
            .opaque(&handle(child))
            .raw(&post_op(child))
            .raw(&post_op(object)),
        4 => ok().raw(&post_op(object)).u32(0x3f),
        5 => ok().raw(&post_op(object)).opaque(b"target"),
        6 => read(object, args),
        7 => {
            args.u64();
            let count = args.u32();
            ok().raw(&wcc(object)).u32(count).u32(2).u64(9)
        }
        8..=11 => {
            let made = ok().u32(1).opaque(&handle(child)).raw(&post_op(child));
            made.raw(&wcc(object))
        }
        14 => ok().raw(&wcc(object)).raw(&wcc(object)),
        15 => ok().raw(&post_op(object)).raw(&wcc(object)),
        16 | 17 => listing(object, procedure == 17),
        18 => {
            let out = ok().raw(&post_op(object));
            (0..6).fold(out, |out, _| out.u64(1 << 30)).u32(0)
        }
        19 => {
            let out = ok().raw(&post_op(object));
            let sizes = (0..7).fold(out, |out, _| out.u32(1 << 20));
            sizes.u64(1 << 60).u32(0).u32(1).u32(0x1b)
        }
        20 => {
            let out = ok().raw(&post_op(object));
            out.u32(1000).u32(255).u32(1).u32(0).u32(0).u32(1)
        }
        _ => ok().raw(&wcc(object)).u64(9),
    }
}

fn read(object: u64, mut args: In<'_>) -> Out {
    let (offset, count) = (args.u64(), args.u32());
    let end = SIZE.min(offset.saturating_add(count.into()));
    let data: Vec<u8> = (offset..end).map(|at| byte_at(object, at)).collect();
    let len = u32::try_from(data.len()).expect("a short READ");
    let head = Out::new().u32(0).raw(&post_op(object)).u32(len);
    head.u32(u32::from(end == SIZE)).opaque(&data)
}

fn listing(object: u64, plus: bool) -> Out {
    let mut out = Out::new().u32(0).raw(&post_op(object)).u64(5);
    let names = [".", "..", "one", "two", "three"];
    for (number, name) in (1_u64..).zip(names) {
        out = out.u32(1).u64(number).opaque(name.as_bytes()).u64(number);
        if plus {
            out = out.raw(&post_op(number)).u32(1).opaque(&handle(number));
        }
    }
    out.u32(0).u32(1)
}
