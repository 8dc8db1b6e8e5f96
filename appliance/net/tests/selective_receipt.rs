//! Selective acknowledgements that we send (RFC 2018).

mod harness;

use harness::frames::{PEER_ADDRESS, Tcp};
use harness::peer::{OUR_PORT, PEER_PORT, Peer, config, pattern};
use net::Event;

/// Blocks relative to the peer's next number.
fn blocks(peer: &Peer, segment: &Tcp) -> Vec<(u32, u32)> {
    let relative = |seq: u32| seq.wrapping_sub(peer.seq);
    segment
        .sack
        .iter()
        .map(|(start, end)| (relative(*start), relative(*end)))
        .collect()
}

/// Data at a distance from the peer's next number, and the answer to it.
fn arrive(peer: &mut Peer, offset: u32, len: usize) -> Tcp {
    let segment = Tcp {
        seq: peer.seq.wrapping_add(offset),
        ..peer.tcp(".", &pattern(len))
    };
    peer.send(&segment);
    peer.segment()
}

#[test]
fn a_syn_that_permits_is_answered_with_permission() {
    for (offered, clock) in [
        (true, None),
        (true, Some(9)),
        (false, None),
        (false, Some(9)),
    ] {
        let mut peer = Peer {
            clock,
            ..Peer::default()
        };
        peer.introduce();
        peer.stack.listen(OUR_PORT);
        let syn = Tcp {
            sack_permitted: offered,
            ..peer.syn()
        };
        peer.send(&syn);
        let answer = peer.segment();
        assert_eq!(answer.sack_permitted, offered);
        assert_eq!(answer.timestamps.is_some(), clock.is_some());
    }
}

#[test]
fn our_syn_permits() {
    let mut peer = Peer::default();
    peer.introduce();
    let remote = std::net::SocketAddrV4::new(PEER_ADDRESS, PEER_PORT);
    peer.stack.connect(remote, OUR_PORT, peer.now).unwrap();
    assert!(peer.segment().sack_permitted);
}

#[test]
fn a_peer_that_does_not_permit_gets_no_blocks() {
    let mut peer = Peer::default();
    peer.accept();
    assert!(arrive(&mut peer, 1000, 500).sack.is_empty());
}

#[test]
fn what_is_ahead_of_a_gap_is_reported_the_latest_first() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let answer = arrive(&mut peer, 1000, 500);
    assert_eq!(blocks(&peer, &answer), [(1000, 1500)]);
    let answer = arrive(&mut peer, 3000, 500);
    assert_eq!(blocks(&peer, &answer), [(3000, 3500), (1000, 1500)]);
    let answer = arrive(&mut peer, 1500, 500);
    assert_eq!(blocks(&peer, &answer), [(1000, 2000), (3000, 3500)]);
    // The fourth pushes out what was reported longest ago.
    arrive(&mut peer, 5000, 500);
    let answer = arrive(&mut peer, 7000, 500);
    assert_eq!(
        blocks(&peer, &answer),
        [(7000, 7500), (5000, 5500), (1000, 2000)]
    );
}

#[test]
fn a_repetition_ahead_of_a_gap_is_reported_first() {
    let mut peer = Peer::default();
    peer.accept_sack();
    arrive(&mut peer, 1000, 500);
    arrive(&mut peer, 3000, 500);
    let answer = arrive(&mut peer, 1100, 300);
    assert_eq!(blocks(&peer, &answer), [(1000, 1500), (3000, 3500)]);
}

#[test]
fn blocks_go_when_the_gap_is_filled() {
    let mut peer = Peer::default();
    peer.accept_sack();
    arrive(&mut peer, 1000, 500);
    arrive(&mut peer, 3000, 500);
    let answer = arrive(&mut peer, 0, 1000);
    assert_eq!(answer.ack, peer.seq.wrapping_add(1500));
    assert_eq!(blocks(&peer, &answer), [(3000, 3500)]);
    let answer = arrive(&mut peer, 1500, 1500);
    assert_eq!(answer.ack, peer.seq.wrapping_add(3500));
    assert!(answer.sack.is_empty());
}

#[test]
fn three_blocks_fit_next_to_timestamps() {
    let mut peer = Peer {
        clock: Some(1),
        ..Peer::default()
    };
    peer.accept_sack();
    for offset in [1000, 3000] {
        arrive(&mut peer, offset, 500);
    }
    let answer = arrive(&mut peer, 5000, 500);
    assert_eq!(answer.sack.len(), 3);
    assert!(answer.timestamps.is_some());
}

#[test]
fn data_on_its_way_out_has_no_blocks_but_an_empty_segment_follows() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let ahead = Tcp {
        seq: peer.seq.wrapping_add(1000),
        ..peer.tcp(".", &[1; 500])
    };
    peer.send(&ahead);
    peer.write(&pattern(1460));
    let segments = peer.segments();
    assert_eq!(segments.len(), 2);
    assert_eq!((segments[0].data.len(), segments[0].sack.len()), (1460, 0));
    assert_eq!((segments[1].data.len(), segments[1].sack.len()), (0, 1));
}

#[test]
fn what_was_reported_is_not_dropped_for_lack_of_buffers() {
    let mut config = config();
    config.limits.receive_buffers = 4;
    let mut peer = Peer::new(config);
    let connection = peer.accept_sack();
    arrive(&mut peer, 1000, 100);
    arrive(&mut peer, 1200, 100);
    // Half of the buffers are in use: this covers both and is dropped, they stay.
    let answer = arrive(&mut peer, 900, 500);
    assert_eq!(blocks(&peer, &answer), [(1200, 1300), (1000, 1100)]);
    assert_eq!(peer.stack.stats().dropped_buffers, 1);
    let answer = arrive(&mut peer, 0, 1000);
    assert_eq!(answer.ack, peer.seq.wrapping_add(1100));
    assert_eq!(peer.events(), [Event::Readable { connection }]);
}

/// Frames come in bursts; each acknowledgement of one is to tell something new.
#[test]
fn every_block_of_a_burst_is_reported() {
    let mut peer = Peer::default();
    peer.accept_sack();
    let count = 12;
    for index in 0..count {
        let ahead = Tcp {
            seq: peer.seq.wrapping_add(1000 * (index + 1)),
            ..peer.tcp(".", &pattern(500))
        };
        peer.send(&ahead);
    }
    let answers = peer.segments();
    let last = blocks(&peer, answers.last().unwrap());
    assert_eq!(last, [(12_000, 12_500), (11_000, 11_500), (10_000, 10_500)]);
    let mut reported: Vec<(u32, u32)> = answers
        .iter()
        .flat_map(|answer| blocks(&peer, answer))
        .collect();
    reported.sort_unstable();
    reported.dedup();
    assert_eq!(reported.len(), count as usize, "{reported:?}");
}
