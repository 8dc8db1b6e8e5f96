//! What is remembered of calls that must not be executed twice: for how long, how much, and for whom.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::{ClientId, ClientSecurity, Limits};
use lab::attack::TOOWEAK;
use lab::repeats::{FIRST, MACHINE, REMOVE, SECOND, ask, changes, in_root, lab, lab_of};
use lab::xdr::{Out, record};
use lab::{Reply, Setup, WRITE, write_args};

/// Whoever has seen a call and comes from the same address in clear does not get what was answered over TLS.
#[test]
fn what_was_answered_over_tls_is_not_repeated_in_clear() {
    let mut setup = Setup::default();
    setup.exports[0].security = gateway::AcceptedSecurity {
        tls: true,
        ..gateway::AcceptedSecurity::default()
    };
    let mut lab = setup.start();
    for client in [FIRST, SECOND] {
        if client == SECOND {
            lab.connect(SECOND, MACHINE);
        }
        let security = ClientSecurity::Tls {
            direct: false,
            admitted: None,
        };
        lab.gateway
            .client_secured(ClientId(client), security, lab.now);
    }
    lab.connect(12, MACHINE);
    lab.add_file("f", b"content");
    let file = lab.lookup(FIRST, "f");
    for (procedure, args) in changes(&file) {
        let (xid, call) = lab.call_bytes(100_003, 3, procedure, 0, &args);
        ask(&mut lab, FIRST, &call);
        let reply = lab.reply(FIRST, xid).expect("answered");
        assert_eq!(&reply[24..28], [0; 4], "procedure {procedure} works");
        ask(&mut lab, 12, &call);
        let denied = lab.reply(12, xid).expect("answered");
        assert_eq!(denied[4..], TOOWEAK.map(u32::to_be_bytes).concat());
        ask(&mut lab, SECOND, &call);
        assert_eq!(lab.reply(SECOND, xid), Some(reply));
    }
    assert_eq!(lab.gateway.stats().duplicates_answered, 10);
}

#[test]
fn what_is_remembered_is_bounded_in_number_and_time() {
    let (mut lab, _) = lab_of(Setup {
        limits: Limits {
            calls: 4,
            duplicates: 8,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut calls = Vec::new();
    for number in 0..9 {
        lab.add_file(&format!("{number}"), b"");
        let args = in_root(&format!("{number}")).0;
        let (xid, call) = lab.call_bytes(100_003, 3, REMOVE, 0, &args);
        ask(&mut lab, FIRST, &call);
        assert_eq!(lab.answer(FIRST, xid).expect("answered").status(), 0);
        calls.push((xid, call));
    }
    assert_eq!(lab.gateway.stats().duplicates, 8);
    let (xid, newer) = &calls[1];
    ask(&mut lab, FIRST, newer);
    assert_eq!(lab.answer(FIRST, *xid).expect("answered").status(), 0);
    let (xid, oldest) = &calls[0];
    ask(&mut lab, FIRST, oldest);
    let status = lab.answer(FIRST, *xid).expect("answered").status();
    assert_eq!(
        status, 2,
        "forgotten: it is executed, and there is no entry"
    );
    lab.tick(gateway::limits::DUPLICATE_LIFETIME);
    let (xid, newest) = &calls[8];
    ask(&mut lab, FIRST, newest);
    assert_eq!(lab.answer(FIRST, *xid).expect("answered").status(), 2);
    assert_eq!(lab.gateway.stats().duplicates, 1, "all others are too old");
    lab.assert_at_rest();
}

#[test]
fn nothing_is_forgotten_of_a_client_that_is_kept_waiting() {
    let (mut lab, file) = lab_of(Setup {
        limits: Limits {
            calls_per_client: 1,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let (xid, remove) = lab.call_bytes(100_003, 3, REMOVE, 0, &in_root("f").0);
    ask(&mut lab, FIRST, &remove);
    assert_eq!(lab.answer(FIRST, xid).expect("answered").status(), 0);
    // On another connection it asks again, behind calls for which there is no room: the origin is silent.
    lab.hold = |_| true;
    let getattr = Out::new().opaque(&file).0;
    let calls = [(); 2].map(|()| lab.call_bytes(100_003, 3, 1, 0, &getattr).1);
    let stream = [record(&calls[0]), record(&calls[1]), record(&remove)].concat();
    let mut left = lab.offer(SECOND, &stream);
    assert!(left >= remove.len(), "it is not read");
    for _ in 0..2 * gateway::limits::DUPLICATE_LIFETIME.as_secs() {
        lab.tick(Duration::from_secs(1));
        left = lab.offer(SECOND, &stream[stream.len() - left..]);
    }
    assert!(left >= remove.len(), "it is not read");
    lab.hold = |_| false;
    while left > 0 {
        lab.tick(Duration::from_secs(1));
        left = lab.offer(SECOND, &stream[stream.len() - left..]);
    }
    lab.run();
    assert_eq!(lab.answer(SECOND, xid).expect("answered").status(), 0);
    lab.wait(gateway::limits::DUPLICATE_LIFETIME);
    ask(&mut lab, FIRST, &remove);
    let status = lab.answer(FIRST, xid).expect("answered").status();
    assert_eq!(status, 2, "forgotten in the end");
    lab.assert_at_rest();
}

#[test]
fn a_reply_that_is_too_long_is_passed_on_and_not_remembered() {
    let (mut lab, _) = lab();
    lab.hold = |_| true;
    let (xid, call) = lab.call_bytes(100_003, 3, REMOVE, 0, &in_root("f").0);
    ask(&mut lab, FIRST, &call);
    let reply = lab.execute(0);
    let mut long = reply.bytes[..12].to_vec();
    long.extend(Out::new().u32(0).opaque(&[1; 400]).0);
    long.extend(&reply.bytes[20..]);
    lab.deliver(&Reply {
        link: reply.link,
        bytes: long.clone(),
    });
    let passed = lab.reply(FIRST, xid).expect("answered");
    assert_eq!(passed[4..], long[4..]);
    let stats = lab.gateway.stats();
    assert_eq!((stats.duplicates, stats.duplicates_too_long), (0, 1));
    lab.hold = |_| false;
    ask(&mut lab, FIRST, &call);
    assert_eq!(lab.answer(FIRST, xid).expect("answered").status(), 2);
    lab.assert_at_rest();
}

#[test]
fn refusals_of_our_own_are_remembered_as_well() {
    let mut export = lab::export("/export");
    export.read_only = true;
    let (mut lab, file) = lab_of(Setup {
        exports: vec![export],
        ..Setup::default()
    });
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, b"x"));
    ask(&mut lab, FIRST, &call);
    let refused = lab.reply(FIRST, xid).expect("answered");
    ask(&mut lab, SECOND, &call);
    assert_eq!(lab.reply(SECOND, xid), Some(refused));
    assert_eq!(lab.gateway.stats().refused_by_export, 1);
    assert_eq!(lab.read(2, &file, 0, 7).data, b"content");
    lab.assert_at_rest();
}
