//! Whose identity the origin sees, in the bytes that go there.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::{AcceptedSecurity, Admitted, Anonymous, ClientId, ClientSecurity, Squash, UidRanges};
use lab::origin::{ROOT, handle};
use lab::xdr::{In, Out, record};
use lab::{Lab, READ, Setup, WRITE, export, read_args, write_args};

const NFS: u32 = 100_003;
const GETATTR: u32 = 1;
const SETATTR: u32 = 2;
const ACCESS: u32 = 4;
const REMOVE: u32 = 12;

const ANONYMOUS: Anonymous = Anonymous {
    uid: 65_534,
    gid: 65_533,
};

/// Flavor, user, group and groups of a call; nothing but the flavor of AUTH_NONE.
type Shown = (u32, Vec<u32>);

/// A call with a credential of AUTH_SYS: `ids` are user, group and groups.
fn call(xid: u32, program: u32, procedure: u32, ids: &[u32], args: &[u8]) -> Vec<u8> {
    let mut credential = Out::new()
        .u32(77)
        .opaque(b"a client")
        .u32(ids[0])
        .u32(ids[1]);
    credential = credential.u32(ids.len() as u32 - 2);
    for gid in &ids[2..] {
        credential = credential.u32(*gid);
    }
    head(xid, program, procedure)
        .u32(1)
        .opaque(&credential.0)
        .u64(0)
        .raw(args)
        .0
}

fn head(xid: u32, program: u32, procedure: u32) -> Out {
    let words = [xid, 0, 2, program, 3, procedure];
    words.into_iter().fold(Out::new(), Out::u32)
}

/// What a record on the way to the origin calls, and as whom.
fn shown(record: &[u8]) -> (u32, Shown) {
    let mut call = In(&record[4..]);
    let words: [u32; 7] = core::array::from_fn(|_| call.u32());
    let mut body = In(call.opaque());
    let mut ids = Vec::new();
    if words[6] == 1 {
        body.u32();
        body.opaque();
        ids.extend([body.u32(), body.u32()]);
        for _ in 0..body.u32() {
            ids.push(body.u32());
        }
        assert!(body.0.is_empty());
    }
    (words[5], (words[6], ids))
}

fn lab(squash: Squash) -> Lab {
    let mut setup = Setup::default();
    setup.exports[0].squash = squash;
    let mut lab = setup.start();
    lab.add_file("f", b"data");
    lab
}

/// Who is shown in the last call sent.
fn last(lab: &Lab) -> Shown {
    shown(&lab.sent.last().expect("a call").1).1
}

/// Every procedure that was sent from the record `from` on, and as whom.
fn since(lab: &Lab, from: usize) -> Vec<(u32, Vec<u32>)> {
    let sent = lab.sent[from..].iter();
    sent.map(|(_, record)| shown(record))
        .map(|(procedure, (_, ids))| (procedure, ids))
        .collect()
}

fn ask(lab: &mut Lab, xid: u32, procedure: u32, ids: &[u32], args: &[u8]) -> u32 {
    assert_eq!(
        lab.offer(1, &record(&call(xid, NFS, procedure, ids, args))),
        0
    );
    lab.run();
    lab.answer(1, xid).expect("answered").status()
}

/// SETATTR that sets nothing.
fn setattr_args(file: &[u8]) -> Vec<u8> {
    Out::new().opaque(file).u64(0).u64(0).u64(0).u32(0).0
}

#[test]
fn by_default_users_are_passed_on_byte_for_byte() {
    let mut lab = lab(Squash::Nobody);
    let file = lab.lookup(1, "f");
    for (xid, procedure, args) in [
        (900, GETATTR, Out::new().opaque(&file).0),
        (901, WRITE, write_args(&file, 0, b"more")),
    ] {
        let ids = [0, 0, 0, 7];
        ask(&mut lab, xid, procedure, &ids, &args);
        let sent = &lab.sent.last().expect("a call").1;
        assert_eq!(sent[8..], call(xid, NFS, procedure, &ids, &args)[4..]);
    }
}

