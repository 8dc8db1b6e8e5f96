//! Peers of a run that ended without closing its connections find out (RFC 9293, 3.5.1).

mod harness;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use harness::frames::{
    OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, Tcp, arp_frame, is_arp, read_arp, read_tcp,
};
use harness::peer::{OUR_PORT, PEER_PORT, Peer, config};
use net::limits::{FORGOTTEN_PROBE_WAIT, FORGOTTEN_PROBES, FORGOTTEN_PROBES_AT_ONCE};
use net::{Config, Limits};
use smoltcp::wire::{ArpOperation, ArpRepr};

/// Longer than all probes take.
const ALL: Duration = Duration::from_secs(60);

fn peer_at(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

/// A stack that has just started, whose link knows the peer, told of the peer's old connection.
fn restarted() -> Peer {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    assert!(
        peer.stack
            .probe_forgotten(peer_at(PEER_ADDRESS, PEER_PORT), OUR_PORT, peer.now)
    );
    peer
}

/// Lets the probes fall due that are due now.
fn probes(peer: &mut Peer) -> Vec<Tcp> {
    peer.wait(Duration::ZERO);
    peer.segments()
}

#[test]
fn a_peer_that_only_waits_is_made_to_answer_and_its_answer_is_reset() {
    let mut peer = restarted();
    let [probe] = &probes(&mut peer)[..] else {
        panic!("one probe");
    };
    assert_eq!((probe.from, probe.to), (OUR_PORT, PEER_PORT));
    assert_eq!((probe.flags.as_str(), probe.data.len()), (".", 0));
    // RFC 9293, 3.10.7.4: it answers what it cannot accept with the numbers it stands at.
    peer.ack = 77;
    let answer = peer.tcp(".", &[]);
    peer.send(&answer);
    let reset = peer.segment();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", 77));
    assert!(peer.events().is_empty());
}

#[test]
fn probes_carry_timestamps_without_which_a_peer_that_uses_them_would_not_answer() {
    let mut peer = restarted();
    assert!(probes(&mut peer)[0].timestamps.is_some());
}

#[test]
fn a_peer_is_probed_a_few_times_at_growing_distance() {
    let mut peer = restarted();
    let mut times = Vec::new();
    while peer.stack.is_probing_forgotten() {
        let due = peer.stack.poll_timeout().unwrap();
        peer.wait(due.saturating_sub(peer.now));
        times.extend(peer.segments().iter().map(|_| peer.now));
    }
    assert_eq!(times.len(), usize::try_from(FORGOTTEN_PROBES).unwrap());
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (round, gap) in (0..).zip(&gaps) {
        assert_eq!(*gap, FORGOTTEN_PROBE_WAIT * (1 << round), "{gaps:?}");
    }
    let sent = peer.stack.stats().forgotten_probes;
    assert_eq!(sent, u64::from(FORGOTTEN_PROBES));
    peer.wait(ALL);
    assert!(peer.segments().is_empty());
    assert_eq!(peer.stack.poll_timeout(), None);
}

#[test]
fn no_two_probes_lie_in_one_window() {
    let mut peer = restarted();
    peer.wait(ALL);
    let segments = peer.segments();
    for pair in segments.windows(2) {
        let distance = pair[1].seq.wrapping_sub(pair[0].seq);
        // The largest window there is has 2^30 bytes (RFC 7323, 2.3), of which the clock may take a little.
        let least = (1 << 30) - (1 << 28);
        assert!(
            distance > least && distance < u32::MAX - least,
            "{distance}"
        );
    }
}

#[test]
fn a_peer_that_has_come_back_from_the_same_port_is_left_alone() {
    let mut peer = Peer::default();
    peer.accept();
    peer.stack
        .probe_forgotten(peer_at(PEER_ADDRESS, PEER_PORT), OUR_PORT, peer.now);
    peer.wait(Duration::from_secs(20));
    assert!(peer.segments().is_empty());
    assert!(!peer.stack.is_probing_forgotten());
    assert_eq!(peer.stack.stats().forgotten_probes, 0);
}

#[test]
fn an_unknown_neighbour_is_asked_for_and_probed_in_the_next_round() {
    let mut peer = Peer::default();
    peer.stack
        .probe_forgotten(peer_at(PEER_ADDRESS, PEER_PORT), OUR_PORT, peer.now);
    peer.wait(Duration::ZERO);
    let frames = peer.frames();
    assert!(frames.len() == 1 && is_arp(&frames[0].header));
    peer.inject(arp_frame(
        ArpOperation::Reply,
        (PEER_MAC, PEER_ADDRESS),
        (OUR_MAC, OUR_ADDRESS),
    ));
    peer.wait(FORGOTTEN_PROBE_WAIT);
    assert_eq!(peer.segment().to, PEER_PORT);
}

#[test]
fn a_host_that_is_gone_costs_questions_for_its_address_only_and_not_for_ever() {
    let mut peer = Peer::default();
    peer.stack
        .probe_forgotten(peer_at(PEER_ADDRESS, PEER_PORT), OUR_PORT, peer.now);
    peer.wait(ALL);
    let frames = peer.frames();
    assert!(frames.iter().all(|frame| is_arp(&frame.header)));
    assert!(frames.len() < 20, "{}", frames.len());
    assert!(!peer.stack.is_probing_forgotten());
}

#[test]
fn a_peer_off_the_link_is_probed_through_the_router() {
    let mut peer = Peer::default();
    let far = Ipv4Addr::new(192, 0, 2, 9);
    assert!(
        peer.stack
            .probe_forgotten(peer_at(far, PEER_PORT), OUR_PORT, peer.now)
    );
    peer.wait(Duration::ZERO);
    let frames = peer.frames();
    let ArpRepr::EthernetIpv4 {
        target_protocol_addr,
        ..
    } = read_arp(&frames[0].bytes())
    else {
        panic!("no ARP over Ethernet");
    };
    assert_eq!(target_protocol_addr, config().gateway.unwrap());
}

#[test]
fn what_cannot_be_a_peer_is_refused() {
    let mut peer = Peer::default();
    for (address, remote_port, local_port) in [
        ([0, 0, 0, 0], PEER_PORT, OUR_PORT),
        ([255, 255, 255, 255], PEER_PORT, OUR_PORT),
        ([224, 0, 0, 1], PEER_PORT, OUR_PORT),
        ([127, 0, 0, 1], PEER_PORT, OUR_PORT),
        (OUR_ADDRESS.octets(), PEER_PORT, OUR_PORT),
        ([10, 0, 0, 255], PEER_PORT, OUR_PORT),
        (PEER_ADDRESS.octets(), 0, OUR_PORT),
        (PEER_ADDRESS.octets(), PEER_PORT, 0),
    ] {
        let remote = peer_at(Ipv4Addr::from(address), remote_port);
        assert!(
            !peer.stack.probe_forgotten(remote, local_port, peer.now),
            "{remote} {local_port}"
        );
    }
    let mut alone = Peer::new(Config {
        gateway: None,
        ..config()
    });
    let far = peer_at(Ipv4Addr::new(192, 0, 2, 9), PEER_PORT);
    assert!(!alone.stack.probe_forgotten(far, OUR_PORT, alone.now));
}

#[test]
fn no_more_peers_are_probed_than_a_stack_has_connections_and_not_all_at_once() {
    let connections = 100;
    let mut peer = Peer::new(Config {
        limits: Limits {
            connections,
            ..config().limits
        },
        ..config()
    });
    peer.introduce();
    let taken = (1..=2 * connections)
        .filter(|&port| {
            let remote = peer_at(PEER_ADDRESS, u16::try_from(port).unwrap());
            peer.stack.probe_forgotten(remote, OUR_PORT, peer.now)
        })
        .count();
    assert_eq!(taken, connections);
    assert_eq!(probes(&mut peer).len(), FORGOTTEN_PROBES_AT_ONCE);
    peer.wait(Duration::from_millis(100));
    let rest = peer.frames();
    assert_eq!(rest.len(), connections - FORGOTTEN_PROBES_AT_ONCE);
    assert_eq!(read_tcp(&rest[0].bytes()).to, 33);
    assert_eq!(peer.stack.stats().dropped_control, 0);
}
