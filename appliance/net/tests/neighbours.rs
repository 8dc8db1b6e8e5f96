//! ARP (RFC 826, 1122 2.3.2, 5227).

mod harness;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use harness::frames::{
    OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, arp_frame, is_arp, read_arp, read_tcp,
};
use harness::peer::Peer;
use net::{CloseReason, Event};
use smoltcp::wire::{ArpOperation, ArpRepr, EthernetAddress};

const REMOTE: SocketAddrV4 = SocketAddrV4::new(PEER_ADDRESS, 111);

fn reply() -> Vec<u8> {
    arp_frame(
        ArpOperation::Reply,
        (PEER_MAC, PEER_ADDRESS),
        (OUR_MAC, OUR_ADDRESS),
    )
}

fn arp(
    operation: ArpOperation,
    sender: ([u8; 6], Ipv4Addr),
    target: ([u8; 6], Ipv4Addr),
) -> ArpRepr {
    ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender.0),
        source_protocol_addr: sender.1,
        target_hardware_addr: EthernetAddress(target.0),
        target_protocol_addr: target.1,
    }
}

#[test]
fn a_request_for_our_address_is_answered() {
    let mut peer = Peer::default();
    peer.inject(arp_frame(
        ArpOperation::Request,
        (PEER_MAC, PEER_ADDRESS),
        ([0; 6], OUR_ADDRESS),
    ));
    let frames = peer.frames();
    let expected = arp(
        ArpOperation::Reply,
        (OUR_MAC, OUR_ADDRESS),
        (PEER_MAC, PEER_ADDRESS),
    );
    assert_eq!(read_arp(&frames[0].header), expected);
    assert_eq!(frames[0].header[..6], PEER_MAC);
}

#[test]
fn a_request_for_another_address_is_not() {
    let mut peer = Peer::default();
    peer.inject(arp_frame(
        ArpOperation::Request,
        (PEER_MAC, PEER_ADDRESS),
        ([0; 6], Ipv4Addr::new(10, 0, 0, 9)),
    ));
    assert!(peer.frames().is_empty());
}

#[test]
fn the_next_hop_is_asked_for_and_the_syn_follows_the_answer() {
    let mut peer = Peer::default();
    peer.stack.connect(REMOTE, 700, peer.now).unwrap();
    let frames = peer.frames();
    assert_eq!(frames.len(), 1);
    let expected = arp(
        ArpOperation::Request,
        (OUR_MAC, OUR_ADDRESS),
        ([0; 6], PEER_ADDRESS),
    );
    assert_eq!(read_arp(&frames[0].header), expected);
    assert_eq!(frames[0].header[..6], [0xff; 6]);
    peer.inject(reply());
    assert_eq!(peer.segment().flags, "S");
}

#[test]
fn many_connections_to_one_host_ask_once() {
    let mut peer = Peer::default();
    for port in 700..710 {
        peer.stack.connect(REMOTE, port, peer.now).unwrap();
    }
    assert_eq!(peer.frames().len(), 1);
    peer.inject(reply());
    assert_eq!(peer.segments().len(), 10);
}

#[test]
fn unanswered_requests_are_repeated_with_back_off_and_then_the_host_is_unreachable() {
    let mut peer = Peer::default();
    let connection = peer.stack.connect(REMOTE, 700, peer.now).unwrap();
    let start = peer.now;
    let mut at = Vec::new();
    let events = loop {
        at.extend(peer.frames().iter().map(|_| (peer.now - start).as_millis()));
        let events = peer.events();
        if !events.is_empty() {
            break events;
        }
        peer.now = peer.stack.poll_timeout().unwrap();
        peer.stack.handle_timeout(peer.now);
    };
    assert_eq!(at, [0, 500, 1500, 3500]);
    let reason = CloseReason::Unreachable;
    assert_eq!(events, [Event::Closed { connection, reason }]);
}

