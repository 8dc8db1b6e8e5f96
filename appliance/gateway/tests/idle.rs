//! Clients that do nothing do not hold their places for ever.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;
use std::time::Duration;

use gateway::{ClientId, Limits};
use lab::xdr::record;
use lab::{BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

const IDLE: Duration = Duration::from_secs(80);
/// Between two looks for idle clients.
const SWEEP: Duration = Duration::from_secs(10);

fn lab() -> (Lab, Vec<u8>) {
    let mut lab = Setup {
        limits: Limits {
            client_idle: IDLE,
            ..Limits::default()
        },
        ..Setup::default()
    }
    .start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 100);
    (lab, file)
}

/// Lets time pass as the engine does, which calls when the gateway wants to be called.
fn wait(lab: &mut Lab, time: Duration) {
    let end = lab.now + time;
    while let Some(next) = lab.gateway.poll_timeout().filter(|next| *next <= end) {
        lab.tick(next.saturating_sub(lab.now).max(Duration::from_millis(1)));
    }
    lab.now = end.max(lab.now);
}

#[test]
fn a_client_without_calls_is_closed_and_one_with_calls_is_not() {
    let (mut lab, file) = lab();
    for _ in 0..20 {
        wait(&mut lab, SWEEP);
        lab.read(1, &file, 0, 100);
    }
    assert_eq!(lab.closed, [ClientId(2)], "once");
    assert_eq!(lab.gateway.stats().idle_clients_closed, 1);
    lab.gateway.client_closed(ClientId(2), lab.now);
    wait(&mut lab, IDLE - SWEEP);
    assert_eq!(lab.closed.len(), 1, "not before the time");
    wait(&mut lab, 3 * SWEEP);
    assert_eq!(lab.closed, [ClientId(2), ClientId(1)]);
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.assert_at_rest();
}

#[test]
fn a_call_that_never_becomes_whole_is_no_call() {
    let (mut lab, file) = lab();
    let args = write_args(&file, 0, &pattern(BLOCK, 2));
    let (_, write) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    let (_, read) = lab.call_bytes(100_003, 3, READ, 0, &read_args(&file, 0, 9));
    let streams = [(1, record(&write)), (2, record(&read))];
    // A byte now and then.
    for second in 0..30 {
        for (client, stream) in &streams {
            let start = if second == 0 { 0 } else { 50 + second };
            assert_eq!(lab.offer(*client, &stream[start..=50 + second]), 0);
        }
        wait(&mut lab, Duration::from_secs(4));
    }
    lab.closed.sort();
    assert_eq!(lab.closed, [ClientId(1), ClientId(2)]);
    for client in [1, 2] {
        lab.gateway.client_closed(ClientId(client), lab.now);
    }
    lab.assert_at_rest();
}

#[test]
fn the_data_of_a_write_may_not_take_for_ever() {
    let (mut lab, file) = lab();
    let args = write_args(&file, 0, &pattern(BLOCK, 2));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    assert_eq!(lab.offer(1, &record(&call)[..BLOCK / 2]), 0);
    assert_eq!(lab.pinned(), BLOCK);
    wait(&mut lab, IDLE + 2 * SWEEP);
    assert!(lab.closed.contains(&ClientId(1)));
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.assert_at_rest();
}

#[test]
fn who_waits_for_the_origin_or_for_room_is_not_idle() {
    let (mut lab, file) = lab();
    lab.hold = |call| call.is_nfs(WRITE);
    let write = lab.send(1, WRITE, &write_args(&file, 0, b"x"));
    lab.run();
    // A reader that does not take its reply.
    lab.keep_messages = true;
    lab.send(2, READ, &read_args(&file, 50, 9));
    lab.run();
    wait(&mut lab, 3 * IDLE);
    assert_eq!(lab.closed, []);
    lab.keep_messages = false;
    lab.kept.clear();
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, write).expect("answered").write().status, 0);
    lab.assert_at_rest();
}

#[test]
fn who_is_not_read_from_is_not_idle() {
    let mut lab = Setup {
        blocks: 2,
        limits: Limits {
            client_idle: IDLE,
            pinned: Some(100 * BLOCK),
            pinned_per_client: Some(100 * BLOCK),
            ..Limits::default()
        },
        ..Setup::default()
    }
    .start();
    lab.connect(3, Ipv4Addr::new(10, 0, 0, 9));
    lab.add_file("f", b"");
    let file = lab.lookup(1, "f");
    lab.hold = |call| call.is_nfs(WRITE);
    lab.send(1, WRITE, &write_args(&file, 0, &pattern(2 * BLOCK, 1)));
    lab.run();
    let args = write_args(&file, 2 * BLOCK as u64, &pattern(BLOCK, 2));
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    let bytes = record(&call);
    let mut left = bytes.len();
    for _ in 0..20 {
        left = lab.offer(2, &bytes[bytes.len() - left..]);
        assert!(left > 0, "there is no block for it");
        wait(&mut lab, SWEEP);
    }
    assert_eq!(lab.closed, [ClientId(3)]);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.offer(2, &bytes[bytes.len() - left..]), 0);
    lab.run();
    assert_eq!(lab.answer(2, xid).expect("answered").write().status, 0);
    lab.assert_at_rest();
}
