//! An origin whose replies make no sense: what each client gets, and that nothing else suffers.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::ConnectionError;
use lab::xdr::{Out, record};
use lab::{BLOCK, Lab, READ, Reply, Setup, WRITE, pattern, read_args, write_args};

const GETATTR: u32 = 1;
const LOOKUP: u32 = 3;
const ACCESS: u32 = 4;
const CREATE: u32 = 8;
const REMOVE: u32 = 12;
const READDIRPLUS: u32 = 17;
const FSINFO: u32 = 19;
const COMMIT: u32 = 21;

const IO: u32 = 5;

/// Long enough for any attempt to reconnect, and too short for any other time-out.
const RECONNECTED: Duration = Duration::from_secs(11);

fn start() -> (Lab, Vec<u8>) {
    let mut lab = Setup {
        connections: 1,
        ..Setup::default()
    }
    .start();
    lab.add_file("f", &pattern(1000, 1));
    let file = lab.lookup(1, "f");
    // The verdict is known, so a READ is one call.
    lab.read(1, &file, 0, 1);
    (lab, file)
}

/// One of every kind of call, told apart by what is made of its reply.
fn calls(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let root = Out::new().opaque(&lab::file_handle(1));
    let args = |name: &[u8]| root.clone().opaque(name);
    let whole_file = root.clone().u64(0).u64(0).u32(8192).u32(32_768);
    vec![
        (GETATTR, Out::new().opaque(file).0),
        (LOOKUP, args(b"f").0),
        (ACCESS, Out::new().opaque(file).u32(0x3f).0),
        (READ, read_args(file, 0, 1000)),
        (WRITE, write_args(file, 0, &pattern(1000, 1))),
        (CREATE, args(b"new").u32(0).raw(&[0; 24]).0),
        (REMOVE, args(b"new").0),
        (READDIRPLUS, whole_file.0),
        (FSINFO, root.clone().0),
        (COMMIT, Out::new().opaque(file).u64(0).u32(0).0),
    ]
}

/// Makes a call and takes the origin's reply to it.
fn begin(lab: &mut Lab, procedure: u32, args: &[u8]) -> (u32, Reply) {
    if procedure == READ {
        // So that it is not answered from the cache.
        lab.hold = |_| false;
        lab.origin.change(2, |_| ());
        lab.getattr(1, &lab::file_handle(2));
        lab.call(
            1,
            ACCESS,
            &Out::new().opaque(&lab::file_handle(2)).u32(0x3f).0,
        );
    }
    lab.hold = |_| true;
    let xid = lab.send(1, procedure, args);
    lab.run();
    assert_eq!(lab.pending.len(), 1, "one call waits at the origin");
    (xid, lab.execute(0))
}

fn go_on(lab: &mut Lab) {
    lab.hold = |_| false;
    lab.tick(RECONNECTED);
}

#[test]
fn a_reply_that_ends_after_any_byte() {
    let (mut lab, file) = start();
    for (procedure, args) in calls(&file) {
        let mut at = 0;
        loop {
            let (xid, mut reply) = begin(&mut lab, procedure, &args);
            if at == reply.bytes.len() {
                lab.deliver(&reply);
                assert!(lab.answer(1, xid).is_some());
                break;
            }
            reply.bytes.truncate(at);
            let delivered = lab.deliver_bytes(reply.link, &record(&reply.bytes));
            if at < 4 {
                // Nobody can say which call it answers.
                assert_eq!(delivered, Err(ConnectionError::NotRpc));
                lab.break_link(reply.link);
                go_on(&mut lab);
                assert!(lab.answer(1, xid).is_some(), "{procedure} cut at {at}");
            } else {
                delivered.expect("good");
                let answer = lab.answer(1, xid).expect("answered");
                assert_eq!(answer.status(), IO, "{procedure} cut at {at}");
            }
            assert_eq!(lab.pinned(), 0, "{procedure} cut at {at}");
            at += 1;
        }
    }
    go_on(&mut lab);
    assert_eq!(lab.read_all(1, &file, 100), pattern(1000, 1));
    lab.assert_at_rest();
}

