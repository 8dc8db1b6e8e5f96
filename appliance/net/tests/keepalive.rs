//! A peer that vanished silently is noticed (RFC 9293, 3.8.4).

mod harness;

use std::time::Duration;

use harness::peer::Peer;
use net::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES};
use net::{CloseReason, Event};

#[test]
fn a_silent_peer_is_probed_with_an_empty_segment_before_what_it_expects() {
    let mut peer = Peer::default();
    peer.accept();
    peer.wait(KEEPALIVE_IDLE - Duration::from_millis(1));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(1));
    let probe = peer.segment();
    assert_eq!((probe.flags.as_str(), probe.data.len()), (".", 0));
    assert_eq!(probe.seq, peer.ack.wrapping_sub(1));
    assert_eq!(peer.stack.stats().keepalive_probes, 1);
}

#[test]
fn a_peer_that_answers_is_kept() {
    let mut peer = Peer::default();
    let id = peer.accept();
    for _ in 0..20 {
        peer.wait(KEEPALIVE_IDLE);
        assert_eq!(peer.segments().len(), 1);
        peer.send_ack(peer.ack);
    }
    assert!(peer.stack.state(id).is_some());
    assert_eq!(peer.stack.stats().keepalive_probes, 20);
}

#[test]
fn a_peer_that_answers_none_of_the_probes_is_given_up() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let patience = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * u32::from(KEEPALIVE_PROBES);
    peer.wait(patience - Duration::from_millis(1));
    assert_eq!(peer.segments().len(), usize::from(KEEPALIVE_PROBES));
    assert!(peer.events().is_empty());
    peer.wait(Duration::from_millis(1));
    let reason = CloseReason::TimedOut;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
    assert_eq!(peer.stack.connections(), 0);
    assert_eq!(peer.stack.stats().connections_timed_out, 1);
}

#[test]
fn one_answer_starts_the_count_again() {
    let mut peer = Peer::default();
    let id = peer.accept();
    peer.wait(KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * 4);
    assert_eq!(peer.segments().len(), 5);
    peer.send_ack(peer.ack);
    peer.wait(KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * 5);
    assert_eq!(peer.segments().len(), 6);
    assert!(peer.stack.state(id).is_some());
}

#[test]
fn received_data_that_nobody_reads_is_given_back_with_the_dead_peer() {
    let mut peer = Peer::default();
    peer.accept();
    peer.send_data(&[7; 3000]);
    assert_eq!(peer.stack.held_receive_buffers(), 1);
    peer.wait(Duration::from_secs(200));
    assert_eq!(peer.stack.held_receive_buffers(), 0);
    assert_eq!(peer.live.get(), 0);
}

#[test]
fn a_segment_outside_the_window_is_no_sign_of_life() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    for _ in 0..130 {
        peer.wait(Duration::from_secs(1));
        let mut stray = peer.tcp(".", &[]);
        stray.seq = stray.seq.wrapping_sub(100_000);
        peer.send(&stray);
    }
    let reason = CloseReason::TimedOut;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
}

#[test]
fn while_data_is_outstanding_retransmissions_do_the_asking() {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(&[1; 100]);
    peer.wait(Duration::from_secs(100));
    assert!(
        peer.segments()
            .iter()
            .all(|segment| segment.data.len() == 100)
    );
    assert_eq!(peer.stack.stats().keepalive_probes, 0);
}

#[test]
fn a_connection_the_peer_half_closed_is_watched_too() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let fin = peer.tcp("F.", &[]);
    peer.send(&fin);
    peer.events();
    peer.wait(Duration::from_secs(200));
    let reason = CloseReason::TimedOut;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
}

#[test]
fn a_probe_of_the_peer_is_answered() {
    let mut peer = Peer::default();
    peer.accept();
    peer.wait(Duration::from_secs(30));
    let mut probe = peer.tcp(".", &[]);
    probe.seq = probe.seq.wrapping_sub(1);
    peer.send(&probe);
    let answer = peer.segment();
    assert_eq!((answer.seq, answer.ack), (peer.ack, peer.seq));
}
