//! Calls that come twice: what changes something is executed once, and answered as often as it is asked.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::{ClientId, Limits};
use lab::origin::ROOT;
use lab::repeats::{FIRST, REMOVE, SECOND, ask, changes, in_root, lab, lab_of};
use lab::xdr::{Out, fragmented, record};
use lab::{BLOCK, Lab, Setup, WRITE, file_handle, pattern, write_args};

const LOOKUP: u32 = 3;

#[test]
fn a_call_that_is_asked_again_is_answered_again_with_the_same_bytes() {
    let (mut lab, file) = lab();
    for (procedure, args) in changes(&file) {
        let (xid, call) = lab.call_bytes(100_003, 3, procedure, 0, &args);
        ask(&mut lab, FIRST, &call);
        let sent = lab.sent.len();
        let reply = lab.reply(FIRST, xid).expect("answered");
        assert_eq!(&reply[24..28], [0; 4], "procedure {procedure} works");
        for client in [FIRST, SECOND] {
            ask(&mut lab, client, &call);
            assert_eq!(lab.reply(client, xid).as_ref(), Some(&reply));
            assert_eq!(lab.reply(client, xid), None, "once");
        }
        assert_eq!(lab.sent.len(), sent, "procedure {procedure} goes out once");
    }
    let stats = lab.gateway.stats();
    assert_eq!((stats.duplicates, stats.duplicates_answered), (10, 20));
    assert_eq!(stats.duplicates_joined, 0);
    lab.assert_at_rest();
}

#[test]
fn a_call_that_is_asked_again_while_it_is_executed_joins_it() {
    let (mut lab, file) = lab();
    for (procedure, args) in changes(&file) {
        lab.hold = |_| true;
        let (xid, call) = lab.call_bytes(100_003, 3, procedure, 0, &args);
        ask(&mut lab, FIRST, &call);
        let sent = lab.sent.len();
        for client in [FIRST, SECOND, SECOND] {
            ask(&mut lab, client, &call);
        }
        assert_eq!(lab.sent.len(), sent, "procedure {procedure} goes out once");
        lab.hold = |_| false;
        lab.run();
        let reply = lab.reply(SECOND, xid).expect("whoever asked last");
        assert_eq!(&reply[24..28], [0; 4], "procedure {procedure} works");
        assert_eq!(lab.reply(SECOND, xid), None, "once");
        assert_eq!(lab.reply(FIRST, xid), None, "one reply to one call");
        lab.assert_at_rest();
    }
    assert_eq!(lab.gateway.stats().duplicates_joined, 30);
}

#[test]
fn what_comes_late_on_the_old_connection_takes_no_reply_from_the_new_one() {
    let (mut lab, file) = lab();
    for (procedure, args) in changes(&file) {
        lab.hold = |_| true;
        let (xid, call) = lab.call_bytes(100_003, 3, procedure, 0, &args);
        // The client sent it on its first connection, gave that up, and asked again on the second: what was
        // lost of the first and sent again by TCP arrives last.
        for client in [SECOND, FIRST] {
            ask(&mut lab, client, &call);
        }
        lab.hold = |_| false;
        lab.run();
        assert!(lab.reply(SECOND, xid).is_some(), "procedure {procedure}");
        assert_eq!(lab.reply(FIRST, xid), None, "one reply to one call");
        lab.assert_at_rest();
    }
    assert_eq!(lab.gateway.stats().duplicates_joined, 10);
}

#[test]
fn the_old_connection_is_answered_when_the_new_one_is_gone() {
    let (mut lab, _) = lab();
    lab.hold = |_| true;
    let (xid, call) = lab.call_bytes(100_003, 3, REMOVE, 0, &in_root("f").0);
    ask(&mut lab, SECOND, &call);
    lab.gateway.client_closed(ClientId(SECOND), lab.now);
    ask(&mut lab, FIRST, &call);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(FIRST, xid).expect("answered").status(), 0);
    lab.assert_at_rest();
}

