//! Receiving: order, overlaps, acknowledgements, windows (RFC 9293, 3.8.6,
//! 3.10.7.4; RFC 5681, 4.2; RFC 7323, 5).

mod harness;

use std::time::Duration;

use harness::frames::{Tcp, tcp_frame};
use harness::peer::{Peer, config, pattern};
use net::{Event, Limits};

/// The peer's segment at `offset` from its next number.
fn at(peer: &Peer, offset: usize, data: &[u8]) -> Tcp {
    Tcp {
        seq: peer.seq.wrapping_add(u32::try_from(offset).unwrap()),
        ..peer.tcp(".", data)
    }
}

fn with_window(receive_window: usize) -> Peer {
    let mut config = config();
    config.limits = Limits {
        receive_window,
        ..config.limits
    };
    Peer::new(config)
}

#[test]
fn a_lone_segment_is_acknowledged_after_the_delay() {
    let mut peer = Peer::default();
    peer.accept();
    peer.send_data(&[1; 100]);
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(39));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(1));
    assert_eq!(peer.segment().ack, peer.seq);
}

#[test]
fn every_second_full_segment_is_acknowledged_at_once() {
    let mut peer = Peer::default();
    peer.accept();
    peer.send_data(&[1; 1460]);
    assert!(peer.segments().is_empty());
    peer.send_data(&[1; 1460]);
    assert_eq!(peer.segment().ack, peer.seq);
}

#[test]
fn data_on_its_way_out_carries_the_acknowledgement() {
    let mut peer = Peer::default();
    peer.accept();
    peer.send_data(&[1; 100]);
    peer.write(b"answer");
    assert_eq!(peer.segment().ack, peer.seq);
    peer.wait(Duration::from_millis(100));
    assert!(peer.segments().is_empty());
}

#[test]
fn a_segment_ahead_of_a_gap_is_kept_and_answered_at_once() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    let data = pattern(300);
    let ahead = at(&peer, 100, &data[100..]);
    peer.send(&ahead);
    assert_eq!(peer.segment().ack, peer.seq);
    assert!(peer.events().is_empty());
    peer.send_data(&data[..100]);
    assert_eq!(peer.events(), [Event::Readable { connection }]);
    assert_eq!(peer.read(), data);
    assert_eq!(peer.segment().ack, peer.seq + 200);
}

#[test]
fn each_segment_ahead_of_a_gap_gets_its_own_duplicate() {
    let mut peer = Peer::default();
    peer.accept();
    for n in 1..=3 {
        let ahead = at(&peer, n * 100, &[1; 100]);
        peer.send(&ahead);
    }
    let acks: Vec<u32> = peer.segments().iter().map(|s| s.ack).collect();
    assert_eq!(acks, [peer.seq; 3]);
}

#[test]
fn overlapping_segments_in_any_order_give_the_stream() {
    let data = pattern(1000);
    let parts = [
        (600, 900),
        (200, 400),
        (150, 650),
        (850, 1000),
        (600, 620),
        (0, 200),
    ];
    let mut peer = Peer::default();
    peer.accept();
    for (start, end) in parts {
        let segment = at(&peer, start, &data[start..end]);
        peer.send(&segment);
    }
    assert_eq!(peer.read(), data);
    assert_eq!(peer.live.get(), 0);
    assert_eq!(peer.stack.held_receive_buffers(), 0);
}

#[test]
fn a_repetition_is_acknowledged_at_once_and_not_read_again() {
    let mut peer = Peer::default();
    peer.accept();
    let repeated = at(&peer, 0, b"once");
    peer.send_data(b"once");
    peer.send(&repeated);
    assert_eq!(peer.segment().ack, peer.seq);
    assert_eq!(peer.read(), b"once");
}

#[test]
fn a_segment_in_pieces_is_read_piece_by_piece() {
    let mut peer = Peer::default();
    let id = peer.accept();
    let data = pattern(3000);
    let frame = tcp_frame(&peer.tcp(".P", &data));
    peer.inject_cut(&frame, &[60, 1000, 2500]);
    assert_eq!(peer.stack.held_receive_buffers(), 4);
    assert_eq!(peer.stack.peek(id).unwrap().len(), 6);
    assert_eq!(peer.read(), data);
    assert_eq!(peer.live.get(), 0);
}

#[test]
fn consuming_may_stop_anywhere() {
    let mut peer = Peer::default();
    let id = peer.accept();
    peer.send_data(b"abcdef");
    peer.send_data(b"ghi");
    peer.stack.consume(id, 4);
    assert_eq!(peer.stack.peek(id), Some(&b"ef"[..]));
    peer.stack.consume(id, 3);
    assert_eq!(peer.stack.peek(id), Some(&b"hi"[..]));
    peer.stack.consume(id, 100);
    assert_eq!(peer.stack.peek(id), None);
}

#[test]
fn readable_is_told_once_for_all_that_came_before_it_was_polled() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.send_data(b"a");
    peer.send_data(b"b");
    assert_eq!(peer.events(), [Event::Readable { connection }]);
    peer.send_data(b"c");
    assert_eq!(peer.events(), [Event::Readable { connection }]);
}

#[test]
fn an_application_that_does_not_read_closes_the_window() {
    let mut peer = with_window(10_000);
    peer.accept();
    for _ in 0..10 {
        peer.send_data(&[1; 1000]);
    }
    let last = peer.segments().pop().unwrap();
    assert_eq!((last.ack, last.window), (peer.seq, 0));
    // What is sent all the same is dropped, and answered.
    let beyond = at(&peer, 0, b"x");
    peer.send(&beyond);
    assert_eq!(peer.segment().window, 0);
    assert_eq!(peer.read().len(), 10_000);
}

