//! Exports: what may be mounted, which handles belong where, who may change what.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;
use std::time::Duration;

use gateway::{Cidr, ClientId, Coherence, Limits};
use lab::origin::{FOREIGN_ROOT, FSID, Node, ROOT, handle};
use lab::xdr::{In, Out, record};
use lab::{Lab, READ, Setup, WRITE, export, pattern, read_args, write_args};

const ACCES: u32 = 13;
const XDEV: u32 = 18;
const ROFS: u32 = 30;
const STALE: u32 = 70;
const JUKEBOX: u32 = 10008;

fn mnt(lab: &mut Lab, client: u64, path: &[u8]) -> u32 {
    let args = Out::new().opaque(path).0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &args);
    lab.offer(client, &record(&call));
    lab.run();
    lab.answer(client, xid).expect("answered").status()
}

#[test]
fn only_exported_paths_are_mounted() {
    let mut lab = Lab::start();
    assert_eq!(mnt(&mut lab, 1, b"/export"), 0);
    assert_eq!(mnt(&mut lab, 1, b"/other"), ACCES);
    assert_eq!(mnt(&mut lab, 1, b"/export/../other"), ACCES);
    assert_eq!(mnt(&mut lab, 1, b"/export/absent"), 2, "the origin knows");
    assert_eq!(mnt(&mut lab, 1, b"\xff\xfe"), ACCES);
    lab.connect(3, Ipv4Addr::new(192, 168, 0, 1));
    assert_eq!(mnt(&mut lab, 3, b"/export"), ACCES, "not from there");
    lab.assert_at_rest();
}

#[test]
fn a_handle_of_another_file_system_is_stale() {
    let mut lab = Lab::start();
    lab.mount(1);
    let secret = lab.origin.add_file(FOREIGN_ROOT, "secret", b"secret");
    for id in [secret, FOREIGN_ROOT] {
        let answer = lab.call(1, READ, &read_args(&handle(id), 0, 10));
        assert_eq!(answer.status(), STALE);
        assert_eq!(lab.getattr(1, &handle(id)).status(), STALE);
        let write = write_args(&handle(id), 0, b"x");
        assert_eq!(lab.call(1, WRITE, &write).status(), STALE);
    }
    assert_eq!(lab.origin.nodes[&secret].data, b"secret");
    assert_eq!(
        lab.getattr(1, b"no handle at all").status(),
        STALE,
        "the origin says so"
    );
    lab.assert_at_rest();
}

#[test]
fn a_guessed_handle_of_the_export_is_looked_up_once() {
    let mut lab = Lab::start();
    let id = lab.add_file("f", b"data");
    assert_eq!(lab.getattr(1, &handle(id)).status(), 0);
    let calls = lab.sent.len();
    assert_eq!(lab.getattr(1, &handle(id)).status(), 0);
    assert_eq!(lab.sent.len(), calls + 1);
}

#[test]
fn every_call_is_held_against_the_address() {
    let mut lab = Lab::start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 10);
    lab.connect(3, Ipv4Addr::new(192, 168, 0, 1));
    let args = read_args(&file, 0, 10);
    assert_eq!(
        lab.call(3, READ, &args).status(),
        ACCES,
        "though it is cached"
    );
    assert_eq!(lab.getattr(3, &file).status(), ACCES);
    lab.assert_at_rest();
}

#[test]
fn a_read_only_export() {
    let mut setup = Setup::default();
    setup.exports[0].read_only = true;
    let mut lab = setup.start();
    lab.add_file("f", b"data");
    let file = lab.lookup(1, "f");
    let root = lab.mount(1);
    assert_eq!(lab.read(1, &file, 0, 10).data, b"data");
    let args = write_args(&file, 0, b"x");
    assert_eq!(lab.call(1, WRITE, &args).status(), ROFS);
    let name = Out::new().opaque(&root).opaque(b"f").0;
    assert_eq!(lab.call(1, 12, &name).status(), ROFS);
    let rename = Out::new().raw(&name).raw(&name).0;
    let answer = lab.call(1, 14, &rename);
    assert_eq!(
        (answer.status(), answer.0.len()),
        (ROFS, 20),
        "both wcc_data are there"
    );
    assert_eq!(lab.gateway.stats().origin_writes, 0);
    lab.assert_at_rest();
}

