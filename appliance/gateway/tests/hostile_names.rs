//! Names and paths that lead elsewhere, nowhere, or on for too long.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use lab::attack::{Attack, SUCCESS, opaque};
use lab::xdr::Out;

const NFS: (u32, u32) = (100_003, 3);
const MNT: (u32, u32, u32) = (100_005, 3, 1);

const INVAL: u32 = 22;

fn nfs(procedure: u32) -> (u32, u32, u32) {
    (NFS.0, NFS.1, procedure)
}

#[test]
fn names_that_are_no_names() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let attributes = |out: Out| (0..6).fold(out, |out, _| out.u32(0));
    // The arguments with one bad name, for every procedure that has one.
    let with = |name: &[u8]| {
        let entry = || Out::new().opaque(&root).opaque(name);
        let good = || Out::new().opaque(&root).opaque(b"good");
        vec![
            (3, entry()),
            (8, attributes(entry().u32(0))),
            (9, attributes(entry())),
            (10, attributes(entry()).opaque(b"target")),
            (11, attributes(entry().u32(7))),
            (12, entry()),
            (13, entry()),
            (14, Out::new().raw(&entry().0).raw(&good().0)),
            (14, Out::new().raw(&good().0).raw(&entry().0)),
            (15, Out::new().opaque(&root).raw(&entry().0)),
        ]
    };
    for name in [
        b"".as_slice(),
        b"/",
        b"a/b",
        b"../f",
        b"\0",
        b"f\0",
        &[b'/'; 255],
    ] {
        for (procedure, args) in with(name) {
            let calls = attack.lab.sent.len();
            assert_eq!(attack.nfs_status(procedure, &args.0), INVAL, "{procedure}");
            let reached = attack.lab.sent[calls..].iter();
            let reached = reached.map(|(_, record)| lab::origin::Call::parse(&record[4..]));
            assert!(!reached.into_iter().any(|call| call.is_nfs(procedure)));
        }
    }
    for len in [1025, 4096] {
        for (procedure, args) in with(&vec![b'n'; len]) {
            attack.assert_garbage(nfs(procedure), &args.0, "a long name");
        }
    }
    let announced = Out::new().opaque(&root).u32(0x8000_0000).raw(&[b'n'; 100]);
    for procedure in [3, 8, 9, 10, 11, 12, 13, 14] {
        attack.assert_garbage(nfs(procedure), &announced.0, "a long name");
    }
    // What a file system allows is the origin's to say.
    for len in [255, 256, 1024] {
        let args = Out::new().opaque(&root).raw(&opaque(len)).0;
        assert_eq!(attack.nfs_status(3, &args), 2, "NOENT");
        assert_eq!(attack.passed_on(3), args);
    }
    attack.end();
}

#[test]
fn names_of_the_directory_itself_and_its_parent_are_not_changed() {
    const EXIST: u32 = 17;
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let attributes = |out: Out| (0..6).fold(out, |out, _| out.u32(0));
    for name in [b".".as_slice(), b".."] {
        let entry = || Out::new().opaque(&root).opaque(name);
        let good = || Out::new().opaque(&root).opaque(b"good");
        for (procedure, args, expected) in [
            (8, attributes(entry().u32(0)), EXIST),
            (9, attributes(entry()), EXIST),
            (10, attributes(entry()).opaque(b"target"), EXIST),
            (11, attributes(entry().u32(7)), EXIST),
            (12, entry(), INVAL),
            (13, entry(), INVAL),
            (14, Out::new().raw(&entry().0).raw(&good().0), INVAL),
            (14, Out::new().raw(&good().0).raw(&entry().0), INVAL),
            (15, Out::new().opaque(&root).raw(&entry().0), EXIST),
        ] {
            let status = attack.nfs_status(procedure, &args.0);
            assert_eq!(status, expected, "{procedure} {}", name.escape_ascii());
            let sent = attack.lab.sent.iter();
            let mut sent = sent.map(|(_, record)| lab::origin::Call::parse(&record[4..]));
            assert!(
                !sent.any(|call| call.is_nfs(procedure)),
                "it is not asked for"
            );
        }
    }
    attack.end();
}

#[test]
fn paths_beyond_their_bounds_are_garbage() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let link = Out::new().opaque(&root).opaque(b"link");
    let link = (0..6).fold(link, |out, _| out.u32(0));
    for len in [4097, 5000, 30_000] {
        let args = Out::new().raw(&link.0).raw(&opaque(len)).0;
        attack.assert_garbage(nfs(10), &args, "a long target");
    }
    let announced = Out::new().raw(&link.0).u32(0x8000_0000).raw(&[0; 100]);
    attack.assert_garbage(nfs(10), &announced.0, "a long target");
    // MNT and UMNT.
    for procedure in [1, 3] {
        for len in [1025, 2000, 0x8000_0000, u32::MAX] {
            let args = Out::new().u32(len).raw(&[b'/'; 2000]).0;
            attack.assert_garbage((100_005, 3, procedure), &args, "a long path");
        }
    }
    let refused = [SUCCESS.as_slice(), &[13]].concat();
    for path in [
        b"".as_slice(),
        b"/",
        b"export",
        b"/exports",
        b"/export/..",
        b"/export/../other",
        b"/export/./../other",
        b"/export\0/../other",
        b"/other",
        b"\xff\xfe",
        &[b'/'; 1024],
    ] {
        let args = Out::new().opaque(path).0;
        assert_eq!(attack.call(MNT, &args), refused, "{}", path.escape_ascii());
    }
    attack.end();
}