#[test]
fn a_reply_with_any_word_wrong() {
    let (mut lab, file) = start();
    for (procedure, args) in calls(&file) {
        for wrong in [2, 1000, 0x7fff_fffd, u32::MAX] {
            let (_, reply) = begin(&mut lab, procedure, &args);
            lab.deliver(&reply);
            // All but the xid, which is another test's.
            for at in (4..reply.bytes.len()).step_by(4) {
                let (xid, mut reply) = begin(&mut lab, procedure, &args);
                reply.bytes[at..at + 4].copy_from_slice(&wrong.to_be_bytes());
                lab.deliver(&reply);
                assert!(lab.reply(1, xid).is_some(), "{procedure}: {wrong} at {at}");
                assert_eq!(lab.pinned(), 0, "{procedure}: {wrong} at {at}");
            }
        }
    }
    go_on(&mut lab);
    // What was believed of it is mended by the next truth.
    lab.origin.change(2, |_| ());
    lab.getattr(1, &file);
    assert_eq!(lab.read_all(1, &file, 100), pattern(1000, 1));
    lab.assert_at_rest();
}

/// Everything after the xid of a reply that RPC refuses with.
fn refusals() -> Vec<Vec<u8>> {
    let accepted = |status: u32| Out::new().u32(1).u32(0).u32(0).u32(0).u32(status);
    let denied = Out::new().u32(1).u32(1);
    vec![
        accepted(1).0,
        accepted(2).u32(2).u32(4).0,
        accepted(3).0,
        accepted(4).0,
        accepted(5).0,
        denied.clone().u32(0).u32(2).u32(2).0,
        denied.u32(1).u32(5).0,
    ]
}

#[test]
fn refusals_of_rpc_are_passed_on() {
    let (mut lab, file) = start();
    for refusal in refusals() {
        for (procedure, args) in calls(&file) {
            let (xid, mut reply) = begin(&mut lab, procedure, &args);
            reply.bytes.truncate(4);
            reply.bytes.extend(&refusal);
            lab.deliver(&reply);
            let passed = lab.reply(1, xid).expect("answered");
            assert_eq!(passed[4..], refusal, "{procedure}");
            assert_eq!(lab.pinned(), 0);
        }
    }
    go_on(&mut lab);
    lab.assert_at_rest();
}

#[test]
fn a_late_reply_on_a_connection_of_old_settles_nothing() {
    let (mut lab, file) = start();
    let args = write_args(&file, 0, b"data");
    let (xid, late) = begin(&mut lab, WRITE, &args);
    lab.break_link(late.link);
    lab.tick(RECONNECTED);
    let refused = lab.deliver_bytes(late.link, &record(&late.bytes));
    assert_eq!(refused, Err(ConnectionError::UnknownConnection));
    assert_eq!(lab.pinned(), BLOCK, "nothing was released");
    assert!(lab.answer(1, xid).is_none());
    go_on(&mut lab);
    assert_eq!(lab.answer(1, xid).expect("answered").write().count, 4);
    assert_eq!(lab.gateway.stats().origin_protocol_errors, 0);
    lab.assert_at_rest();
}

#[test]
fn a_connection_with_nothing_but_strays_is_replaced() {
    let (mut lab, file) = start();
    let (xid, reply) = begin(&mut lab, GETATTR, &Out::new().opaque(&file).0);
    let mut stray = reply.bytes.clone();
    stray[0] ^= 0x40;
    for _ in 1..gateway::limits::STRAY_REPLIES_MAX {
        lab.deliver_bytes(reply.link, &record(&stray))
            .expect("good");
    }
    let last = lab.deliver_bytes(reply.link, &record(&stray));
    assert_eq!(last, Err(ConnectionError::StrayReplies));
    lab.break_link(reply.link);
    assert!(lab.answer(1, xid).is_none());
    go_on(&mut lab);
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    lab.assert_at_rest();
}

#[test]
fn strays_between_good_replies_are_only_counted() {
    let (mut lab, file) = start();
    for _ in 0..3 * gateway::limits::STRAY_REPLIES_MAX {
        let (xid, reply) = begin(&mut lab, GETATTR, &Out::new().opaque(&file).0);
        lab.deliver(&reply);
        assert!(lab.answer(1, xid).is_some());
        lab.deliver(&reply);
    }
    let strays = u64::from(3 * gateway::limits::STRAY_REPLIES_MAX);
    assert_eq!(lab.gateway.stats().origin_unknown_replies, strays);
    lab.assert_at_rest();
}