#[test]
fn two_exports_are_two_worlds() {
    let exports = vec![export("/export"), export("/other")];
    let mut lab = Setup {
        exports,
        ..Setup::default()
    }
    .start();
    assert_eq!(mnt(&mut lab, 1, b"/export"), 0);
    assert_eq!(mnt(&mut lab, 1, b"/other"), 0);
    lab.add_file("f", b"data");
    let entry = |id, name: &[u8]| Out::new().opaque(&handle(id)).opaque(name).0;
    let args = Out::new()
        .raw(&entry(ROOT, b"f"))
        .raw(&entry(FOREIGN_ROOT, b"f"))
        .0;
    assert_eq!(lab.call(1, 14, &args).status(), XDEV);
    assert!(
        lab.origin.nodes[&ROOT]
            .children
            .contains_key(b"f".as_slice())
    );
    let within = Out::new().raw(&entry(ROOT, b"f")).raw(&entry(ROOT, b"g")).0;
    assert_eq!(lab.call(1, 14, &within).status(), 0);
    lab.assert_at_rest();
}

#[test]
fn the_parent_of_the_root_is_not_told() {
    let mut lab = Lab::start();
    let root = lab.mount(1);
    let above = ROOT + 50_000;
    let directory = Node {
        is_directory: true,
        fsid: FSID,
        ..Node::default()
    };
    lab.origin.nodes.insert(above, directory);
    lab.add_file("f", b"data");
    let answer = lab.call(1, 3, &Out::new().opaque(&root).opaque(b"..").0);
    let mut results = In(&answer.0);
    assert_eq!((results.u32(), results.opaque()), (0, root.as_slice()));
    let args = Out::new()
        .opaque(&root)
        .u64(0)
        .u64(0)
        .u32(4096)
        .u32(65536)
        .0;
    let answer = lab.call(1, 17, &args);
    let parent = handle(above);
    let leaked = answer
        .0
        .windows(parent.len())
        .any(|window| window == parent);
    assert!(!leaked, "the handle of the parent is stripped");
    // And the listing is as it was otherwise.
    let mut results = In(&answer.0);
    assert_eq!((results.u32(), results.u32()), (0, 1));
    results.0 = &results.0[84 + 8..];
    let mut names = Vec::new();
    while results.u32() == 1 {
        results.u64();
        names.push(results.opaque().to_vec());
        results.u64();
        if results.u32() == 1 {
            results.0 = &results.0[84..];
        }
        let handle = (results.u32() == 1).then(|| results.opaque());
        assert_eq!(handle.is_none(), names.len() == 2);
    }
    assert_eq!(names, [b".".to_vec(), b"..".to_vec(), b"f".to_vec()]);
    assert_eq!(results.u32(), 1);
    assert!(results.0.is_empty());
    lab.assert_at_rest();
}

#[test]
fn names_that_lead_elsewhere() {
    let mut lab = Lab::start();
    let root = lab.mount(1);
    for name in [b"a/b".as_slice(), b"", b"a\0b"] {
        let answer = lab.call(1, 3, &Out::new().opaque(&root).opaque(name).0);
        assert_eq!(answer.status(), 22);
    }
}

/// A client that still knows the handle of a file from an earlier run asks for its attributes while our own
/// MNT is under way.
fn ask_before_the_exports_are_known() -> (Lab, u32) {
    let mut lab = Setup::default().build();
    lab.origin_is_up = true;
    lab.hold = |call| call.program == 100_005;
    lab.tick(Duration::ZERO);
    lab.connect(1, Ipv4Addr::new(10, 0, 0, 7));
    let id = lab.add_file("f", b"data");
    let xid = lab.send(1, 1, &Out::new().opaque(&handle(id)).0);
    lab.tick(Duration::from_secs(5));
    assert!(lab.answer(1, xid).is_none(), "it waits");
    lab.hold = |_| false;
    (lab, xid)
}

