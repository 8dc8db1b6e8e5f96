//! Paths that do not carry full segments (RFC 1191, 5927, 4821).

mod harness;

use std::time::Duration;

use harness::buffers::Sent;
use harness::frames::{Tcp, read_tcp, too_big_frame};
use harness::peer::{OUR_PORT, Peer, config, pattern};
use net::{Offload, State, Tso};

const MSS: usize = 1460;

/// The initial window of full segments in flight, and more waiting. All frames
/// share the memory of one buffer.
fn in_flight(sack: bool) -> (Peer, Vec<Sent>) {
    let mut peer = Peer::default();
    if sack {
        peer.accept_sack();
    } else {
        peer.accept();
    }
    peer.write(&pattern(100 * MSS));
    let frames = peer.frames();
    assert_eq!(sizes(&frames), [MSS; 10]);
    (peer, frames)
}

fn sizes(frames: &[Sent]) -> Vec<usize> {
    frames.iter().map(|frame| frame.data().len()).collect()
}

fn too_big(peer: &mut Peer, frame: &Sent, mtu: u16) -> Vec<Sent> {
    peer.inject(too_big_frame(&frame.header, mtu));
    peer.frames()
}

/// The frames hold the bytes of `stream` from `first` on without a gap.
fn assert_contiguous(frames: &[Sent], mut first: u32, stream: &[u8]) {
    let mut at = 0;
    for frame in frames {
        let segment = read_tcp(&frame.bytes());
        assert_eq!(segment.seq, first);
        assert_eq!(segment.data, stream[at..at + segment.data.len()]);
        at += segment.data.len();
        first = first.wrapping_add(u32::try_from(segment.data.len()).unwrap());
    }
}

#[test]
fn what_was_too_big_is_cut_anew_and_sent_again_at_once() {
    for sack in [true, false] {
        let (mut peer, sent) = in_flight(sack);
        let again = too_big(&mut peer, &sent[3], 1000);
        // The congestion window is as large as before.
        let bytes: usize = sizes(&again).iter().sum();
        assert!(bytes > 10 * MSS - 960 && bytes <= 10 * MSS, "{bytes}");
        assert!(sizes(&again).iter().all(|size| *size <= 960));
        let first = read_tcp(&sent[0].bytes()).seq;
        assert_contiguous(&again, first, &pattern(100 * MSS));
        assert!(std::rc::Rc::ptr_eq(
            &sent[0].payload[0].memory,
            &again[0].payload[0].memory
        ));
        assert_eq!(peer.stack.stats().path_mtu_lowered, 1);
        assert_eq!(peer.stack.stats().timeouts, 0);
    }
}

#[test]
fn new_data_keeps_to_the_size() {
    let (mut peer, sent) = in_flight(true);
    too_big(&mut peer, &sent[0], 1000);
    let first = read_tcp(&sent[0].bytes()).seq;
    peer.send_ack(first.wrapping_add(u32::try_from(10 * MSS).unwrap()));
    let next = peer.frames();
    assert!(next.len() > 10 && sizes(&next).iter().all(|size| *size == 960));
}

#[test]
fn each_dropped_packet_is_reported_and_the_first_report_does() {
    let (mut peer, sent) = in_flight(true);
    too_big(&mut peer, &sent[0], 1000);
    for frame in &sent[1..] {
        assert!(too_big(&mut peer, frame, 1000).is_empty());
    }
    assert_eq!(peer.stack.stats().path_mtu_lowered, 1);
}

#[test]
fn timestamps_come_off_the_size() {
    let mut peer = Peer {
        clock: Some(5),
        ..Peer::default()
    };
    peer.accept_sack();
    peer.write(&pattern(MSS));
    let sent = peer.frames();
    let again = too_big(&mut peer, &sent[0], 1000);
    assert_eq!(sizes(&again), [948, 500]);
}

#[test]
fn super_segments_are_cut_to_the_size() {
    let mut config = config();
    config.offload = Offload {
        ip_checksum: false,
        tcp_checksum: false,
        tso: Some(Tso {
            max_payload: 65_495,
            max_pieces: 40,
            max_segment: 1460,
        }),
    };
    let mut peer = Peer::new(config);
    peer.accept_sack();
    peer.write(&pattern(100 * MSS));
    let sent = peer.frames();
    assert_eq!(sent[0].offload.tso_segment, Some(1460));
    // A router sees what the device made of it.
    let mut cut = sent[0].header.clone();
    cut[16..18].copy_from_slice(&1500_u16.to_be_bytes());
    peer.inject(too_big_frame(&cut, 1000));
    let again = peer.frames();
    assert_eq!(again[0].offload.tso_segment, Some(960));
    assert!(again[0].data().len().is_multiple_of(960));
}

