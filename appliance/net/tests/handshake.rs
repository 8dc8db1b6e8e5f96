//! Opening connections (RFC 9293, 3.5; RFC 7323, 2 and 3).

mod harness;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use harness::frames::{PEER_ADDRESS, PEER_MAC, Tcp, is_arp, read_tcp, tcp_frame_from};
use harness::peer::{OUR_PORT, PEER_PORT, Peer, config};
use net::{CloseReason, ConnectError, Event, State};

const REMOTE: SocketAddrV4 = SocketAddrV4::new(PEER_ADDRESS, PEER_PORT);

/// A peer whose address is known, and our SYN to it.
fn connecting() -> (Peer, Tcp) {
    let mut peer = Peer::default();
    peer.introduce();
    peer.id = Some(peer.stack.connect(REMOTE, OUR_PORT, peer.now).unwrap());
    let syn = peer.segment();
    peer.ack = syn.seq.wrapping_add(1);
    (peer, syn)
}

#[test]
fn a_syn_to_a_listening_port_is_answered_and_the_ack_accepts() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    assert_eq!(peer.stack.state(connection), Some(State::Established));
    assert_eq!(peer.stack.stats().connections_accepted, 1);
}

#[test]
fn data_goes_both_ways() {
    let mut peer = Peer::default();
    let connection = peer.accept();
    peer.send_data(b"request");
    assert_eq!(peer.events(), [Event::Readable { connection }]);
    assert_eq!(peer.read(), b"request");
    peer.write(b"reply");
    let reply = peer.segment();
    assert_eq!(reply.data, b"reply");
    assert_eq!(reply.flags, "P.");
    assert_eq!(reply.ack, peer.seq);
}

#[test]
fn a_syn_with_options_gets_ours_back() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    peer.clock = Some(77);
    let syn = Tcp {
        scale: Some(7),
        ..peer.syn()
    };
    peer.send(&syn);
    let answer = peer.segment();
    assert_eq!(answer.mss, Some(1460));
    assert_eq!(answer.scale, Some(5));
    assert_eq!(answer.timestamps.unwrap().1, 77);
    assert_eq!(answer.window, 65_535);
    assert_eq!(answer.ack, syn.seq + 1);
}

#[test]
fn a_syn_without_options_gets_only_the_segment_size() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let syn = Tcp {
        mss: None,
        ..peer.syn()
    };
    peer.send(&syn);
    let answer = peer.segment();
    assert_eq!(answer.mss, Some(1460));
    assert_eq!((answer.scale, answer.timestamps), (None, None));
}

#[test]
fn without_a_segment_size_the_peer_gets_536_bytes() {
    let mut peer = Peer::default();
    let syn = Tcp {
        mss: None,
        ..peer.syn()
    };
    peer.accept_with(&syn);
    peer.write(&[1; 600]);
    let sizes: Vec<usize> = peer.segments().iter().map(|s| s.data.len()).collect();
    assert_eq!(sizes, [536, 64]);
}

#[test]
fn timestamps_come_off_the_segment_size_and_fill_66_bytes_of_header() {
    let mut peer = Peer {
        clock: Some(5),
        ..Peer::default()
    };
    let syn = peer.syn();
    peer.accept_with(&syn);
    peer.write(&[1; 1460]);
    let frames = peer.frames();
    assert_eq!(frames[0].header.len(), 66);
    assert_eq!(frames[0].data().len(), 1448);
}

#[test]
fn connecting_sends_a_syn_with_all_options() {
    let (peer, syn) = connecting();
    assert_eq!(syn.flags, "S");
    assert_eq!((syn.mss, syn.scale), (Some(1460), Some(5)));
    assert!(syn.timestamps.is_some());
    assert_eq!(peer.stack.state(peer.connection()), Some(State::SynSent));
}

#[test]
fn the_answer_to_our_syn_connects_and_is_acknowledged() {
    let (mut peer, _) = connecting();
    let answer = Tcp {
        mss: Some(1460),
        ..peer.tcp("S.", &[])
    };
    peer.send(&answer);
    let connection = peer.connection();
    assert_eq!(peer.events(), [Event::Connected { connection }]);
    let ack = peer.segment();
    assert_eq!(ack.flags, ".");
    assert_eq!(ack.ack, answer.seq + 1);
    // The peer offered no timestamps, so there are none any more.
    assert_eq!(ack.timestamps, None);
}

