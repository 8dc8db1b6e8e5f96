//! The end of a flight is lost, or its acknowledgement (RFC 8985, 7; RFC 2883).

mod harness;

use std::time::Duration;

use harness::frames::Tcp;
use harness::peer::{Peer, pattern};

const MSS: u32 = 1460;

/// A connection with a round trip of 10 ms on which three segments are out; the
/// number of the first.
fn sent() -> (Peer, u32) {
    let mut peer = Peer::default();
    peer.accept_sack();
    for _ in 0..20 {
        peer.write(b"x");
        assert_eq!(peer.segments().len(), 1);
        peer.now += Duration::from_millis(10);
        peer.send_ack(peer.ack.wrapping_add(1));
    }
    peer.write(&pattern(3 * 1460));
    let first = peer.segments()[0].seq;
    (peer, first)
}

/// The probe for the tail that `sent` leaves.
fn probed() -> (Peer, u32) {
    let (mut peer, first) = sent();
    peer.wait(Duration::from_millis(25));
    assert_eq!(peer.segment().seq, first.wrapping_add(2 * MSS));
    (peer, first)
}

/// Window after the probe's answer, in segments: what goes out when there is
/// more than enough.
fn window(peer: &mut Peer) -> usize {
    peer.window = u16::MAX;
    peer.write(&pattern(40 * 1460));
    peer.segments().len()
}

#[test]
fn after_two_round_trips_the_last_segment_goes_out_again() {
    let (mut peer, first) = sent();
    peer.wait(Duration::from_millis(18));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(3));
    let probe = peer.segment();
    assert_eq!(probe.seq, first.wrapping_add(2 * MSS));
    assert_eq!(probe.data.len(), 1460);
    assert_eq!(peer.stack.stats().tail_probes, 1);
    assert_eq!(peer.stack.stats().timeouts, 0);
}

#[test]
fn there_is_one_probe_and_then_the_timeout() {
    let (mut peer, first) = probed();
    peer.wait(Duration::from_millis(190));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(50));
    assert_eq!(peer.segment().seq, first);
    let stats = peer.stack.stats();
    assert_eq!((stats.tail_probes, stats.timeouts), (1, 1));
}

#[test]
fn new_data_is_the_probe_when_the_window_was_all_that_held_it_back() {
    let mut peer = Peer::default();
    peer.accept_sack();
    peer.write(&pattern(20 * 1460));
    let last = peer.segments().last().unwrap().seq;
    peer.wait(Duration::from_millis(5));
    assert_eq!(peer.segment().seq, last.wrapping_add(MSS));
    assert_eq!(peer.stack.stats().retransmitted_frames, 0);
}

#[test]
fn the_answer_to_a_probe_brings_recovery_of_what_else_was_lost() {
    let (mut peer, first) = probed();
    peer.now += Duration::from_millis(10);
    let ack = Tcp {
        ack: first,
        sack: vec![(first.wrapping_add(2 * MSS), first.wrapping_add(3 * MSS))],
        ..peer.tcp(".", &[])
    };
    peer.send(&ack);
    peer.wait(Duration::from_millis(5));
    let again: Vec<u32> = peer.segments().iter().map(|segment| segment.seq).collect();
    assert_eq!(again, [first, first.wrapping_add(MSS)]);
    assert_eq!(peer.stack.stats().timeouts, 0);
}

#[test]
fn a_probe_that_repaired_a_loss_reduces_the_window() {
    let (mut peer, first) = probed();
    peer.send_ack(first.wrapping_add(3 * MSS));
    peer.write(b"x");
    assert_eq!(peer.segments().len(), 1);
    peer.send_ack(first.wrapping_add(3 * MSS + 1));
    assert!(window(&mut peer) < 10);
}

#[test]
fn a_probe_that_was_not_needed_costs_nothing() {
    let (mut peer, first) = probed();
    let end = first.wrapping_add(3 * MSS);
    peer.ack = end;
    let duplicate = Tcp {
        sack: vec![(first.wrapping_add(2 * MSS), end)],
        ..peer.tcp(".", &[])
    };
    peer.send(&duplicate);
    assert_eq!(peer.stack.stats().duplicates_reported, 1);
    peer.write(b"x");
    assert_eq!(peer.segments().len(), 1);
    peer.send_ack(end.wrapping_add(1));
    assert!(window(&mut peer) >= 10);
}

#[test]
fn a_lone_segment_is_given_time_for_a_delayed_acknowledgement() {
    let mut peer = Peer::default();
    peer.accept_sack();
    peer.write(b"x");
    peer.segments();
    peer.wait(Duration::from_millis(150));
    assert!(peer.segments().is_empty());
}

#[test]
fn without_selective_acknowledgements_there_is_no_probe() {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(&pattern(3 * 1460));
    peer.segments();
    peer.wait(Duration::from_millis(190));
    assert!(peer.segments().is_empty());
    assert_eq!(peer.stack.stats().tail_probes, 0);
}

#[test]
fn what_arrives_twice_is_reported_once() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let start = peer.seq;
    peer.send_data(&[1; 500]);
    peer.segments();
    let again = Tcp {
        seq: start,
        ..peer.tcp(".", &[1; 500])
    };
    peer.send(&again);
    assert_eq!(peer.segment().sack, [(start, start.wrapping_add(500))]);
    // What is ahead of a gap comes after it, and then alone.
    let ahead = Tcp {
        seq: peer.seq.wrapping_add(1000),
        ..peer.tcp(".", &[1; 500])
    };
    peer.send(&ahead);
    assert_eq!(peer.segment().sack.len(), 1);
    peer.send(&again);
    let answer = peer.segment().sack;
    assert_eq!(answer.len(), 2);
    assert_eq!(answer[0], (start, start.wrapping_add(500)));
}