/// What is no record of any reply.
fn bombs() -> Vec<Vec<u8>> {
    let too_long = gateway::limits::METADATA_REPLY_MAX as u32 + 1;
    let half = |mark: u32| [&mark.to_be_bytes()[..], &vec![7; mark as usize]].concat();
    vec![
        0xffff_ffff_u32.to_be_bytes().to_vec(),
        0x7fff_ffff_u32.to_be_bytes().to_vec(),
        (0x8000_0000 | too_long).to_be_bytes().to_vec(),
        [half(too_long / 2), half(too_long / 2 + 2)].concat(),
        vec![0; 4 * (gateway::limits::FRAGMENTS_PER_RECORD_MAX + 1)],
        0x8000_0000_u32.to_be_bytes().to_vec(),
    ]
}

#[test]
fn a_reply_that_cannot_be_read_is_not_waited_for_for_ever() {
    let (mut lab, file) = start();
    for bomb in bombs() {
        let args = Out::new().opaque(&file).0;
        let (poison, first) = begin(&mut lab, GETATTR, &args);
        let mut link = first.link;
        for _ in 1..gateway::limits::BROKEN_CONNECTIONS_PER_CALL {
            lab.deliver_bytes(link, &bomb).expect_err("no record");
            lab.break_link(link);
            lab.tick(RECONNECTED);
            assert!(lab.answer(1, poison).is_none());
            link = lab.nfs_links()[0];
            assert_eq!(lab.pending.len(), 1, "sent again");
        }
        // Others come and wait on the same connection.
        let other = lab.send(2, WRITE, &write_args(&file, 0, &pattern(1000, 1)));
        lab.deliver_bytes(link, &bomb).expect_err("no record");
        lab.break_link(link);
        assert_eq!(lab.answer(1, poison).expect("answered").status(), IO);
        go_on(&mut lab);
        assert_eq!(lab.answer(2, other).expect("answered").write().count, 1000);
        lab.assert_at_rest();
    }
}

#[test]
fn more_bytes_after_the_data_are_left_out() {
    let (mut lab, file) = start();
    let (xid, mut reply) = begin(&mut lab, READ, &read_args(&file, 0, 1000));
    reply.bytes.extend([9; 100_000]);
    lab.deliver(&reply);
    assert_eq!(
        lab.answer(1, xid).expect("answered").read().data,
        pattern(1000, 1)
    );
    go_on(&mut lab);
    assert_eq!(lab.read_all(1, &file, 100), pattern(1000, 1));
    lab.assert_at_rest();
}

/// Rewrites a READ's reply to its first `count` bytes and what it says of the end of the file.
fn shorten(reply: &mut Reply, count: usize, end_of_file: bool) {
    let at = 24 + 4 + 88;
    let words = [count as u32, u32::from(end_of_file), count as u32];
    for (word, value) in words.iter().enumerate() {
        reply.bytes[at + 4 * word..][..4].copy_from_slice(&value.to_be_bytes());
    }
    reply.bytes.truncate(at + 12 + count.next_multiple_of(4));
}

#[test]
fn a_read_that_gives_nothing_is_tried_once_more() {
    let (mut lab, file) = start();
    let (xid, mut reply) = begin(&mut lab, READ, &read_args(&file, 0, 1000));
    let reads = lab.gateway.stats().origin_reads;
    shorten(&mut reply, 0, false);
    lab.deliver(&reply);
    assert_eq!(lab.gateway.stats().origin_reads, reads + 1);
    let mut reply = lab.execute(0);
    shorten(&mut reply, 0, false);
    lab.deliver(&reply);
    let answer = lab.answer(1, xid).expect("answered").read();
    // As the origin says: nothing, and not the end.
    assert_eq!((answer.status, answer.data.len()), (0, 0));
    assert!(!answer.end_of_file);
    go_on(&mut lab);
    assert_eq!(lab.read_all(1, &file, 1000), pattern(1000, 1));
    lab.assert_at_rest();
}

#[test]
fn an_end_before_the_end_is_passed_on_and_not_remembered() {
    let (mut lab, file) = start();
    let (xid, mut reply) = begin(&mut lab, READ, &read_args(&file, 0, 1000));
    shorten(&mut reply, 100, true);
    lab.deliver(&reply);
    let answer = lab.answer(1, xid).expect("answered").read();
    assert_eq!(answer.data, pattern(1000, 1)[..100]);
    assert!(answer.end_of_file, "as the origin says");
    go_on(&mut lab);
    assert_eq!(lab.read_all(1, &file, 1000), pattern(1000, 1));
    lab.assert_at_rest();
}