#[test]
fn a_router_that_tells_no_size_gets_the_next_common_one() {
    let (mut peer, sent) = in_flight(true);
    let again = too_big(&mut peer, &sent[0], 0);
    assert_eq!(sizes(&again)[0], 1492 - 40);
    let smaller = too_big(&mut peer, &again[0], 0);
    assert_eq!(sizes(&smaller)[0], 1006 - 40);
}

#[test]
fn nobody_makes_segments_tiny() {
    let (mut peer, sent) = in_flight(true);
    let again = too_big(&mut peer, &sent[0], 68);
    assert_eq!(sizes(&again)[0], 256);
}

#[test]
fn a_report_only_ever_lowers_the_size() {
    let (mut peer, sent) = in_flight(true);
    too_big(&mut peer, &sent[0], 1000);
    assert!(too_big(&mut peer, &sent[0], 1200).is_empty());
    // Not smaller than the packet it is about.
    let mut small = sent[0].header.clone();
    small[16..18].copy_from_slice(&500_u16.to_be_bytes());
    peer.inject(too_big_frame(&small, 600));
    assert!(peer.frames().is_empty());
    assert_eq!(peer.stack.stats().path_mtu_lowered, 1);
    peer.write(&pattern(MSS));
    assert!(sizes(&peer.frames()).iter().all(|size| *size <= 960));
}

#[test]
fn a_report_about_what_is_not_in_flight_is_not_believed() {
    let (mut peer, sent) = in_flight(true);
    let first = read_tcp(&sent[0].bytes()).seq;
    peer.send_ack(first.wrapping_add(u32::try_from(2 * MSS).unwrap()));
    peer.frames();
    assert!(too_big(&mut peer, &sent[0], 1000).is_empty());
    let mut ahead = sent[9].header.clone();
    let beyond = first.wrapping_add(u32::try_from(40 * MSS).unwrap());
    ahead[38..42].copy_from_slice(&beyond.to_be_bytes());
    peer.inject(too_big_frame(&ahead, 1000));
    assert!(peer.frames().is_empty());
    assert_eq!(peer.stack.stats().path_mtu_lowered, 0);
}

#[test]
fn a_report_about_another_connection_or_protocol_changes_nothing() {
    let (mut peer, sent) = in_flight(true);
    // Protocol, source, destination, source port, destination port.
    for at in [23, 29, 33, 35, 37] {
        let mut other = sent[0].header.clone();
        other[at] ^= 0x40;
        peer.inject(too_big_frame(&other, 1000));
        assert!(peer.frames().is_empty());
    }
    assert_eq!(peer.stack.stats().path_mtu_lowered, 0);
}

#[test]
fn a_damaged_or_short_report_is_dropped() {
    let (mut peer, sent) = in_flight(true);
    let whole = too_big_frame(&sent[0].header, 1000);
    let mut damaged = whole.clone();
    damaged[60] ^= 1;
    peer.inject(damaged);
    assert_eq!(peer.stack.stats().dropped_checksum, 1);
    for len in 34..whole.len() {
        let mut short = whole[..len].to_vec();
        let total = u16::try_from(len - 14).unwrap();
        short[16..18].copy_from_slice(&total.to_be_bytes());
        short[24..26].fill(0);
        let mut message = short.split_off(34);
        if message.len() >= 4 {
            smoltcp::wire::Icmpv4Packet::new_unchecked(&mut message[..]).fill_checksum();
        }
        short.extend(message);
        smoltcp::wire::Ipv4Packet::new_unchecked(&mut short[14..]).fill_checksum();
        peer.inject(short);
        assert!(peer.frames().is_empty());
    }
    assert_eq!(peer.stack.stats().path_mtu_lowered, 0);
}

#[test]
fn a_report_about_our_syn_changes_nothing() {
    let mut peer = Peer::default();
    peer.introduce();
    let remote =
        std::net::SocketAddrV4::new(harness::frames::PEER_ADDRESS, harness::peer::PEER_PORT);
    let id = peer.stack.connect(remote, OUR_PORT, peer.now).unwrap();
    let syn = peer.frames();
    // No router finds 60 bytes too big.
    let mut large = syn[0].header.clone();
    large[16..18].copy_from_slice(&1500_u16.to_be_bytes());
    peer.inject(too_big_frame(&large, 1000));
    assert!(peer.frames().is_empty());
    assert_eq!(peer.stack.state(id), Some(State::SynSent));
}