#[test]
fn a_client_that_comes_back_finds_what_became_of_its_calls() {
    let (mut lab, file) = lab();
    lab.hold = |_| true;
    let (remove, remove_call) = lab.call_bytes(100_003, 3, REMOVE, 0, &in_root("f").0);
    let data = pattern(2 * BLOCK, 1);
    let args = write_args(&file, 0, &data);
    let (write, write_call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    ask(&mut lab, FIRST, &write_call);
    ask(&mut lab, FIRST, &remove_call);
    lab.gateway.client_closed(ClientId(FIRST), lab.now);
    // One comes back while the call is executed, the other afterwards.
    ask(&mut lab, SECOND, &remove_call);
    let sent = lab.sent.len();
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(SECOND, remove).expect("answered").status(), 0);
    assert_eq!(lab.answer(SECOND, write), None, "not asked for there");
    ask(&mut lab, SECOND, &write_call);
    let written = lab.answer(SECOND, write).expect("answered").write();
    assert_eq!((written.status, written.count as usize), (0, data.len()));
    assert_eq!(lab.sent.len(), sent, "nothing was executed twice");
    lab.assert_at_rest();
}

#[test]
fn the_outcome_is_wanted_even_if_both_connections_break() {
    let (mut lab, _) = lab_of(Setup {
        connections: 1,
        ..Setup::default()
    });
    lab.hold = |_| true;
    let (xid, call) = lab.call_bytes(100_003, 3, REMOVE, 0, &in_root("f").0);
    ask(&mut lab, FIRST, &call);
    let (_, first) = lab.sent.last().expect("it went out").clone();
    lab.gateway.client_closed(ClientId(FIRST), lab.now);
    let link = lab.nfs_links()[0];
    lab.break_link(link);
    lab.hold = |_| false;
    lab.tick(Duration::from_secs(1));
    let (_, again) = lab.sent.last().expect("it went out").clone();
    assert_eq!(first, again, "the same xid and bytes");
    let sent = lab.sent.len();
    ask(&mut lab, SECOND, &call);
    assert_eq!(lab.answer(SECOND, xid).expect("answered").status(), 0);
    assert_eq!(lab.sent.len(), sent);
    lab.assert_at_rest();
}

#[test]
fn what_was_not_executed_is_a_new_call() {
    let (mut lab, file) = lab();
    lab.hold = |_| true;
    // The second waits for the first, which it overlaps, and has not gone out when its client vanishes.
    let first = write_args(&file, 0, b"first");
    let (_, first) = lab.call_bytes(100_003, 3, WRITE, 0, &first);
    ask(&mut lab, 2, &first);
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, b"other"));
    ask(&mut lab, FIRST, &call);
    assert_eq!(lab.pending_of(WRITE).len(), 1);
    lab.gateway.client_closed(ClientId(FIRST), lab.now);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.read(2, &file, 0, 5).data, b"first");
    ask(&mut lab, SECOND, &call);
    assert_eq!(lab.answer(SECOND, xid).expect("answered").write().status, 0);
    assert_eq!(lab.read(2, &file, 0, 5).data, b"other");
    assert_eq!(lab.gateway.stats().duplicates_joined, 0);
    lab.assert_at_rest();
}

#[test]
fn the_same_xid_with_anything_else_different_is_a_new_call() {
    let (mut lab, file) = lab();
    let args = write_args(&file, 0, &pattern(1000, 1));
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    ask(&mut lab, FIRST, &call);
    assert!(lab.reply(FIRST, xid).is_some());
    let variant = |procedure: u32, args: &[u8]| {
        let mut variant = call[..20].to_vec();
        variant.extend(procedure.to_be_bytes());
        variant
            .extend(&call[24..call.len() - write_args(b"1234567890123456", 0, &[0; 1000]).len()]);
        variant.extend(args);
        variant
    };
    let same = variant(WRITE, &args);
    assert_eq!(
        same, call,
        "the variants differ in what they are to differ in"
    );
    let mut other_user = call.clone();
    let uid = call.len() - args.len() - 20;
    other_user[uid + 3] ^= 9;
    let variants = [
        variant(WRITE, &write_args(&file, 4, &pattern(1000, 1))),
        variant(WRITE, &write_args(&file, 0, &pattern(1000, 2))),
        variant(WRITE, &write_args(&file, 0, &pattern(996, 1))),
        variant(REMOVE, &in_root("nothing").0),
        other_user,
    ];
    for (number, variant) in variants.iter().enumerate() {
        let sent = lab.sent.len();
        ask(&mut lab, FIRST, variant);
        assert!(lab.reply(FIRST, xid).is_some());
        assert_eq!(lab.sent.len(), sent + 1, "variant {number} is executed");
    }
    let sent = lab.sent.len();
    ask(&mut lab, 2, &call);
    assert!(lab.reply(2, xid).is_some());
    assert_eq!(lab.sent.len(), sent + 1, "another machine's is executed");
    assert_eq!(lab.gateway.stats().duplicates_answered, 0);
    lab.assert_at_rest();
}

