//! Frames of many segments, as LRO and GRO make them: up to 64 KiB in a chain of
//! buffers.

mod harness;

use std::time::Duration;

use harness::frames::{Tcp, tcp_frame};
use harness::peer::{Peer, config, pattern};
use net::RxChecksums;

/// Headers without options, and the most payload one IPv4 packet holds with
/// them.
const HEADERS: usize = 54;
const MOST: usize = 65_495;

fn segment(peer: &Peer, offset: usize, data: &[u8]) -> Tcp {
    Tcp {
        seq: peer.seq.wrapping_add(u32::try_from(offset).unwrap()),
        ..peer.tcp(".", data)
    }
}

/// Injects the segment as a chain: headers and the first bytes, then buffers of
/// `size` bytes.
fn inject(peer: &mut Peer, tcp: &Tcp, size: usize) {
    let frame = tcp_frame(tcp);
    let cuts: Vec<usize> = (HEADERS + size..frame.len()).step_by(size).collect();
    peer.inject_cut(&frame, &cuts);
}

fn next(peer: &Peer, count: usize) -> u32 {
    peer.seq.wrapping_add(u32::try_from(count).unwrap())
}

#[test]
fn the_largest_frame_is_read_whole_and_acknowledged_at_once() {
    // Odd pieces, so that the checksum crosses them at every parity.
    for size in [1025, 1448, 2047, MOST] {
        let mut peer = Peer::default();
        peer.accept();
        let sent = pattern(MOST);
        let tcp = segment(&peer, 0, &sent);
        inject(&mut peer, &tcp, size);
        let ack = peer.segment();
        assert_eq!(ack.ack, next(&peer, MOST));
        assert!(peer.read() == sent);
        assert_eq!(peer.live.get(), 0);
        peer.wait(Duration::from_secs(1));
        assert!(peer.segments().iter().all(|update| update.data.is_empty()));
    }
}

#[test]
fn a_checksum_is_verified_over_the_whole_chain_unless_the_device_did() {
    let mut peer = Peer::default();
    peer.accept();
    let sent = pattern(30_000);
    let mut frame = tcp_frame(&segment(&peer, 0, &sent));
    *frame.last_mut().unwrap() ^= 1;
    peer.inject_cut(&frame, &[2000, 4001, 20_000]);
    assert_eq!(peer.stack.stats().dropped_checksum, 1);
    peer.checksums = RxChecksums {
        ip_good: true,
        l4_good: true,
    };
    peer.inject_cut(&frame, &[2000, 4001, 20_000]);
    assert_eq!(peer.read().len(), sent.len());
}

#[test]
fn two_segments_in_one_frame_are_acknowledged_at_once_and_one_is_not() {
    let mut peer = Peer::default();
    peer.accept();
    peer.send_data(&pattern(2 * 1460));
    assert_eq!(peer.segment().ack, peer.seq);
    peer.send_data(&pattern(1460));
    assert!(peer.segments().is_empty());
    // Another one and a half.
    peer.send_data(&pattern(2190));
    assert_eq!(peer.segment().ack, peer.seq);
}

#[test]
fn a_frame_ahead_of_a_gap_waits_and_is_reported() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let sent = pattern(65_000);
    let ahead = segment(&peer, 10_000, &sent[10_000..]);
    inject(&mut peer, &ahead, 1448);
    let report = peer.segment();
    assert_eq!(report.ack, peer.seq);
    assert_eq!(report.sack, [(next(&peer, 10_000), next(&peer, 65_000))]);
    assert!(peer.read().is_empty());
    let hole = segment(&peer, 0, &sent[..10_000]);
    inject(&mut peer, &hole, 1448);
    assert_eq!(peer.segment().ack, next(&peer, 65_000));
    assert!(peer.read() == sent);
    assert_eq!(peer.live.get(), 0);
}

#[test]
fn frames_that_overlap_in_the_middle_of_buffers_give_the_stream() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let sent = pattern(100_000);
    for (start, end) in [
        (50_000, 99_000),
        (0, 30_000),
        (20_000, 80_001),
        (70_000, 100_000),
    ] {
        let tcp = segment(&peer, start, &sent[start..end]);
        inject(&mut peer, &tcp, 2048);
        peer.frames();
    }
    assert!(peer.read() == sent);
    assert_eq!(peer.live.get(), 0);
}

#[test]
fn what_lies_beyond_the_window_is_cut_off_and_the_window_closes() {
    let mut config = config();
    config.limits.receive_window = 60_000;
    let mut peer = Peer::new(config);
    peer.accept();
    let sent = pattern(90_000);
    let first = segment(&peer, 0, &sent[..50_000]);
    inject(&mut peer, &first, 1448);
    let ack = peer.segment();
    assert_eq!((ack.ack, ack.window), (next(&peer, 50_000), 10_000));
    let second = segment(&peer, 50_000, &sent[50_000..]);
    inject(&mut peer, &second, 1448);
    let ack = peer.segment();
    assert_eq!((ack.ack, ack.window), (next(&peer, 60_000), 0));
    assert!(peer.read() == sent[..60_000]);
    assert_eq!(peer.segment().window, 60_000);
}

#[test]
fn a_frame_of_one_byte_buffers_is_bounded_like_any_other() {
    let mut peer = Peer::default();
    peer.accept();
    let pieces = net::limits::MAX_RECEIVED_PIECES;
    let fits = segment(&peer, 0, &pattern(pieces));
    inject(&mut peer, &fits, 1);
    assert_eq!(peer.read().len(), pieces);
    let too_many = segment(&peer, pieces, &pattern(pieces + 1));
    inject(&mut peer, &too_many, 1);
    assert_eq!(peer.stack.stats().dropped_split, 1);
    assert_eq!(peer.live.get(), 0);
}