#[test]
fn a_closed_window_opens_with_an_update_as_soon_as_a_segment_fits() {
    let mut peer = with_window(10_000);
    let id = peer.accept();
    for _ in 0..10 {
        peer.send_data(&[1; 1000]);
    }
    peer.segments();
    peer.stack.consume(id, 1000);
    assert!(peer.segments().is_empty(), "silly window");
    peer.stack.consume(id, 1000);
    assert_eq!(peer.segment().window, 2000);
}

#[test]
fn reading_from_a_wide_open_window_sends_nothing() {
    let mut peer = with_window(60_000);
    let id = peer.accept();
    for _ in 0..10 {
        peer.send_data(&[1; 1000]);
    }
    peer.segments();
    for _ in 0..10 {
        peer.stack.consume(id, 1000);
        assert!(peer.segments().is_empty());
    }
}

#[test]
fn a_quarter_of_the_window_read_while_it_runs_short_is_told() {
    let mut peer = with_window(60_000);
    let id = peer.accept();
    for _ in 0..40 {
        peer.send_data(&[1; 1000]);
    }
    assert_eq!(peer.segments().pop().unwrap().window, 20_000);
    peer.stack.consume(id, 14_000);
    assert!(peer.segments().is_empty());
    peer.stack.consume(id, 1000);
    assert_eq!(peer.segment().window, 35_000);
}

#[test]
fn the_right_edge_of_the_window_never_goes_back() {
    let mut peer = with_window(60_000);
    peer.accept();
    let mut edge = 0;
    for len in [100, 1, 1400, 700, 3, 1460, 1460, 20] {
        peer.send_data(&vec![1; len]);
        peer.wait(Duration::from_millis(50));
        let ack = peer.segments().pop().unwrap();
        let now = ack.ack + u32::from(ack.window);
        assert!(now >= edge);
        edge = now;
    }
}

#[test]
fn a_scaled_window_is_told_in_scaled_units() {
    let mut peer = Peer::default();
    let syn = Tcp {
        scale: Some(0),
        ..peer.syn()
    };
    peer.accept_with(&syn);
    peer.send_data(&[1; 1460]);
    peer.send_data(&[1; 1460]);
    let ack = peer.segment();
    assert_eq!(usize::from(ack.window), ((1 << 20) - 2920) >> 5);
}

#[test]
fn the_peers_scaled_window_bounds_what_is_sent() {
    let mut peer = Peer::default();
    let syn = Tcp {
        scale: Some(3),
        ..peer.syn()
    };
    peer.window = 500;
    peer.accept_with(&syn);
    peer.write(&pattern(10_000));
    let sent: usize = peer.segments().iter().map(|s| s.data.len()).sum();
    assert_eq!(sent, 2 * 1460);
    let acked = peer.ack;
    peer.wait(Duration::from_millis(1));
    peer.send_ack(acked.wrapping_add(2920));
    assert_eq!(
        peer.segments().iter().map(|s| s.data.len()).sum::<usize>(),
        2920
    );
}

#[test]
fn segments_with_an_older_timestamp_are_dropped_and_answered() {
    let mut peer = Peer {
        clock: Some(1000),
        ..Peer::default()
    };
    let syn = peer.syn();
    peer.accept_with(&syn);
    let echo = peer.echo;
    let old = Tcp {
        timestamps: Some((999, echo)),
        ..peer.tcp(".", b"old")
    };
    peer.send(&old);
    assert_eq!(peer.stack.peek(peer.connection()), None);
    assert_eq!(peer.segment().ack, peer.seq);
    peer.send_data(b"new");
    assert_eq!(peer.read(), b"new");
}

#[test]
fn timestamps_are_echoed_from_the_oldest_unacknowledged_segment() {
    let mut peer = Peer {
        clock: Some(1000),
        ..Peer::default()
    };
    let syn = peer.syn();
    peer.accept_with(&syn);
    peer.clock = Some(2000);
    peer.send_data(&[1; 1448]);
    peer.clock = Some(3000);
    peer.send_data(&[1; 1448]);
    assert_eq!(peer.segment().timestamps.unwrap().1, 2000);
}

#[test]
fn segments_without_timestamps_are_dropped_once_they_are_agreed() {
    let mut peer = Peer {
        clock: Some(1000),
        ..Peer::default()
    };
    let syn = peer.syn();
    peer.accept_with(&syn);
    peer.clock = None;
    peer.send_data(b"x");
    assert_eq!(peer.stack.peek(peer.connection()), None);
}

#[test]
fn received_buffers_of_all_connections_together_are_bounded() {
    let mut config = config();
    config.limits.receive_buffers = 8;
    let mut peer = Peer::new(config);
    peer.accept();
    for _ in 0..12 {
        peer.send_data(&[1; 10]);
    }
    assert_eq!(peer.stack.held_receive_buffers(), 8);
    assert_eq!(peer.live.get(), 8);
    assert_eq!(peer.stack.stats().dropped_buffers, 4);
    assert_eq!(peer.read().len(), 80);
    assert_eq!(peer.stack.held_receive_buffers(), 0);
}

#[test]
fn buffers_ahead_of_a_gap_may_take_only_half() {
    let mut config = config();
    config.limits.receive_buffers = 8;
    let mut peer = Peer::new(config);
    peer.accept();
    for n in 1..10 {
        let ahead = at(&peer, 100 * n, &[1; 50]);
        peer.send(&ahead);
    }
    assert_eq!(peer.live.get(), 4);
}