#[test]
fn a_call_waits_until_the_exports_are_known() {
    let (mut lab, xid) = ask_before_the_exports_are_known();
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    lab.assert_at_rest();
}

#[test]
fn a_call_does_not_wait_for_an_export_that_the_origin_refuses() {
    let (mut lab, xid) = ask_before_the_exports_are_known();
    lab.origin.refuses_mounts = true;
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), JUKEBOX);
    lab.assert_at_rest();
}

#[test]
fn nothing_is_left_of_a_call_whose_client_goes_before_the_exports_are_known() {
    let (mut lab, _) = ask_before_the_exports_are_known();
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn an_origin_that_comes_up_late() {
    let mut lab = Setup::default().build();
    lab.origin_is_up = false;
    lab.tick(Duration::ZERO);
    lab.connect(1, Ipv4Addr::new(10, 0, 0, 7));
    let args = Out::new().opaque(b"/export").0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &args);
    lab.offer(1, &record(&call));
    lab.tick(Duration::from_secs(1));
    lab.origin_is_up = true;
    for _ in 0..20 {
        lab.tick(Duration::from_secs(1));
    }
    assert_eq!(lab.answer(1, xid).expect("answered in the end").status(), 0);
    lab.tick(Duration::from_secs(60));
    assert_eq!(
        lab.links.len(),
        2,
        "the MOUNT connection is closed when idle"
    );
    lab.assert_at_rest();
}

#[test]
fn mounts_port_is_asked_for() {
    let mut lab = Setup {
        mount_port: None,
        ..Setup::default()
    }
    .start();
    assert_eq!(mnt(&mut lab, 1, b"/export"), 0);
    assert!(lab.links.values().any(|port| *port == 20_048));
    lab.assert_at_rest();
}

#[test]
fn immutable_files_need_no_origin() {
    let mut setup = Setup::default();
    setup.exports[0].coherence = Coherence::Immutable;
    let mut lab = setup.start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    let access = Out::new().opaque(&file).u32(0x3f).0;
    lab.call(1, 4, &access);
    lab.read_all(1, &file, 1000);
    let calls = lab.sent.len();
    assert_eq!(lab.getattr(2, &file).status(), 0);
    let answer = lab.call(2, 4, &access);
    assert_eq!(answer.0[answer.0.len() - 4..], 0x3f_u32.to_be_bytes());
    assert_eq!(lab.read_all(2, &file, 1000), pattern(1000, 1));
    assert_eq!(lab.sent.len(), calls);
    lab.assert_at_rest();
}

#[test]
fn forgotten_handles_are_learned_again() {
    let limits = Limits {
        handles: 4,
        files: 2,
        verdicts: 2,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    let files: Vec<Vec<u8>> = (0..10)
        .map(|number| {
            let name = format!("f{number}");
            lab.add_file(&name, &pattern(100 + number, number as u8));
            lab.lookup(1, &name)
        })
        .collect();
    for _ in 0..2 {
        for (number, file) in files.iter().enumerate() {
            assert_eq!(
                lab.read_all(1, file, 1000),
                pattern(100 + number, number as u8)
            );
        }
    }
    assert!(lab.gateway.stats().handles <= 4);
    assert!(lab.gateway.stats().files <= 2);
    lab.assert_at_rest();
}

#[test]
fn no_client_is_let_in_by_an_empty_list() {
    let mut setup = Setup::default();
    setup.exports[0].allow.clear();
    let mut lab = setup.start();
    assert_eq!(mnt(&mut lab, 1, b"/export"), ACCES);
    let mut setup = Setup::default();
    setup.exports[0].allow = vec![Cidr::new(Ipv4Addr::new(10, 0, 0, 8), 32).expect("a prefix")];
    let mut lab = setup.start();
    assert_eq!(mnt(&mut lab, 1, b"/export"), ACCES);
    assert_eq!(mnt(&mut lab, 2, b"/export"), 0);
}
