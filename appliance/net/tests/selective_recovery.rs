//! Recovery from losses by the peer's selective acknowledgements (RFC 2018,
//! 6675, 8985).

mod harness;

use std::time::Duration;

use harness::frames::Tcp;
use harness::peer::{Peer, pattern};
use net::CongestionControl;

const MSS: u32 = 1460;

/// A connection on which `count` full segments were sent at once and more are
/// waiting, 10 ms ago.
fn sent(count: u32) -> (Peer, u32) {
    sent_with(CongestionControl::default(), count)
}

fn sent_with(control: CongestionControl, count: u32) -> (Peer, u32) {
    let mut peer = Peer::default();
    peer.stack.set_congestion_control(control);
    peer.accept_sack();
    // The round trip becomes known.
    for _ in 0..20 {
        peer.write(b"x");
        assert_eq!(peer.segments().len(), 1);
        peer.now += Duration::from_millis(10);
        peer.send_ack(peer.ack.wrapping_add(1));
    }
    peer.write(&pattern(100 * 1460));
    let first = peer.segments()[0].seq;
    // Slow start up to the wanted window, one segment of which is acknowledged
    // each time.
    let mut at = first;
    let mut highest = first.wrapping_add(10 * MSS);
    while highest.wrapping_sub(at) < count * MSS {
        peer.now += Duration::from_millis(10);
        at = at.wrapping_add(MSS);
        peer.send_ack(at);
        let new = peer.segments();
        highest = new.last().unwrap().seq.wrapping_add(MSS);
    }
    peer.now += Duration::from_millis(10);
    (peer, at)
}

/// The peer acknowledges `ack` and reports ranges of segments after it.
fn report(peer: &mut Peer, first: u32, blocks: &[(u32, u32)]) -> Vec<u32> {
    let ack = Tcp {
        ack: first,
        sack: blocks
            .iter()
            .map(|(start, end)| {
                (
                    first.wrapping_add(start * MSS),
                    first.wrapping_add(end * MSS),
                )
            })
            .collect(),
        ..peer.tcp(".", &[])
    };
    peer.send(&ack);
    offsets(peer, first)
}

/// What is sent now, in segments after `first`.
fn offsets(peer: &mut Peer, first: u32) -> Vec<u32> {
    let segments = peer.segments();
    segments
        .iter()
        .map(|segment| segment.seq.wrapping_sub(first) / MSS)
        .collect()
}

#[test]
fn three_reported_segments_repeat_the_hole_at_once() {
    let (mut peer, first) = sent(10);
    assert_eq!(report(&mut peer, first, &[(1, 2)]), [10]);
    assert_eq!(report(&mut peer, first, &[(1, 3)]), [11]);
    assert_eq!(report(&mut peer, first, &[(1, 4)]), [0]);
    assert_eq!(peer.stack.stats().fast_retransmits, 1);
    assert_eq!(peer.stack.stats().retransmitted_frames, 1);
}

#[test]
fn one_reported_segment_repeats_the_hole_after_the_time_for_reordering() {
    let (mut peer, first) = sent(10);
    assert_eq!(report(&mut peer, first, &[(1, 2)]), [10]);
    // A quarter of the round trip of 10 ms.
    peer.wait(Duration::from_millis(2));
    assert!(peer.segments().is_empty());
    peer.wait(Duration::from_millis(1));
    assert_eq!(offsets(&mut peer, first), [0]);
}

#[test]
fn only_the_holes_are_repeated() {
    let (mut peer, first) = sent(20);
    let mut again = report(&mut peer, first, &[(15, 20), (8, 13), (2, 7)]);
    for _ in 0..4 {
        peer.now += Duration::from_millis(1);
        again.extend(report(&mut peer, first, &[(15, 20), (8, 13), (2, 7)]));
    }
    let mut holes: Vec<u32> = again.into_iter().filter(|at| *at < 20).collect();
    holes.sort_unstable();
    assert_eq!(holes, [0, 1, 7, 13, 14]);
}

#[test]
fn the_window_is_reduced_once_for_all_losses_of_a_flight() {
    let (mut peer, first) = sent(20);
    report(&mut peer, first, &[(1, 4)]);
    report(&mut peer, first, &[(6, 12), (1, 4)]);
    report(&mut peer, first, &[(14, 18), (6, 12), (1, 4)]);
    assert_eq!(peer.stack.stats().fast_retransmits, 1);
}

#[test]
fn after_a_loss_cubic_keeps_seven_tenths_of_the_window_and_newreno_half() {
    for (control, window) in [
        (CongestionControl::Cubic, 14),
        (CongestionControl::NewReno, 10),
    ] {
        let (mut peer, first) = sent_with(control, 20);
        let out = report(&mut peer, first, &[(1, 20)]);
        assert_eq!(out[0], 0);
        assert_eq!(out.len(), window, "{control:?}: {out:?}");
    }
}

#[test]
fn the_acknowledgement_of_everything_ends_recovery() {
    let (mut peer, first) = sent(10);
    assert_eq!(report(&mut peer, first, &[(1, 10)])[0], 0);
    let recovered = report(&mut peer, first.wrapping_add(10 * MSS), &[]);
    assert!(!recovered.is_empty());
    assert_eq!(peer.stack.stats().retransmitted_frames, 1);
    // A further loss is a loss of its own.
    peer.now += Duration::from_millis(10);
    report(&mut peer, first.wrapping_add(10 * MSS), &[(1, 4)]);
    assert_eq!(peer.stack.stats().fast_retransmits, 2);
}

