//! Exports whose calls wait for the origin only so long: what clients are told, and what becomes of what is on
//! its way.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::ClientId;
use lab::origin::{FOREIGN_ROOT, ROOT};
use lab::xdr::{In, Out, record};
use lab::{BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

const GETATTR: u32 = 1;
const SETATTR: u32 = 2;
const CREATE: u32 = 8;

const IO: u32 = 5;

const SECOND: Duration = Duration::from_secs(1);
/// How long calls wait where they do not wait for ever.
const GIVE_UP: Duration = Duration::from_secs(24);

/// One connection to the origin, and a file that both clients may read from the cache.
fn start(setup: Setup) -> (Lab, Vec<u8>) {
    let mut lab = Setup {
        connections: 1,
        ..setup
    }
    .start();
    lab.add_file("f", &pattern(4 * BLOCK, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 1);
    (lab, file)
}

fn impatient() -> Setup {
    let mut exports = vec![lab::export("/export"), lab::export("/other")];
    exports[0].give_up = Some(GIVE_UP);
    Setup {
        exports,
        ..Setup::default()
    }
}

fn getattr_args(file: &[u8]) -> Vec<u8> {
    Out::new().opaque(file).0
}

#[test]
fn whatever_a_call_waits_for_it_is_given_up() {
    let (mut lab, file) = start(impatient());
    lab.hold = |_| true;
    let data = pattern(100, 2);
    let calls = [
        ("its answer", lab.send(1, GETATTR, &getattr_args(&file))),
        (
            "a block",
            lab.send(1, READ, &read_args(&file, BLOCK as u64, 9)),
        ),
        (
            "the same",
            lab.send(1, READ, &read_args(&file, BLOCK as u64, 9)),
        ),
        (
            "a verdict",
            lab.send_as(1, 7, READ, &read_args(&file, 2 * BLOCK as u64, 9)),
        ),
        (
            "its answer",
            lab.send(1, WRITE, &write_args(&file, 0, &data)),
        ),
        ("a WRITE", lab.send(1, WRITE, &write_args(&file, 50, &data))),
    ];
    lab.wait(GIVE_UP - SECOND);
    for (what, xid) in calls {
        assert!(lab.answer(1, xid).is_none(), "{what}");
    }
    lab.wait(GIVE_UP / 8 + SECOND);
    for (what, xid) in calls {
        assert_eq!(lab.answer(1, xid).expect(what).status(), IO, "{what}");
    }
    assert_eq!(lab.gateway.stats().calls_given_up, 6);
    assert!(lab.pinned() >= BLOCK, "what is on the wire stays");
    let reads = lab.gateway.stats().origin_reads;
    // The answers come after all, and nobody is told.
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.gateway.stats().origin_reads,
        reads,
        "nothing more is asked for"
    );
    assert!(lab.received[&1].is_empty());
    lab.assert_at_rest();
    let origin = lab.origin.nodes[&2].data.clone();
    assert!(origin[..100] == data, "the first WRITE came through");
    assert!(
        origin[100..] == pattern(4 * BLOCK, 1)[100..],
        "the second was not sent"
    );
    assert!(lab.read_all(1, &file, 1 << 20) == origin);
    assert_eq!(
        lab.write(1, &file, 50, &data).count,
        100,
        "nothing is in the way"
    );
}

#[test]
fn another_exports_calls_wait_on() {
    let (mut lab, file) = start(impatient());
    let path = Out::new().opaque(b"/other").0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    lab.run();
    let mounted = lab.answer(1, xid).expect("answered");
    assert_eq!(In(&mounted.0[4..]).opaque(), lab::file_handle(FOREIGN_ROOT));
    let unknown = lab.add_file("unknown", b"data");
    lab.hold = |_| true;
    let patient = [FOREIGN_ROOT, unknown]
        .map(|id| lab.send(1, GETATTR, &getattr_args(&lab::file_handle(id))));
    let given_up = lab.send(1, GETATTR, &getattr_args(&file));
    lab.wait(10 * GIVE_UP);
    for xid in patient {
        // The second could be of either export.
        assert!(lab.answer(1, xid).is_none());
    }
    assert_eq!(lab.answer(1, given_up).expect("answered").status(), IO);
    lab.hold = |_| false;
    lab.run();
    for xid in patient {
        assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    }
    lab.assert_at_rest();
}

#[test]
fn where_every_export_gives_up_calls_of_unknown_exports_do_too() {
    let mut exports = vec![lab::export("/export")];
    exports[0].give_up = Some(GIVE_UP);
    let (mut lab, _) = start(Setup {
        exports,
        ..Setup::default()
    });
    lab.hold = |_| true;
    let unknown = lab.send(1, GETATTR, &getattr_args(&lab::file_handle(4)));
    let path = Out::new().opaque(b"/export").0;
    let (mount, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    lab.wait(2 * GIVE_UP);
    assert_eq!(lab.answer(1, unknown).expect("answered").status(), IO);
    assert_eq!(lab.answer(1, mount).expect("answered").status(), IO);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn what_was_given_up_is_not_sent_when_the_origin_is_back() {
    let (mut lab, file) = start(impatient());
    lab.is_black_hole = true;
    let link = lab.nfs_links()[0];
    lab.break_link(link);
    let sent = lab.sent.len();
    let write = lab.send(1, WRITE, &write_args(&file, 0, b"data"));
    let create = Out::new()
        .opaque(&lab::file_handle(ROOT))
        .opaque(b"new")
        .u32(0)
        .raw(&[0; 24]);
    let create = lab.send(1, CREATE, &create.0);
    lab.wait(2 * GIVE_UP);
    assert_eq!(lab.answer(1, write).expect("answered").status(), IO);
    assert_eq!(lab.answer(1, create).expect("answered").status(), IO);
    // The attempt of then succeeds after all.
    lab.is_black_hole = false;
    assert_eq!(lab.unanswered.len(), 1);
    for (origin, port) in std::mem::take(&mut lab.unanswered) {
        lab.links.insert(origin, port);
        lab.gateway.origin_opened(origin, lab.now);
    }
    lab.run();
    assert_eq!(lab.sent.len(), sent);
    lab.assert_at_rest();
    assert!(lab.read_all(1, &file, 1 << 20) == pattern(4 * BLOCK, 1));
}

#[test]
fn of_a_write_given_up_on_a_lost_connection_nothing_is_believed() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let write = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 9)));
    lab.wait(2 * GIVE_UP);
    assert_eq!(lab.answer(1, write).expect("answered").status(), IO);
    assert_eq!(lab.pinned(), BLOCK);
    // The origin has done it, and its answer is lost.
    let reply = lab.execute(0);
    lab.break_link(reply.link);
    assert_eq!(lab.pinned(), 0);
    lab.tick(10 * SECOND);
    assert!(lab.pending.is_empty(), "not sent again");
    assert!(lab.read_all(1, &file, 1 << 20) == lab.origin.nodes[&2].data);
    lab.assert_at_rest();
}