#[test]
fn an_unreachable_host_is_not_asked_for_again_at_once() {
    let mut peer = Peer::default();
    peer.stack.connect(REMOTE, 700, peer.now).unwrap();
    peer.wait(Duration::from_secs(8));
    peer.frames();
    peer.events();
    peer.stack.connect(REMOTE, 701, peer.now).unwrap();
    assert!(peer.frames().is_empty());
    peer.wait(Duration::from_secs(4));
    assert!(is_arp(&peer.frames()[0].header));
}

#[test]
fn an_address_that_expired_is_used_while_it_is_asked_for() {
    let mut peer = Peer::default();
    peer.accept();
    peer.answers_arp = false;
    peer.wait(Duration::from_secs(30));
    // A sign of life, so that no keepalive probe asks for the address first.
    peer.send_ack(peer.ack);
    peer.wait(Duration::from_secs(31));
    peer.write(b"x");
    let frames = peer.frames();
    assert_eq!(read_tcp(&frames[0].bytes()).data, b"x");
    assert!(is_arp(&frames[1].header));
    assert_eq!(frames.len(), 2);
}

#[test]
fn progress_of_a_connection_keeps_an_address() {
    let mut peer = Peer::default();
    peer.accept();
    peer.answers_arp = false;
    for _ in 0..10 {
        peer.wait(Duration::from_secs(20));
        peer.write(b"x");
        let sent = peer.segment();
        peer.send_ack(sent.seq.wrapping_add(1));
    }
    assert_eq!(peer.stack.stats().arp_requests, 0);
}

#[test]
fn a_host_that_moved_is_followed() {
    let mut peer = Peer::default();
    peer.accept();
    let moved = [2, 0, 0, 0, 0, 9];
    peer.inject(arp_frame(
        ArpOperation::Request,
        (moved, PEER_ADDRESS),
        ([0; 6], PEER_ADDRESS),
    ));
    peer.write(b"x");
    assert_eq!(peer.frames()[0].header[..6], moved);
}

#[test]
fn nothing_is_learnt_from_hosts_nobody_asked_for() {
    let mut peer = Peer::default();
    peer.inject(reply());
    peer.stack.connect(REMOTE, 700, peer.now).unwrap();
    assert!(is_arp(&peer.frames()[0].header));
}

#[test]
fn nobody_can_take_our_address_or_one_off_the_link() {
    let mut peer = Peer::default();
    for address in [
        OUR_ADDRESS,
        Ipv4Addr::new(192, 0, 2, 1),
        Ipv4Addr::BROADCAST,
    ] {
        peer.inject(arp_frame(
            ArpOperation::Request,
            (PEER_MAC, address),
            ([0; 6], OUR_ADDRESS),
        ));
    }
    assert!(peer.frames().is_empty());
}

#[test]
fn announcing_asks_for_our_own_address() {
    let mut peer = Peer::default();
    peer.stack.announce();
    let frames = peer.frames();
    let expected = arp(
        ArpOperation::Request,
        (OUR_MAC, OUR_ADDRESS),
        ([0; 6], OUR_ADDRESS),
    );
    assert_eq!(read_arp(&frames[0].header), expected);
}

#[test]
fn the_neighbour_table_is_bounded_and_gives_up_the_least_used() {
    let mut config = harness::peer::config();
    config.limits.neighbours = 2;
    let mut peer = Peer::new(config);
    peer.accept();
    for host in 10..30 {
        peer.now += Duration::from_millis(1);
        peer.inject(arp_frame(
            ArpOperation::Request,
            ([2, 0, 0, 0, 1, host], Ipv4Addr::new(10, 0, 0, host)),
            ([0; 6], OUR_ADDRESS),
        ));
        peer.frames();
        peer.now += Duration::from_millis(1);
        peer.write(b"x");
        assert_eq!(peer.segment().data, b"x");
    }
    assert_eq!(peer.stack.stats().arp_requests, 0);
}