#[test]
fn a_retransmission_that_is_lost_too_is_repeated_without_a_timeout() {
    let (mut peer, first) = sent(10);
    assert_eq!(report(&mut peer, first, &[(1, 6)])[0], 0);
    let new = report(&mut peer, first, &[(1, 9)]);
    assert!(new.iter().all(|at| *at >= 10), "{new:?}");
    // What was sent after the retransmission arrived, and a round trip is over.
    peer.now += Duration::from_millis(11);
    let again = report(&mut peer, first, &[(1, 12)]);
    assert!(again.contains(&0), "{again:?}");
    assert_eq!(peer.stack.stats().timeouts, 0);
}

#[test]
fn a_late_original_shows_reordering_and_is_waited_for_from_then_on() {
    let (mut peer, first) = sent(10);
    report(&mut peer, first, &[(1, 3)]);
    // The hole closes without a retransmission.
    let first = first.wrapping_add(3 * MSS);
    report(&mut peer, first, &[]);
    assert_eq!(peer.stack.stats().retransmitted_frames, 0);
    peer.now += Duration::from_millis(5);
    let new = report(&mut peer, first, &[(1, 5)]);
    assert!(!new.contains(&0), "{new:?}");
    peer.wait(Duration::from_millis(5));
    assert!(offsets(&mut peer, first).contains(&0));
}

#[test]
fn a_timeout_repeats_what_was_not_reported() {
    let (mut peer, first) = sent(10);
    report(&mut peer, first, &[(4, 5)]);
    peer.segments();
    peer.wait(Duration::from_secs(3));
    let again = offsets(&mut peer, first);
    assert!(again.contains(&0), "{again:?}");
    assert!(peer.stack.stats().timeouts > 0);
}

#[test]
fn a_peer_that_reneged_gets_everything_again() {
    let (mut peer, first) = sent(10);
    report(&mut peer, first, &[(1, 10)]);
    // It has dropped what it reported: its acknowledgement stops at the hole.
    let first = first.wrapping_add(MSS);
    report(&mut peer, first, &[]);
    let mut got = Vec::new();
    for _ in 0..40 {
        peer.wait(Duration::from_millis(300));
        let sent = offsets(&mut peer, first);
        let Some(next) = sent.first() else { continue };
        got.extend(sent.iter().copied());
        if *next == u32::try_from(got.len()).unwrap() {
            break;
        }
        if got.contains(&8) {
            break;
        }
        let progress = got.iter().max().unwrap() + 1;
        let ack = first.wrapping_add(progress.min(9) * MSS);
        peer.send_ack(ack);
        got.extend(
            peer.segments()
                .iter()
                .map(|s| s.seq.wrapping_sub(first) / MSS),
        );
    }
    assert!((0..9).all(|at| got.contains(&at)), "{got:?}");
}

#[test]
fn blocks_that_cannot_be_change_nothing() {
    let (mut peer, first) = sent(10);
    for (start, end) in [(0, 3), (5, 5), (6, 5), (9, 900), (1 << 19, 1 << 20)] {
        let sent = report(&mut peer, first, &[(start, end)]);
        assert!(sent.is_empty(), "{start} {end}: {sent:?}");
    }
    assert_eq!(peer.stack.stats().fast_retransmits, 0);
}

#[test]
fn a_lost_fin_is_repeated_with_the_data_before_it() {
    let mut peer = Peer::default();
    let id = peer.accept_sack();
    peer.write(&pattern(1460));
    peer.stack.wake(id);
    let first = peer.segments()[0].seq;
    peer.stack.close(id, peer.now);
    assert_eq!(peer.segment().flags, "F.");
    peer.wait(Duration::from_secs(1));
    let again = peer.segments();
    // First the probe for the end, which is the FIN.
    assert_eq!(again[0].seq, first.wrapping_add(MSS));
    assert!(again[0].has('F'));
    assert_eq!((again[1].seq, again[1].data.len()), (first, 1460));
    assert!(again[1].has('F'));
    // The data alone was delivered after all: the FIN goes out alone.
    peer.send_ack(first.wrapping_add(MSS));
    peer.wait(Duration::from_secs(3));
    let again = peer.segments();
    assert_eq!(
        (again[0].seq, again[0].data.len()),
        (first.wrapping_add(MSS), 0)
    );
    assert!(again[0].has('F'));
    peer.send_ack(first.wrapping_add(MSS + 1));
    assert_eq!(peer.stack.state(id), Some(net::State::FinWait2));
}

#[test]
fn a_retransmission_is_over_the_very_same_memory() {
    let mut peer = Peer::default();
    peer.accept_sack();
    peer.write(&pattern(10 * 1460));
    let frames = peer.frames();
    let memory = |frame: &harness::buffers::Sent| frame.payload[0].memory.as_ptr();
    let (address, data) = (memory(&frames[0]), frames[0].data());
    let first = harness::frames::read_tcp(&frames[0].bytes()).seq;
    peer.ack = first;
    let ack = Tcp {
        sack: vec![(first.wrapping_add(MSS), first.wrapping_add(10 * MSS))],
        ..peer.tcp(".", &[])
    };
    peer.now += Duration::from_millis(10);
    peer.send(&ack);
    let again = peer.frames();
    assert_eq!(memory(&again[0]), address);
    assert_eq!(again[0].data(), data);
}
