//! Clients that close their sending side and still want what they asked for.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;

use gateway::{ClientId, Limits};
use lab::origin::ROOT;
use lab::xdr::{Out, record};
use lab::{BLOCK, Lab, READ, Setup, WRITE, file_handle, pattern, read_args, write_args};

fn lab() -> (Lab, Vec<u8>) {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(3 * BLOCK, 1));
    let file = lab.lookup(1, "f");
    (lab, file)
}

fn finish(lab: &mut Lab, client: u64) {
    lab.gateway.client_finished(ClientId(client), lab.now);
    lab.act();
}

#[test]
fn calls_in_flight_are_answered_and_then_the_connection_is_closed() {
    let (mut lab, file) = lab();
    lab.hold = |_| true;
    let read = lab.send(1, READ, &read_args(&file, 0, 3 * BLOCK as u32));
    let write = lab.send(1, WRITE, &write_args(&file, 5 * BLOCK as u64, b"tail"));
    let queued = lab.send(1, WRITE, &write_args(&file, 5 * BLOCK as u64, b"more"));
    lab.run();
    finish(&mut lab, 1);
    // One by one; whatever comes last, the connection is open until then.
    while let Some(pending) = (!lab.pending.is_empty()).then(|| lab.execute(0)) {
        assert!(lab.closed.is_empty(), "replies are still owed");
        lab.deliver(&pending);
    }
    assert_eq!(lab.closed, [ClientId(1)], "closed, once");
    let data = lab.answer(1, read).expect("answered").read().data;
    assert_eq!(data, pattern(3 * BLOCK, 1));
    for write in [write, queued] {
        assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    }
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.assert_at_rest();
}

#[test]
fn a_client_that_is_owed_nothing_is_closed_at_once() {
    let (mut lab, file) = lab();
    finish(&mut lab, 2);
    assert_eq!(lab.closed, [ClientId(2)]);
    // Within a call, which will never be whole.
    let args = write_args(&file, 0, &pattern(3 * BLOCK, 2));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    assert_eq!(lab.offer(1, &record(&call)[..2 * BLOCK]), 0);
    assert_eq!(lab.pinned(), 2 * BLOCK);
    finish(&mut lab, 1);
    assert_eq!(lab.closed, [ClientId(2), ClientId(1)]);
    lab.assert_at_rest();
}

#[test]
fn a_whole_call_that_waits_for_room_is_answered_first() {
    let limits = Limits {
        calls_per_client: 1,
        ..Limits::default()
    };
    let mut lab = Setup {
        limits,
        ..Setup::default()
    }
    .start();
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.keep_messages = true;
    for _ in 0..2 {
        lab.send(1, 1, &Out::new().opaque(&file).0);
    }
    lab.run();
    finish(&mut lab, 1);
    assert_eq!(lab.kept.len(), 1, "the second is not let in yet");
    assert!(lab.closed.is_empty());
    lab.kept.clear();
    lab.run();
    assert_eq!(lab.kept.len(), 1, "the second's reply");
    assert_eq!(lab.closed, [ClientId(1)]);
    lab.kept.clear();
    lab.assert_at_rest();
}

#[test]
fn a_call_that_was_taken_over_by_another_connection_is_not_waited_for() {
    let (mut lab, _) = lab();
    lab.connect(11, Ipv4Addr::new(10, 0, 0, 7));
    lab.hold = |_| true;
    let args = Out::new().opaque(&file_handle(ROOT)).opaque(b"f").0;
    let (xid, call) = lab.call_bytes(100_003, 3, 12, 0, &args);
    lab.offer(1, &record(&call));
    lab.run();
    finish(&mut lab, 1);
    assert!(lab.closed.is_empty());
    lab.offer(11, &record(&call));
    assert_eq!(lab.closed, [ClientId(1)]);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(11, xid).expect("answered").status(), 0);
    lab.assert_at_rest();
}