#[test]
fn a_syn_that_is_lost_is_repeated_at_doubling_intervals_and_given_up() {
    let (mut peer, syn) = connecting();
    let start = peer.now;
    let mut at = Vec::new();
    while peer.events().is_empty() {
        let next = peer.stack.poll_timeout().unwrap();
        peer.now = next;
        peer.stack.handle_timeout(next);
        for segment in peer.segments() {
            assert_eq!((segment.flags.as_str(), segment.seq), ("S", syn.seq));
            at.push((peer.now - start).as_secs());
        }
    }
    assert_eq!(at, [1, 3, 7, 15, 31]);
    assert_eq!(peer.stack.connections(), 0);
    assert_eq!(peer.stack.stats().connections_timed_out, 1);
}

#[test]
fn giving_up_is_told_as_timed_out() {
    let (mut peer, _) = connecting();
    peer.wait(Duration::from_secs(100));
    let connection = peer.connection();
    let reason = CloseReason::TimedOut;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
}

#[test]
fn a_reset_in_answer_to_our_syn_refuses() {
    let (mut peer, _) = connecting();
    let reset = peer.tcp("R.", &[]);
    peer.send(&reset);
    let connection = peer.connection();
    let reason = CloseReason::Refused;
    assert_eq!(peer.events(), [Event::Closed { connection, reason }]);
    assert_eq!(peer.stack.connections(), 0);
}

#[test]
fn a_reset_that_does_not_acknowledge_our_syn_is_ignored() {
    let (mut peer, _) = connecting();
    let stale = Tcp {
        ack: peer.ack.wrapping_add(1000),
        ..peer.tcp("R.", &[])
    };
    peer.send(&stale);
    assert!(peer.events().is_empty() && peer.segments().is_empty());
}

#[test]
fn an_acknowledgement_of_another_syn_is_reset() {
    let (mut peer, _) = connecting();
    let stale = Tcp {
        ack: peer.ack.wrapping_add(1000),
        ..peer.tcp("S.", &[])
    };
    peer.send(&stale);
    let reset = peer.segment();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", stale.ack));
    assert_eq!(peer.stack.state(peer.connection()), Some(State::SynSent));
}

#[test]
fn simultaneous_open_connects() {
    let (mut peer, syn) = connecting();
    let crossing = peer.syn();
    peer.send(&crossing);
    let answer = peer.segment();
    assert_eq!((answer.flags.as_str(), answer.seq), ("S.", syn.seq));
    peer.seq += 1;
    peer.send_ack(syn.seq.wrapping_add(1));
    let connection = peer.connection();
    assert_eq!(peer.events(), [Event::Connected { connection }]);
}

#[test]
fn a_syn_to_a_closed_port_is_reset() {
    let mut peer = Peer::default();
    let syn = peer.syn();
    peer.send(&syn);
    let reset = peer.segment();
    assert_eq!(reset.flags, "R.");
    assert_eq!((reset.seq, reset.ack), (0, syn.seq + 1));
}

#[test]
fn a_port_no_longer_listened_to_is_closed() {
    let mut peer = Peer::default();
    peer.stack.listen(OUR_PORT);
    peer.stack.unlisten(OUR_PORT);
    let syn = peer.syn();
    peer.send(&syn);
    assert_eq!(peer.segment().flags, "R.");
}

#[test]
fn a_syn_ack_that_is_lost_is_repeated() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let syn = peer.syn();
    peer.send(&syn);
    let first = peer.segment();
    peer.wait(Duration::from_secs(1));
    assert_eq!(peer.segment(), first);
}

#[test]
fn a_repeated_syn_gets_the_same_answer_at_once() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let syn = peer.syn();
    peer.send(&syn);
    let first = peer.segment();
    peer.send(&syn);
    assert_eq!(peer.segment(), first);
    assert_eq!(peer.stack.connections(), 1);
}

