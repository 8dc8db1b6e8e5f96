//! Handles that a client has no business with: forged ones, those of other exports, and those above the root.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;

use gateway::Cidr;
use lab::attack::{Attack, good_arguments};
use lab::origin::{Call, FOREIGN_ROOT, FSID, Node, ROOT, handle};
use lab::xdr::{In, Out};
use lab::{Setup, export};

const ACCES: u32 = 13;
const XDEV: u32 = 18;
const STALE: u32 = 70;
const TOOSMALL: u32 = 10005;

/// Everything but GETATTR that the origin was asked to do to an object since `from`.
fn done_to(attack: &Attack, object: &[u8], from: usize) -> usize {
    let calls = attack.lab.sent[from..].iter();
    calls
        .map(|(_, record)| Call::parse(&record[4..]))
        .filter(|call| !call.is_nfs(1) && call.args.starts_with(&Out::new().opaque(object).0))
        .count()
}

/// Every procedure that takes a handle, of NFS and NFSACL, fails with `status` on `object`.
fn assert_out_of_reach(attack: &mut Attack, object: &[u8], status: u32) {
    let from = attack.lab.sent.len();
    for (procedure, args) in (0..).zip(good_arguments(object, object)).skip(1) {
        assert_eq!(attack.nfs_status(procedure, &args), status, "{procedure}");
    }
    for procedure in 1..4 {
        let args = Out::new()
            .opaque(object)
            .u32(0xf)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(0);
        let reply = attack.call((100_227, 3, procedure), &args.0);
        assert_eq!(reply[5], status, "NFSACL {procedure}");
    }
    assert_eq!(
        done_to(attack, object, from),
        0,
        "the origin was asked for nothing"
    );
}

#[test]
fn handles_outside_every_export_are_stale_to_every_procedure() {
    let mut attack = Attack::begin();
    let secret = attack
        .lab
        .origin
        .add_file(FOREIGN_ROOT, "secret", b"secret");
    for object in [handle(secret), handle(FOREIGN_ROOT), b"made up".to_vec()] {
        assert_out_of_reach(&mut attack, &object, STALE);
    }
    // Again, when it is known: a refusal is no way in.
    assert_out_of_reach(&mut attack, &handle(secret), STALE);
    attack.end();
}

#[test]
fn handles_of_an_export_for_others_are_denied_to_every_procedure() {
    let mut other = export("/other");
    let only = Cidr::new(Ipv4Addr::new(10, 0, 0, 8), 32);
    other.allow = only.into_iter().collect();
    let mut attack = Attack::on(Setup {
        exports: vec![export("/export"), other],
        ..Setup::default()
    });
    let secret = attack
        .lab
        .origin
        .add_file(FOREIGN_ROOT, "secret", b"secret");
    // Where it lies is not even told before it is known.
    assert_out_of_reach(&mut attack, &handle(secret), STALE);
    // The bystander may, and what is learned and cached for it is of no use to others.
    let read = attack.lab.read(2, &handle(secret), 0, 100);
    assert_eq!(read.data, b"secret");
    assert_out_of_reach(&mut attack, &handle(secret), ACCES);
    // The root is known since the start.
    assert_out_of_reach(&mut attack, &handle(FOREIGN_ROOT), ACCES);
    attack.end();
}

#[test]
fn rename_and_link_do_not_lead_from_one_export_to_another() {
    let mut attack = Attack::on(Setup {
        exports: vec![export("/export"), export("/other")],
        ..Setup::default()
    });
    let (ours, theirs) = (handle(ROOT), handle(FOREIGN_ROOT));
    for (first, second) in [(&ours, &theirs), (&theirs, &ours)] {
        let args = good_arguments(first, second);
        for procedure in [14, 15] {
            let status = attack.nfs_status(procedure, &args[procedure as usize]);
            assert_eq!(status, XDEV);
        }
    }
    // And with one end outside of all.
    let outside = b"made up".to_vec();
    for (first, second) in [(&ours, &outside), (&outside, &ours)] {
        let args = good_arguments(first, second);
        for procedure in [14, 15] {
            let status = attack.nfs_status(procedure, &args[procedure as usize]);
            assert_eq!(status, STALE);
        }
    }
    attack.end();
}

#[test]
fn nothing_above_the_root_is_ever_named() {
    let mut attack = Attack::begin();
    let above = ROOT + 50_000;
    let directory = Node {
        is_directory: true,
        fsid: FSID,
        ..Node::default()
    };
    attack.lab.origin.nodes.insert(above, directory);
    let root = attack.root.clone();
    let leaks = |reply: &[u32]| {
        let bytes: Vec<u8> = reply.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.windows(20).any(|window| window == handle(above))
    };
    // Whatever of the listing fits, and from wherever it goes on.
    for cookie in [0, 1, 2, u64::MAX] {
        for size in [0, 1, 300, 4096, u32::MAX] {
            let listing = Out::new().opaque(&root).u64(cookie).u64(0);
            let reply = attack.call((100_003, 3, 17), &listing.u32(size).u32(size).0);
            assert_eq!(reply[5], if size < 300 { TOOSMALL } else { 0 });
            assert!(!leaks(&reply), "READDIRPLUS");
        }
    }
    let lookup = Out::new().opaque(&root).opaque(b"..").0;
    let reply = attack.call((100_003, 3, 3), &lookup);
    assert!(!leaks(&reply), "LOOKUP");
    let bytes: Vec<u8> = reply[6..]
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    assert_eq!(In(&bytes).opaque(), root, "the root is its own parent");
    attack.end();
}
