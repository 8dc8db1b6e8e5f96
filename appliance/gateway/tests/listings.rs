//! READDIR and READDIRPLUS: what of the origin's listings reaches clients.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use lab::origin::{Call, ROOT};
use lab::xdr::{In, Out, record};
use lab::{Answer, Lab, Setup};

const GETATTR: u32 = 1;
const READDIR: u32 = 16;
const READDIRPLUS: u32 = 17;

const IO: u32 = 5;
const TOOSMALL: u32 = 10005;

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    cookie: u64,
    handle: Option<Vec<u8>>,
}

/// The entries of a listing, and whether it is the last part.
fn entries(procedure: u32, answer: &Answer) -> (Vec<Entry>, bool) {
    let mut results = In(&answer.0);
    let skip_attributes = |results: &mut In<'_>| {
        if results.u32() == 1 {
            for _ in 0..21 {
                results.u32();
            }
        }
    };
    assert_eq!(results.u32(), 0, "listed");
    skip_attributes(&mut results);
    results.u64();
    let mut entries = Vec::new();
    while results.u32() == 1 {
        results.u64();
        let name = String::from_utf8(results.opaque().to_vec()).unwrap();
        let cookie = results.u64();
        let mut handle = None;
        if procedure == READDIRPLUS {
            skip_attributes(&mut results);
            handle = (results.u32() == 1).then(|| results.opaque().to_vec());
        }
        entries.push(Entry {
            name,
            cookie,
            handle,
        });
    }
    let is_last = results.u32() == 1;
    assert!(results.0.is_empty(), "nothing comes after the results");
    (entries, is_last)
}

fn args(procedure: u32, directory: u64, room: u32) -> Vec<u8> {
    let args = Out::new()
        .opaque(&lab::file_handle(directory))
        .u64(0)
        .u64(0);
    if procedure == READDIRPLUS {
        args.u32(room).u32(room).0
    } else {
        args.u32(room).0
    }
}

fn start() -> Lab {
    let mut lab = Lab::start();
    lab.mount(1);
    for name in ["a", "bc", "def"] {
        lab.add_file(name, b"data");
    }
    lab
}

#[test]
fn names_that_no_file_can_have() {
    for procedure in [READDIR, READDIRPLUS] {
        for bad in [&b"a/b"[..], b"/", b"", b"a\0b", b"\0"] {
            let mut lab = start();
            let root = lab.origin.nodes.get_mut(&ROOT).unwrap();
            root.children.insert(bad.to_vec(), 2);
            let args = args(procedure, ROOT, 32_768);
            assert_eq!(lab.call(1, procedure, &args).status(), IO, "{bad:?}");
            assert_eq!(lab.gateway.stats().origin_protocol_errors, 1);
            // Once it is gone, so is the trouble.
            let root = lab.origin.nodes.get_mut(&ROOT).unwrap();
            root.children.remove(bad);
            let (listed, is_last) = entries(procedure, &lab.call(1, procedure, &args));
            let names: Vec<_> = listed.iter().map(|entry| &entry.name[..]).collect();
            assert_eq!(names, [".", "..", "a", "bc", "def"]);
            assert!(is_last);
            lab.assert_at_rest();
        }
    }
}

#[test]
fn a_listing_longer_than_asked_for_goes_on_where_it_was_cut() {
    for procedure in [READDIR, READDIRPLUS] {
        let mut lab = start();
        let whole = lab.call(1, procedure, &args(procedure, ROOT, 32_768));
        let (all, _) = entries(procedure, &whole);
        assert_eq!(lab.gateway.stats().origin_protocol_errors, 0);
        let mut parts = 0;
        // What is hidden of the parent counts, the status does not.
        for room in 0..whole.0.len() as u32 + 104 {
            let part = lab.call(1, procedure, &args(procedure, ROOT, room));
            if part.status() == TOOSMALL {
                assert_eq!(parts, 0, "less fits in {room}");
                continue;
            }
            assert!(part.0.len() <= room as usize + 4, "too much for {room}");
            let (listed, is_last) = entries(procedure, &part);
            assert!(listed.len() >= parts.max(1), "less fits in {room}");
            parts = listed.len();
            assert_eq!(listed, all[..parts]);
            assert_eq!(is_last, parts == all.len());
        }
        assert_eq!(parts, all.len());
        assert!(lab.gateway.stats().origin_protocol_errors > 0);
        lab.assert_at_rest();
    }
}