#[test]
fn calls_that_may_be_executed_again_are() {
    let (mut lab, file) = lab();
    let calls = [
        (1, Out::new().opaque(&file).0),
        (LOOKUP, in_root("f").0),
        (4, Out::new().opaque(&file).u32(1).0),
        (
            17,
            Out::new()
                .opaque(&file_handle(ROOT))
                .u64(0)
                .u64(0)
                .u32(9000)
                .u32(9000)
                .0,
        ),
        (21, Out::new().opaque(&file).u64(0).u32(0).0),
    ];
    for (procedure, args) in calls {
        let (xid, call) = lab.call_bytes(100_003, 3, procedure, 0, &args);
        for _ in 0..2 {
            let sent = lab.sent.len();
            ask(&mut lab, FIRST, &call);
            assert!(lab.reply(FIRST, xid).is_some());
            assert_eq!(lab.sent.len(), sent + 1, "procedure {procedure}");
        }
    }
    assert_eq!(lab.gateway.stats().duplicates, 0);
    lab.assert_at_rest();
}

/// How a call becomes a stream.
type Form = fn(&[u8]) -> Vec<u8>;

/// Gives the bytes in pieces of `len` and tells how many bytes the gateway ever pinned beyond `before`.
fn trickle(lab: &mut Lab, client: u64, bytes: &[u8], len: usize) -> usize {
    let before = lab.pinned();
    let mut most = before;
    for piece in bytes.chunks(len) {
        assert_eq!(lab.offer(client, piece), 0, "taken in whole");
        most = most.max(lab.pinned());
    }
    most - before
}

#[test]
fn a_write_that_comes_again_takes_no_blocks_however_it_is_cut() {
    let (mut lab, file) = lab();
    let data = pattern(BLOCK + 333, 8);
    let args = write_args(&file, 100, &data);
    let forms: [Form; 4] = [
        record,
        |call| fragmented(call, 7),
        |call| fragmented(call, 255),
        // An empty last fragment: the record ends after its last byte was seen.
        |call| {
            let mut bytes = record(call);
            bytes[0] = 0;
            bytes.extend([0x80, 0, 0, 0]);
            bytes
        },
    ];
    for form in forms {
        for len in [1, 100, 255, 256, 257, 260, 4096, usize::MAX] {
            lab.hold = |call| call.is_nfs(WRITE);
            let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
            let bytes = form(&call);
            assert!(trickle(&mut lab, FIRST, &bytes, len.max(100)) > BLOCK);
            lab.run();
            let sent = lab.sent.len();
            // While it is executed, and afterwards; each with another call right behind it.
            for hold in [true, false] {
                let next = lab.call_bytes(100_003, 3, LOOKUP, 0, &in_root("f").0);
                let stream = [bytes.as_slice(), &record(&next.1)].concat();
                assert_eq!(trickle(&mut lab, SECOND, &stream, len), 0);
                lab.run();
                assert!(lab.answer(SECOND, next.0).is_some(), "the stream goes on");
                assert_eq!(lab.reply(SECOND, xid).is_none(), hold);
                lab.hold = |_| false;
                lab.run();
                if hold {
                    assert!(lab.reply(SECOND, xid).is_some());
                }
            }
            assert_eq!(lab.sent.len(), sent + 2, "two LOOKUPs and no WRITE");
            assert_eq!(lab.reply(FIRST, xid), None);
            lab.assert_at_rest();
        }
    }
    let stats = lab.gateway.stats();
    assert_eq!(
        (stats.duplicates_joined, stats.duplicates_answered),
        (32, 32)
    );
}