#[test]
fn after_ten_minutes_full_segments_are_tried_again() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let start = peer.now;
    for (wait, size) in [(0, MSS), (599, 960), (600, MSS)] {
        peer.now = start + Duration::from_secs(wait);
        peer.write(&pattern(MSS));
        let sent = peer.frames();
        assert_eq!(sizes(&sent)[0], size, "after {wait} s");
        if wait == 0 {
            assert_eq!(sizes(&too_big(&mut peer, &sent[0], 1000)), [960, 500]);
        }
        let first = read_tcp(&sent[0].bytes()).seq;
        peer.send_ack(first.wrapping_add(u32::try_from(MSS).unwrap()));
        peer.frames();
    }
}

/// What goes out at each of the next `count` time-outs.
fn timeouts(peer: &mut Peer, count: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    while all.len() < count {
        let before = peer.stack.stats().timeouts;
        let at = peer.stack.poll_timeout().unwrap();
        peer.now = peer.now.max(at);
        peer.stack.handle_timeout(peer.now);
        let frames = peer.frames();
        if peer.stack.stats().timeouts > before {
            all.push(sizes(&frames));
        }
    }
    all
}

#[test]
fn full_segments_that_vanish_three_times_make_room_for_smaller_ones() {
    for sack in [true, false] {
        let (mut peer, sent) = in_flight(sack);
        let again = timeouts(&mut peer, 6);
        assert_eq!(again, [[1460], [1460], [1452], [966], [468], [468]]);
        assert_eq!(peer.stack.stats().black_holes, 1);
        // The small one gets through, and the rest follows in that size.
        let first = read_tcp(&sent[0].bytes()).seq;
        peer.send_ack(first.wrapping_add(468));
        assert!(sizes(&peer.frames()).iter().all(|size| *size <= 468));
    }
}

#[test]
fn small_segments_that_vanish_say_nothing_about_the_path() {
    let mut peer = Peer::default();
    peer.accept_sack();
    peer.write(&pattern(1000));
    peer.frames();
    assert_eq!(timeouts(&mut peer, 4), [[1000]; 4]);
    assert_eq!(peer.stack.stats().black_holes, 0);
}

#[test]
fn full_segments_that_the_peer_reports_are_not_what_the_path_drops() {
    let (mut peer, sent) = in_flight(true);
    let second = read_tcp(&sent[1].bytes()).seq;
    let end = second.wrapping_add(u32::try_from(MSS).unwrap());
    let report = Tcp {
        sack: vec![(second, end)],
        ..peer.tcp(".", &[])
    };
    peer.send(&report);
    peer.frames();
    assert_eq!(timeouts(&mut peer, 4), [[MSS]; 4]);
}

#[test]
fn progress_between_timeouts_is_no_black_hole() {
    let (mut peer, sent) = in_flight(true);
    let mut first = read_tcp(&sent[0].bytes()).seq;
    for _ in 0..4 {
        assert_eq!(timeouts(&mut peer, 1)[0][0], MSS);
        first = first.wrapping_add(1460);
        peer.send_ack(first);
        peer.frames();
    }
    assert_eq!(peer.stack.stats().black_holes, 0);
}

#[test]
fn a_peer_that_speaks_all_the_while_does_not_hide_a_black_hole() {
    let (mut peer, _) = in_flight(true);
    for expected in [1460, 1460, 1452] {
        assert_eq!(timeouts(&mut peer, 1)[0][0], expected);
        peer.send_data(b"request");
        peer.read();
        peer.frames();
    }
    assert_eq!(peer.stack.stats().black_holes, 1);
}

/// The path is tried again after ten seconds, then twenty: it may have been the
/// peer that was away.
#[test]
fn a_black_hole_is_believed_longer_each_time() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let full = |peer: &mut Peer| {
        peer.write(&pattern(MSS));
        peer.frames()
    };
    let acknowledge = |peer: &mut Peer, last: &Tcp| {
        let len = u32::try_from(last.data.len()).unwrap();
        peer.send_ack(last.seq.wrapping_add(len));
        peer.frames();
    };
    for patience in [10, 20, 40] {
        let sent = full(&mut peer);
        assert_eq!(sizes(&sent), [MSS]);
        let whole = read_tcp(&sent[0].bytes());
        timeouts(&mut peer, 3);
        let start = peer.now;
        acknowledge(&mut peer, &whole);
        for (wait, size) in [(patience - 1, 1452), (patience, MSS)] {
            peer.now = start + Duration::from_secs(wait);
            let sent = full(&mut peer);
            assert_eq!(sizes(&sent)[0], size, "after {wait} s");
            acknowledge(
                &mut peer,
                &Tcp {
                    data: pattern(MSS),
                    ..read_tcp(&sent[0].bytes())
                },
            );
        }
    }
}