#[test]
fn of_a_truncation_given_up_on_a_lost_connection_nothing_is_believed() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(SETATTR);
    let args = Out::new()
        .opaque(&file)
        .raw(&[0; 12])
        .u32(1)
        .u64(5)
        .raw(&[0; 12]);
    let truncate = lab.send(1, SETATTR, &args.0);
    lab.run();
    // It is read again while that is under way.
    assert_eq!(lab.read_all(2, &file, 1 << 20).len(), 4 * BLOCK);
    lab.wait(2 * GIVE_UP);
    assert_eq!(lab.answer(1, truncate).expect("answered").status(), IO);
    let reply = lab.execute(0);
    lab.break_link(reply.link);
    lab.tick(10 * SECOND);
    assert_eq!(lab.read_all(2, &file, 1 << 20), lab.origin.nodes[&2].data);
    lab.assert_at_rest();
}

#[test]
fn a_write_given_up_does_not_overtake_the_next() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let old = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 8)));
    lab.wait(GIVE_UP + GIVE_UP / 8);
    assert_eq!(lab.answer(1, old).expect("answered").status(), IO);
    let new = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 9)));
    lab.run();
    assert_eq!(lab.pending_of(WRITE).len(), 1, "it waits for the old one");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.answer(1, new).expect("answered").write().count,
        BLOCK as u32
    );
    assert!(lab.origin.nodes[&2].data[..BLOCK] == pattern(BLOCK, 9));
    assert!(lab.read(2, &file, 0, BLOCK as u32).data == pattern(BLOCK, 9));
    lab.assert_at_rest();
}

#[test]
fn who_asks_again_for_what_was_given_up_is_told_the_same() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, b"data"));
    lab.offer(1, &record(&call));
    lab.wait(GIVE_UP + GIVE_UP / 8);
    let first = lab.answer(1, xid).expect("answered");
    lab.offer(1, &record(&call));
    assert_eq!(lab.answer(1, xid), Some(first));
    assert_eq!(lab.pending_of(WRITE).len(), 1, "it is not sent again");
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn who_gives_up_does_not_get_past_the_bounds() {
    let (mut lab, file) = start(impatient());
    lab.hold = |_| true;
    let mut calls = Vec::new();
    let mut stream = Vec::new();
    for number in 0..64 {
        let args = write_args(&file, number * BLOCK as u64, &pattern(BLOCK, 3));
        let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
        calls.push(xid);
        stream.extend(record(&call));
    }
    let left = lab.offer(1, &stream);
    stream.drain(..stream.len() - left);
    let pinned = lab.pinned();
    lab.wait(GIVE_UP + GIVE_UP / 8);
    assert!(lab.gateway.stats().calls_given_up > 0);
    assert_eq!(
        lab.offer(1, &stream),
        left,
        "the rest stays in the client's socket"
    );
    assert_eq!(lab.pinned(), pinned);
    assert!(lab.gateway.stats().charged_bytes >= pinned);
    lab.hold = |_| false;
    while !stream.is_empty() {
        lab.run();
        let left = lab.offer(1, &stream);
        stream.drain(..stream.len() - left);
    }
    lab.run();
    for xid in calls {
        assert!(lab.answer(1, xid).is_some());
    }
    lab.assert_at_rest();
}

#[test]
fn a_client_that_sends_no_more_goes_once_its_calls_are_given_up() {
    let (mut lab, file) = start(impatient());
    lab.hold = |_| true;
    lab.send(1, GETATTR, &getattr_args(&file));
    lab.gateway.client_finished(ClientId(1), lab.now);
    lab.act();
    assert!(lab.closed.is_empty(), "it is owed a reply");
    lab.wait(GIVE_UP + GIVE_UP / 8);
    assert_eq!(lab.closed, [ClientId(1)]);
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}