#[test]
fn what_lies_above_an_export_is_not_told() {
    let mut lab = start();
    let listing = args(READDIRPLUS, ROOT, 32_768);
    let (listed, _) = entries(READDIRPLUS, &lab.call(1, READDIRPLUS, &listing));
    assert_eq!(listed[1].name, "..");
    assert_eq!(listed[1].handle, None);
    assert_eq!(listed[0].handle, Some(lab::file_handle(ROOT)));
    // In a directory below the parent is exported.
    let below = lab.add_file("below", b"");
    lab.origin.nodes.get_mut(&below).unwrap().is_directory = true;
    lab.lookup(1, "below");
    let listing = args(READDIRPLUS, below, 32_768);
    let (listed, _) = entries(READDIRPLUS, &lab.call(1, READDIRPLUS, &listing));
    assert_eq!(listed[1].handle, Some(lab::file_handle(ROOT)));
    lab.assert_at_rest();
}

#[test]
fn a_second_parent_is_one_too_many() {
    let mut lab = start();
    let root = lab.origin.nodes.get_mut(&ROOT).unwrap();
    root.children.insert(b"..".to_vec(), 2);
    let listing = args(READDIRPLUS, ROOT, 32_768);
    assert_eq!(lab.call(1, READDIRPLUS, &listing).status(), IO);
    lab.assert_at_rest();
}

#[test]
fn what_lies_above_is_not_told_while_the_export_is_being_examined() {
    let mut lab = Setup::default().build();
    // The origin does not say what it thinks of the root.
    lab.hold = |call: &Call| call.is_nfs(GETATTR);
    lab.tick(Duration::ZERO);
    lab.connect(1, std::net::Ipv4Addr::new(10, 0, 0, 7));
    assert_eq!(lab.pending_of(GETATTR).len(), 1);
    let mut refused = lab.pending.remove(0).unwrap();
    refused.call.procedure = 99;
    let jukebox = Out::new()
        .u32(refused.call.xid)
        .u32(1)
        .u32(0)
        .u32(0)
        .u32(0)
        .u32(0)
        .u32(10_008)
        .0;
    lab.deliver_bytes(refused.link, &record(&jukebox))
        .expect("good");
    lab.mount(1);
    let listing = args(READDIRPLUS, ROOT, 32_768);
    let (listed, _) = entries(READDIRPLUS, &lab.call(1, READDIRPLUS, &listing));
    assert_eq!((&listed[1].name[..], &listed[1].handle), ("..", &None));
}

#[test]
fn a_client_may_mount_before_we_have() {
    let mut lab = Setup::default().build();
    lab.hold = |_| true;
    lab.tick(Duration::ZERO);
    lab.connect(1, std::net::Ipv4Addr::new(10, 0, 0, 7));
    let path = Out::new().opaque(b"/export").0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    let of_client = lab
        .pending
        .iter()
        .rposition(|pending| pending.call.program == 100_005);
    let reply = lab.execute(of_client.expect("sent"));
    lab.deliver(&reply);
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    let xid = lab.send(1, READDIRPLUS, &args(READDIRPLUS, ROOT, 32_768));
    let reply = lab.execute(lab.pending_of(READDIRPLUS)[0]);
    lab.deliver(&reply);
    let answer = lab.answer(1, xid).expect("answered");
    let (listed, _) = entries(READDIRPLUS, &answer);
    assert_eq!((&listed[1].name[..], &listed[1].handle), ("..", &None));
}
