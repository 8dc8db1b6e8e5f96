//! Losses: time-outs, duplicates, and the memory that is sent again (RFC 6298,
//! 5681, 6582, 3042).

mod harness;

use std::rc::Rc;
use std::time::Duration;

use harness::buffers::Shared;
use harness::frames::Tcp;
use harness::peer::{Peer, pattern};
use net::{CloseReason, Event};

const MSS: u32 = 1460;

/// A connection on which `count` full segments were sent; the first's number.
fn sent(count: usize) -> (Peer, Vec<Tcp>) {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(&pattern(count * 1460));
    let segments = peer.segments();
    assert_eq!(segments.len(), count);
    (peer, segments)
}

#[test]
fn what_is_not_acknowledged_is_sent_again_after_the_timeout() {
    let (mut peer, segments) = sent(1);
    peer.wait(Duration::from_millis(199));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_secs(1));
    let again = peer.segments();
    assert_eq!(again[0].seq, segments[0].seq);
    assert_eq!(again[0].data, segments[0].data);
}

#[test]
fn timeouts_back_off_and_end_in_timed_out() {
    let (mut peer, _) = sent(1);
    let start = peer.now;
    let mut at = Vec::new();
    let events = loop {
        peer.now = peer.stack.poll_timeout().unwrap();
        peer.stack.handle_timeout(peer.now);
        at.extend(
            peer.segments()
                .iter()
                .map(|_| (peer.now - start).as_millis()),
        );
        let events = peer.events();
        if !events.is_empty() {
            break events;
        }
    };
    assert_eq!(
        at,
        [200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000, 102_200]
    );
    let connection = peer.connection();
    let reason = CloseReason::TimedOut;
    assert_eq!(events, [Event::Closed { connection, reason }]);
    assert_eq!(peer.stack.held_send_buffers(), 0);
}

#[test]
fn a_retransmission_is_over_the_very_same_memory() {
    let mut peer = Peer::default();
    let id = peer.accept();
    let buffer = Shared::new(&[7; 1000]);
    let address = buffer.memory.as_ptr();
    peer.sources.push(id, buffer);
    peer.stack.wake(id);
    let first = peer.frames();
    peer.wait(Duration::from_millis(250));
    let second = peer.frames();
    for frames in [first, second] {
        assert_eq!(frames[0].payload[0].memory.as_ptr(), address);
    }
}

#[test]
fn a_buffer_is_dropped_exactly_when_its_last_byte_is_acknowledged() {
    let mut peer = Peer::default();
    let id = peer.accept();
    let buffers: Vec<Shared> = (0..3_u8).map(|n| Shared::new(&[n; 1000])).collect();
    let memory: Vec<Rc<[u8]>> = buffers.iter().map(|b| Rc::clone(&b.memory)).collect();
    for buffer in buffers {
        peer.sources.push(id, buffer);
    }
    peer.stack.wake(id);
    let first = peer.segments()[0].seq;
    let held = |memory: &[Rc<[u8]>]| -> Vec<usize> {
        memory.iter().map(|m| Rc::strong_count(m) - 1).collect()
    };
    assert_eq!(held(&memory), [1, 1, 1]);
    peer.send_ack(first.wrapping_add(999));
    assert_eq!(held(&memory), [1, 1, 1]);
    peer.send_ack(first.wrapping_add(1000));
    assert_eq!(held(&memory), [0, 1, 1]);
    assert_eq!(peer.stack.unacknowledged(id), 2000);
    peer.send_ack(first.wrapping_add(3000));
    assert_eq!(held(&memory), [0, 0, 0]);
    assert_eq!(peer.stack.unacknowledged(id), 0);
}

#[test]
fn an_acknowledgement_stops_the_timer() {
    let (mut peer, segments) = sent(1);
    peer.send_ack(segments[0].seq.wrapping_add(MSS));
    peer.wait(Duration::from_secs(10));
    assert!(peer.segments().is_empty());
    assert_eq!(peer.stack.stats().timeouts, 0);
}

#[test]
fn three_duplicates_repeat_the_first_segment_at_once() {
    let (mut peer, segments) = sent(6);
    for _ in 0..2 {
        peer.send_ack(segments[0].seq);
        assert!(peer.segments().is_empty());
    }
    peer.send_ack(segments[0].seq);
    let again = peer.segment();
    assert_eq!(
        (again.seq, &again.data),
        (segments[0].seq, &segments[0].data)
    );
    assert_eq!(peer.stack.stats().fast_retransmits, 1);
    // The fourth changes nothing.
    peer.send_ack(segments[0].seq);
    assert!(peer.segments().is_empty());
}

