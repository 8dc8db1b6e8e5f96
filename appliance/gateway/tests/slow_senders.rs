//! A call that has begun must arrive within a time, so that half calls hold nothing for long.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::net::Ipv4Addr;
use std::time::Duration;

use gateway::limits::{PRESSED_PATIENCE, SWEEP_INTERVAL};
use gateway::{ClientId, Limits};
use lab::xdr::record;
use lab::{BLOCK, Lab, READ, WRITE, pattern, read_args, write_args};

const SLOW: ClientId = ClientId(1);

fn limits() -> Limits {
    Limits::default()
}

/// A gateway and a WRITE of eight blocks.
fn lab() -> (Lab, Vec<u8>) {
    let mut lab = Lab::start();
    lab.add_file("f", &pattern(100, 1));
    let file = lab.lookup(1, "f");
    let args = write_args(&file, 0, &pattern(8 * BLOCK, 2));
    let (_, call) = lab.call_bytes(100_003, 3, WRITE, 0, &args);
    (lab, record(&call))
}

/// Lets time pass as the engine does, which calls when the gateway wants to be called.
fn wait(lab: &mut Lab, time: Duration) {
    let end = lab.now + time;
    while let Some(next) = lab.gateway.poll_timeout().filter(|next| *next <= end) {
        lab.tick(next.saturating_sub(lab.now).max(Duration::from_millis(1)));
    }
    lab.now = end.max(lab.now);
}

fn assert_gone(lab: &mut Lab) {
    assert_eq!(lab.closed, [SLOW]);
    assert_eq!(lab.gateway.stats().slow_clients_closed, 1);
    lab.gateway.client_closed(SLOW, lab.now);
    lab.assert_at_rest();
}

#[test]
fn silence_in_the_middle_of_a_call_ends_the_connection() {
    // In the mark, in the head, in the first block, in a later one.
    for len in [2, 60, 1000, 5 * BLOCK] {
        let (mut lab, call) = lab();
        assert_eq!(lab.offer(1, &call[..len]), 0);
        wait(&mut lab, limits().record_silence - SWEEP_INTERVAL);
        assert_eq!(lab.closed, [], "{len} bytes");
        wait(&mut lab, 2 * SWEEP_INTERVAL);
        assert_gone(&mut lab);
    }
}

#[test]
fn a_byte_now_and_then_is_not_enough() {
    let (mut lab, call) = lab();
    let step = limits().record_silence - 2 * SWEEP_INTERVAL;
    let steps = limits().record_time.as_secs() / step.as_secs();
    assert_eq!(lab.offer(1, &call[..1000]), 0);
    for byte in 1000..1000 + steps as usize {
        wait(&mut lab, step);
        assert_eq!(lab.closed, []);
        assert_eq!(lab.offer(1, &call[byte..=byte]), 0);
    }
    wait(&mut lab, step);
    assert_gone(&mut lab);
}

#[test]
fn the_rest_of_a_refused_call_must_come_too() {
    let (mut lab, _) = lab();
    let (_, call) = lab.call_bytes(100_003, 2, WRITE, 0, &[0; 2000]);
    assert_eq!(lab.offer(1, &record(&call)[..1500]), 0);
    lab.run();
    wait(&mut lab, limits().record_silence + SWEEP_INTERVAL);
    assert_gone(&mut lab);
}

#[test]
fn half_a_write_holds_half_a_write() {
    let (mut lab, call) = lab();
    for blocks in 1..8 {
        let from = if blocks == 1 { 0 } else { (blocks - 1) * BLOCK };
        assert_eq!(lab.offer(1, &call[from..blocks * BLOCK]), 0);
        assert_eq!(lab.pinned(), blocks * BLOCK);
        assert_eq!(lab.gateway.stats().charged_bytes, blocks * BLOCK);
    }
    assert_eq!(lab.offer(1, &call[7 * BLOCK..]), 0);
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn half_writes_of_many_go_when_others_find_no_room() {
    let (mut lab, call) = lab();
    let others = 3..40;
    for client in others.clone() {
        lab.connect(client, Ipv4Addr::new(10, 0, 1, client as u8));
        lab.offer(client, &call[..7 * BLOCK]);
    }
    assert!(lab.pinned() <= 48 * BLOCK, "three quarters of the cache");
    assert!(lab.pinned() > 24 * BLOCK);
    // A WRITE and a READ of clients that hold nothing.
    let mut rest = call.as_slice();
    let file = lab.lookup(2, "f");
    let read = lab.send(2, READ, &read_args(&file, 0, 100));
    let patience = PRESSED_PATIENCE + 3 * SWEEP_INTERVAL;
    let end = lab.now + patience;
    while lab.now < end {
        // Who has sent all it had is not offered again; who is held back is.
        let taken = rest.len() - lab.offer(1, rest);
        rest = &rest[taken..];
        lab.run();
        wait(&mut lab, Duration::from_millis(500));
        for closed in std::mem::take(&mut lab.closed) {
            lab.gateway.client_closed(closed, lab.now);
        }
    }
    assert_eq!(rest.len(), 0);
    assert_eq!(lab.gateway.stats().origin_writes, 1);
    assert!(lab.answer(2, read).is_some());
    assert!(lab.gateway.stats().slow_clients_closed > 0);
    for client in others {
        lab.gateway.client_closed(ClientId(client), lab.now);
    }
    lab.run();
    lab.assert_at_rest();
}