#[test]
fn the_backlog_bounds_half_open_connections_and_opens_up_again() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let backlog = peer.stack.config().limits.backlog;
    let mut answers = Vec::new();
    for port in 0..=backlog {
        let syn = Tcp {
            from: 1000 + u16::try_from(port).unwrap(),
            ..peer.syn()
        };
        peer.send(&syn);
        answers.extend(peer.segments());
    }
    // The last one is answered with a cookie; see `syn_cookies`.
    assert_eq!(answers.len(), backlog + 1);
    assert_eq!(peer.stack.connections(), backlog);
    // One handshake completes, so one more may begin.
    let ack = Tcp {
        from: answers[0].to,
        seq: peer.seq + 1,
        ack: answers[0].seq.wrapping_add(1),
        ..peer.tcp(".", &[])
    };
    peer.send(&ack);
    let late = Tcp {
        from: 2000,
        ..peer.syn()
    };
    peer.send(&late);
    assert_eq!(peer.segment().flags, "S.");
    assert_eq!(peer.stack.connections(), backlog + 1);
    assert_eq!(peer.stack.stats().cookies_sent, 1);
}

#[test]
fn each_port_has_a_backlog_of_its_own() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    peer.stack.listen(111);
    let backlog = peer.stack.config().limits.backlog;
    for port in 0..=backlog {
        let syn = Tcp {
            from: 1000 + u16::try_from(port).unwrap(),
            ..peer.syn()
        };
        peer.send(&syn);
    }
    let other = Tcp {
        to: 111,
        ..peer.syn()
    };
    peer.send(&other);
    assert_eq!(peer.segments().len(), backlog + 2);
    assert_eq!(peer.stack.stats().cookies_sent, 1);
    assert_eq!(peer.stack.connections(), backlog + 1);
}

#[test]
fn half_open_connections_are_given_up_without_a_word_to_the_application() {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let syn = peer.syn();
    peer.send(&syn);
    peer.wait(Duration::from_secs(100));
    assert!(peer.events().is_empty());
    assert_eq!(peer.stack.connections(), 0);
}

#[test]
fn a_full_table_drops_syns() {
    let mut config = config();
    config.limits.connections = 1;
    let mut peer = Peer::new(config);
    peer.accept();
    let syn = Tcp {
        from: 9,
        ..peer.syn()
    };
    peer.send(&syn);
    assert!(peer.segments().is_empty());
    assert_eq!(peer.stack.stats().dropped_table_full, 1);
}

#[test]
fn connections_that_cannot_be_are_refused_at_once() {
    let mut config = config();
    config.gateway = None;
    let mut peer = Peer::new(config);
    let now = peer.now;
    let mut connect = |address, port| {
        let remote = SocketAddrV4::new(address, port);
        peer.stack.connect(remote, 700, now)
    };
    let far = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(connect(far, 1), Err(ConnectError::NoRoute));
    let invalid = Err(ConnectError::InvalidAddress);
    assert_eq!(connect(PEER_ADDRESS, 0), invalid);
    assert_eq!(connect(Ipv4Addr::new(10, 0, 0, 255), 1), invalid);
    assert_eq!(connect(Ipv4Addr::new(224, 0, 0, 1), 1), invalid);
    assert!(connect(PEER_ADDRESS, 1).is_ok());
    assert_eq!(connect(PEER_ADDRESS, 1), Err(ConnectError::InUse));
}

#[test]
fn initial_numbers_differ_between_peers_and_grow_with_time() {
    let (_, first) = connecting();
    let mut later = Peer::default();
    later.introduce();
    later.now += Duration::from_secs(1);
    later.stack.connect(REMOTE, OUR_PORT, later.now).unwrap();
    let second = later.segment();
    assert_eq!(second.seq.wrapping_sub(first.seq), 250_000);
    let other = SocketAddrV4::new(PEER_ADDRESS, 701);
    later.stack.connect(other, OUR_PORT, later.now).unwrap();
    assert!(later.segment().seq.abs_diff(second.seq) > 1_000_000);
}

#[test]
fn a_peer_beyond_the_gateway_is_reached_through_it() {
    let mut peer = Peer::default();
    let gateway = Ipv4Addr::new(10, 0, 0, 254);
    peer.inject(harness::frames::arp_frame(
        smoltcp::wire::ArpOperation::Request,
        (PEER_MAC, gateway),
        ([0; 6], harness::frames::OUR_ADDRESS),
    ));
    assert!(is_arp(&peer.frames()[0].header));
    peer.stack.listen(OUR_PORT);
    let far = Ipv4Addr::new(192, 0, 2, 1);
    let syn = peer.syn();
    peer.inject(tcp_frame_from(PEER_MAC, far, &syn));
    let frames = peer.frames();
    assert_eq!(frames[0].header[..6], PEER_MAC);
    assert_eq!(read_tcp(&frames[0].bytes()).flags, "S.");
}