#[test]
fn a_partial_acknowledgement_repeats_the_next_hole() {
    let (mut peer, segments) = sent(6);
    for _ in 0..3 {
        peer.send_ack(segments[0].seq);
    }
    assert_eq!(peer.segment().seq, segments[0].seq);
    peer.send_ack(segments[3].seq);
    assert_eq!(peer.segment().seq, segments[3].seq);
    peer.send_ack(segments[5].seq.wrapping_add(MSS));
    assert!(peer.segments().is_empty());
}

#[test]
fn a_segment_with_data_is_no_duplicate() {
    let (mut peer, segments) = sent(4);
    peer.ack = segments[0].seq;
    for _ in 0..4 {
        peer.send_data(b"x");
    }
    assert!(
        peer.segments()
            .iter()
            .all(|segment| segment.data.is_empty())
    );
    assert_eq!(peer.stack.stats().fast_retransmits, 0);
}

#[test]
fn a_window_update_is_no_duplicate() {
    let (mut peer, segments) = sent(4);
    for window in [50_000, 51_000, 52_000, 53_000] {
        peer.window = window;
        peer.send_ack(segments[0].seq);
    }
    assert!(peer.segments().is_empty());
}

#[test]
fn the_first_two_duplicates_let_one_new_segment_out_each() {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(&pattern(20 * 1460));
    let segments = peer.segments();
    assert_eq!(segments.len(), 10);
    for new in 0..2 {
        peer.send_ack(segments[0].seq);
        let extra = peer.segment();
        assert_eq!(extra.seq, segments[9].seq.wrapping_add(MSS * (new + 1)));
    }
}

#[test]
fn the_initial_window_is_ten_segments_and_doubles_with_its_acknowledgement() {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(&pattern(40 * 1460));
    let segments = peer.segments();
    assert_eq!(segments.len(), 10);
    peer.send_ack(segments[9].seq.wrapping_add(MSS));
    assert_eq!(peer.segments().len(), 20);
}

#[test]
fn after_a_timeout_one_segment_goes_out_and_slow_start_follows() {
    let (mut peer, segments) = sent(8);
    peer.wait(Duration::from_millis(250));
    assert_eq!(peer.segment().seq, segments[0].seq);
    peer.send_ack(segments[1].seq);
    let next: Vec<u32> = peer.segments().iter().map(|segment| segment.seq).collect();
    assert_eq!(next, [segments[1].seq, segments[2].seq]);
    // The peer had all the rest: nothing of it is sent again.
    peer.send_ack(segments[7].seq.wrapping_add(MSS));
    assert!(peer.segments().is_empty());
}

#[test]
fn a_fin_that_is_lost_is_sent_again() {
    let mut peer = Peer::default();
    let id = peer.accept();
    peer.stack.close(id, peer.now);
    let fin = peer.segment();
    assert_eq!(fin.flags, "F.");
    peer.wait(Duration::from_millis(1100));
    assert_eq!(peer.segments()[0], fin);
}

#[test]
fn acknowledging_what_was_never_sent_changes_nothing() {
    let (mut peer, segments) = sent(2);
    let before = peer.stack.unacknowledged(peer.connection());
    peer.send_ack(segments[1].seq.wrapping_add(MSS + 1));
    assert_eq!(peer.stack.unacknowledged(peer.connection()), before);
    let challenge = peer.segment();
    assert!(challenge.data.is_empty());
}

#[test]
fn numbers_wrap_around_in_both_directions() {
    // Ours: find a time at which the ISN is just short of the wrap.
    let mut probe = Peer::default();
    probe.introduce();
    probe.stack.listen(harness::peer::OUR_PORT);
    let syn = probe.syn();
    probe.send(&syn);
    let isn = probe.segment().seq;
    let ticks = u32::MAX - 2000 - isn;
    let mut peer = Peer::default();
    peer.now += Duration::from_micros(4 * u64::from(ticks));
    peer.seq = u32::MAX - 1000;
    let id = peer.accept();
    peer.write(&pattern(10 * 1460));
    let segments = peer.segments();
    assert_eq!(segments.len(), 10);
    assert!(segments[0].seq > segments[9].seq, "no wrap");
    peer.send_ack(segments[9].seq.wrapping_add(MSS));
    assert_eq!(peer.stack.unacknowledged(id), 0);
    let data = pattern(4000);
    for part in data.chunks(1000) {
        peer.send_data(part);
    }
    assert!(peer.seq < 5000, "no wrap");
    assert_eq!(peer.read(), data);
}