#[test]
fn root_is_nobody_wherever_it_occurs_and_others_are_themselves() {
    let mut lab = lab(Squash::Root(ANONYMOUS));
    let file = lab.lookup(1, "f");
    let (uid, gid) = (ANONYMOUS.uid, ANONYMOUS.gid);
    let cases: [(&[u32], &[u32]); 5] = [
        (&[0, 0], &[uid, gid]),
        (&[0, 5, 0, 6, 0], &[uid, 5, gid, 6, gid]),
        (&[1000, 0, 0], &[1000, gid, gid]),
        (&[1000, 100, 4, 24], &[1000, 100, 4, 24]),
        (&[uid, gid], &[uid, gid]),
    ];
    let mut xid = 900;
    for (ids, expected) in cases {
        for (procedure, args) in [
            (GETATTR, Out::new().opaque(&file).0),
            (SETATTR, setattr_args(&file)),
            (WRITE, write_args(&file, 0, b"data")),
        ] {
            xid += 1;
            assert_eq!(ask(&mut lab, xid, procedure, ids, &args), 0);
            let sent = &lab.sent.last().expect("a call").1;
            assert_eq!(shown(sent), (procedure, (1, expected.to_vec())));
            // Nothing else has changed.
            let same = call(xid, NFS, procedure, expected, &args);
            assert_eq!(sent[8..], same[4..]);
        }
    }
    lab.assert_at_rest();
}

/// The gateway's own READ and ACCESS of a client's READ, and what they are remembered for.
#[test]
fn the_cache_is_read_by_who_the_origin_sees() {
    let mut lab = lab(Squash::Root(ANONYMOUS));
    let file = lab.lookup(1, "f");
    let anonymous = vec![ANONYMOUS.uid, ANONYMOUS.gid];
    let args = read_args(&file, 0, 4);
    let from = lab.sent.len();
    assert_eq!(ask(&mut lab, 900, READ, &[0, 0], &args), 0);
    let expected = [(ACCESS, anonymous.clone()), (READ, anonymous.clone())];
    assert_eq!(since(&lab, from), expected);
    // Whoever is anonymous by himself has the same verdict; another has not.
    let from = lab.sent.len();
    assert_eq!(ask(&mut lab, 901, READ, &anonymous, &args), 0);
    assert_eq!(since(&lab, from), []);
    assert_eq!(ask(&mut lab, 902, READ, &[1000, 0], &args), 0);
    assert_eq!(since(&lab, from), [(ACCESS, vec![1000, ANONYMOUS.gid])]);
    lab.assert_at_rest();
}

#[test]
fn under_all_squash_everybody_is_the_same() {
    let mut lab = lab(Squash::Everybody(ANONYMOUS));
    let file = lab.lookup(1, "f");
    let (uid, gid) = (ANONYMOUS.uid, ANONYMOUS.gid);
    for (xid, ids) in [(900, vec![0, 0]), (901, vec![1000, 100, 0, 7])] {
        let args = write_args(&file, 0, b"data");
        assert_eq!(ask(&mut lab, xid, WRITE, &ids, &args), 0);
        let mut expected = vec![gid; ids.len()];
        expected[0] = uid;
        assert_eq!(last(&lab), (1, expected));
    }
    lab.assert_at_rest();
}

/// A call without any user gets one, and with it a longer head, in front of data in a block and in front of
/// arguments that lie in several buffers.
#[test]
fn under_all_squash_who_says_nothing_is_somebody() {
    let mut lab = lab(Squash::Everybody(ANONYMOUS));
    let file = lab.lookup(1, "f");
    let target = [b'x'; 1000];
    let symlink = Out::new()
        .opaque(&handle(ROOT))
        .opaque(&[b'n'; 255])
        .u64(0)
        .u64(0)
        .u64(0)
        .opaque(&target)
        .0;
    // SETACL, whose lists go on in a second buffer.
    let entries = (0..600).fold(
        Out::new().opaque(&file).u32(1).u32(600).u32(600),
        |out, _| out.u32(1).u32(0).u32(7),
    );
    let acl = entries.u32(0).u32(0).0;
    let as_somebody = |xid, program, procedure, args: &[u8]| {
        let credential = Out::new()
            .u32(0)
            .opaque(b"gateway")
            .u32(ANONYMOUS.uid)
            .u32(ANONYMOUS.gid)
            .u32(0);
        let head = head(xid, program, procedure).u32(1).opaque(&credential.0);
        head.u64(0).raw(args).0
    };
    for (xid, program, procedure, args) in [
        (900, NFS, WRITE, write_args(&file, 0, b"odd")),
        (901, NFS, 10, symlink),
        (902, 100_227, 2, acl),
    ] {
        let call = head(xid, program, procedure).u64(0).u64(0).raw(&args).0;
        assert_eq!(lab.offer(1, &record(&call)), 0);
        lab.run();
        assert!(lab.reply(1, xid).is_some());
        let sent = &lab.sent.last().expect("a call").1;
        assert!(
            sent[8..] == as_somebody(xid, program, procedure, &args)[4..],
            "{xid}"
        );
    }
    lab.assert_at_rest();
}