#[test]
fn nobody_waits_for_data_that_stopped_coming() {
    let (mut lab, file) = lab();
    let data = pattern(2 * BLOCK, 3);
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, &data));
    let bytes = record(&call);
    // The old connection is dead, and nobody knows yet.
    let half = bytes.len() / 2;
    assert_eq!(lab.offer(FIRST, &bytes[..half]), 0);
    ask(&mut lab, SECOND, &call);
    assert_eq!(lab.answer(SECOND, xid).expect("answered").write().status, 0);
    // Or it was not: what comes late is not executed again.
    let sent = lab.sent.len();
    lab.write(SECOND, &file, 0, b"newer");
    assert_eq!(lab.offer(FIRST, &bytes[half..]), 0);
    lab.run();
    assert_eq!(lab.answer(FIRST, xid).expect("answered").write().status, 0);
    assert_eq!(lab.sent.len(), sent + 1, "only the newer WRITE");
    assert_eq!(lab.read(2, &file, 0, 5).data, b"newer");
    lab.assert_at_rest();
}

#[test]
fn a_write_without_all_of_its_data_is_not_remembered() {
    let (mut lab, file) = lab();
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, &[7; 1000]));
    ask(&mut lab, FIRST, &call[..call.len() - 500]);
    let reply = lab.reply(FIRST, xid).expect("answered");
    assert_eq!(&reply[20..24], [0, 0, 0, 4], "GARBAGE_ARGS");
    assert_eq!(lab.gateway.stats().duplicates, 0);
    ask(&mut lab, FIRST, &call);
    assert_eq!(lab.answer(FIRST, xid).expect("answered").write().status, 0);
    lab.assert_at_rest();
}

#[test]
fn a_client_at_its_bound_waits_with_repeated_calls_too() {
    let (mut lab, file) = lab_of(Setup {
        limits: Limits {
            calls_per_client: 2,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let args = write_args(&file, 0, &pattern(BLOCK, 1));
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    ask(&mut lab, FIRST, &call);
    assert!(lab.reply(FIRST, xid).is_some());
    lab.keep_messages = true;
    let bytes = record(&call).repeat(5);
    let mut left = bytes.len();
    for round in 0..5 {
        let rest = bytes[bytes.len() - left..].to_vec();
        left = lab.offer(SECOND, &rest);
        assert_eq!(
            lab.kept.len(),
            if round < 4 { 2 } else { 1 },
            "round {round}"
        );
        assert_eq!(lab.gateway.stats().calls_in_flight, lab.kept.len());
        lab.kept.remove(0);
    }
    assert_eq!(left, 0);
    lab.assert_at_rest();
    assert_eq!(lab.gateway.stats().duplicates_answered, 5);
    assert_eq!(lab.gateway.stats().origin_writes, 1);
}

#[test]
fn whoever_joins_a_call_is_charged_for_its_reply() {
    let (mut lab, file) = lab_of(Setup {
        limits: Limits {
            calls_per_client: 2,
            ..Limits::default()
        },
        ..Setup::default()
    });
    lab.hold = |_| true;
    let args = write_args(&file, 0, &pattern(BLOCK, 1));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    ask(&mut lab, FIRST, &call);
    ask(&mut lab, SECOND, &call);
    let stats = lab.gateway.stats();
    assert_eq!((stats.calls_in_flight, stats.charged_bytes), (2, BLOCK));
    lab.hold = |_| false;
    lab.keep_messages = true;
    lab.run();
    let kept = |lab: &Lab| -> Vec<u64> { lab.kept.iter().map(|(client, _)| client.0).collect() };
    assert_eq!(kept(&lab), [SECOND]);
    for client in [FIRST, SECOND] {
        lab.send(client, 1, &Out::new().opaque(&file).0);
        lab.run();
    }
    assert_eq!(kept(&lab), [SECOND, FIRST], "two are not read yet");
    lab.kept.clear();
    lab.run();
    assert_eq!(kept(&lab), [SECOND]);
    lab.kept.clear();
    lab.assert_at_rest();
}