#[test]
fn a_call_sent_again_is_the_same_whatever_the_rules_are_by_then() {
    let mut lab = lab(Squash::Root(ANONYMOUS));
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    let args = write_args(&file, 0, b"data");
    lab.offer(1, &record(&call(900, NFS, WRITE, &[0, 0], &args)));
    lab.run();
    let first = lab.sent.last().expect("the WRITE").1.clone();
    assert!(
        lab.gateway
            .reload(vec![export("/export")], false, lab.now)
            .is_ok()
    );
    for link in lab.nfs_links() {
        lab.break_link(link);
    }
    lab.tick(Duration::from_secs(1));
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, 900).expect("answered").status(), 0);
    assert_eq!(lab.sent.last().expect("the WRITE again").1, first);
    // A new one goes by the new rules.
    assert_eq!(ask(&mut lab, 901, WRITE, &[0, 0], &args), 0);
    assert_eq!(last(&lab), (1, vec![0, 0]));
    lab.assert_at_rest();
}

/// A repetition is one by what the client has sent: that two users are the same to the origin does not make
/// their calls the same.
#[test]
fn a_repeated_call_is_told_by_what_the_client_sent() {
    let mut lab = lab(Squash::Everybody(ANONYMOUS));
    let root = lab.mount(1);
    lab.add_file("g", b"");
    let args = Out::new().opaque(&root).opaque(b"g").0;
    let before = lab.gateway.stats().origin_calls;
    assert_eq!(ask(&mut lab, 900, REMOVE, &[0, 0], &args), 0);
    assert_eq!(ask(&mut lab, 900, REMOVE, &[0, 0], &args), 0, "recorded");
    assert_eq!(lab.gateway.stats().origin_calls, before + 1);
    const NOENT: u32 = 2;
    assert_eq!(ask(&mut lab, 900, REMOVE, &[1000, 0], &args), NOENT);
    lab.assert_at_rest();
}

/// A certificate is good for users as the client claims to have them.
#[test]
fn certificates_are_held_against_claims_and_not_against_what_becomes_of_them() {
    let mut setup = Setup::default();
    setup.exports[0].squash = Squash::Root(ANONYMOUS);
    setup.exports[0].security = AcceptedSecurity {
        mtls: true,
        ..AcceptedSecurity::default()
    };
    let mut lab = setup.start();
    let file = handle(lab.add_file("f", b"data"));
    let certificate = |ranges| ClientSecurity::Tls {
        direct: false,
        admitted: Some(Box::new([Admitted::As(UidRanges::new(ranges))])),
    };
    let args = Out::new().opaque(&file).0;
    const ACCES: u32 = 13;
    let mut secure = |ranges| {
        let security = certificate(ranges);
        lab.gateway.client_secured(ClientId(1), security, lab.now);
        [(0, 900), (1000, 901), (ANONYMOUS.uid, 902)]
            .map(|(uid, xid)| ask(&mut lab, xid, GETATTR, &[uid, 7], &args))
    };
    assert_eq!(secure(vec![1000..=1999]), [ACCES, 0, ACCES]);
    assert_eq!(secure(vec![0..=0, 1000..=1999]), [0, 0, ACCES]);
    assert_eq!(secure(vec![65_534..=65_534]), [ACCES, ACCES, 0]);
}

/// MNT, and the question where a handle belongs: the latter is ours.
#[test]
fn nobody_mounts_as_root_and_we_ask_for_ourselves() {
    let mut lab = lab(Squash::Root(ANONYMOUS));
    let args = Out::new().opaque(b"/export").0;
    lab.offer(1, &record(&call(900, 100_005, 1, &[0, 0], &args)));
    lab.run();
    assert_eq!(last(&lab), (1, vec![ANONYMOUS.uid, ANONYMOUS.gid]));
    let guessed = handle(lab.add_file("h", b""));
    let from = lab.sent.len();
    let args = Out::new().opaque(&guessed).0;
    assert_eq!(ask(&mut lab, 901, GETATTR, &[1000, 100], &args), 0);
    let expected = [(GETATTR, vec![0, 0]), (GETATTR, vec![1000, 100])];
    assert_eq!(since(&lab, from), expected);
    lab.assert_at_rest();
}
