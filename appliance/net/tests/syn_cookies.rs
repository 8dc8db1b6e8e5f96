//! A full backlog does not keep peers out (RFC 4987, 3.6).

mod harness;

use std::net::Ipv4Addr;
use std::time::Duration;

use harness::frames::{PEER_MAC, Tcp, read_tcp, tcp_frame_from};
use harness::peer::{OUR_PORT, PEER_PORT, Peer, pattern};
use net::{Event, State};

/// A peer of which the port's backlog is full of handshakes that nobody will
/// complete.
fn full() -> Peer {
    let mut peer = Peer::default();
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    for port in 0..peer.stack.config().limits.backlog {
        let syn = Tcp {
            from: 1000 + u16::try_from(port).unwrap(),
            ..peer.syn()
        };
        peer.send(&syn);
    }
    let backlog = peer.stack.config().limits.backlog;
    assert_eq!(peer.segments().len(), backlog);
    peer
}

/// The answer to `syn`, after which `peer` is to acknowledge it.
fn answer(peer: &mut Peer, syn: &Tcp) -> Tcp {
    peer.send(syn);
    let answer = peer.segment();
    assert_eq!(answer.flags, "S.");
    peer.seq = syn.seq.wrapping_add(1);
    peer.ack = answer.seq.wrapping_add(1);
    answer
}

fn accepted(peer: &mut Peer) {
    let events = peer.events();
    let [Event::Accepted { connection, .. }, ..] = events[..] else {
        panic!("{events:?}");
    };
    peer.id = Some(connection);
}

#[test]
fn with_a_full_backlog_a_handshake_takes_no_memory_until_it_is_complete() {
    let mut peer = full();
    let before = peer.stack.connections();
    let syn = peer.syn();
    let answer = answer(&mut peer, &syn);
    assert_eq!((answer.mss, answer.window), (Some(1460), 65_535));
    assert_eq!(peer.stack.connections(), before);
    peer.send_ack(peer.ack);
    accepted(&mut peer);
    assert_eq!(peer.stack.connections(), before + 1);
    let stats = peer.stack.stats();
    assert_eq!((stats.cookies_sent, stats.cookies_accepted), (1, 1));
    assert_eq!(stats.connections_accepted, 1);
}

#[test]
fn a_connection_by_cookie_carries_data_both_ways() {
    let mut peer = full();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    // The acknowledgement itself was lost; the first data has all it takes.
    peer.send_data(b"request");
    accepted(&mut peer);
    assert_eq!(peer.read(), b"request");
    peer.write(&[1; 2000]);
    let reply: Vec<usize> = peer.segments().iter().map(|s| s.data.len()).collect();
    assert_eq!(reply, [1460, 540]);
    assert_eq!(
        peer.stack.state(peer.connection()),
        Some(State::Established)
    );
}

#[test]
fn timestamps_bring_back_the_window_scale_and_the_permission() {
    let mut peer = full();
    peer.clock = Some(100);
    let syn = Tcp {
        scale: Some(7),
        sack_permitted: true,
        ..peer.syn()
    };
    let answer = answer(&mut peer, &syn);
    assert_eq!((answer.scale, answer.sack_permitted), (Some(5), true));
    let (ours, theirs) = answer.timestamps.unwrap();
    assert_eq!(theirs, 100);
    peer.echo = ours;
    peer.window = 100;
    peer.send_ack(peer.ack);
    accepted(&mut peer);
    // 100 << 7 is a window of eight segments and a half.
    peer.write(&pattern(100_000));
    assert_eq!(peer.segments().len(), 8);
    let gap = Tcp {
        seq: peer.seq + 10,
        ..peer.tcp(".", b"ahead")
    };
    peer.send(&gap);
    assert_eq!(peer.segment().sack.len(), 1);
}

#[test]
fn without_timestamps_only_the_segment_size_is_kept() {
    let mut peer = full();
    let syn = Tcp {
        mss: Some(1000),
        scale: Some(7),
        sack_permitted: true,
        ..peer.syn()
    };
    let answer = answer(&mut peer, &syn);
    assert_eq!((answer.scale, answer.sack_permitted), (None, false));
    peer.send_ack(peer.ack);
    accepted(&mut peer);
    peer.write(&[1; 600]);
    let sizes: Vec<usize> = peer.segments().iter().map(|s| s.data.len()).collect();
    assert_eq!(sizes, [536, 64]);
}

#[test]
fn clocks_go_on_from_the_timestamp_of_the_answer() {
    let mut peer = full();
    peer.clock = Some(100);
    let syn = peer.syn();
    let (first, _) = answer(&mut peer, &syn).timestamps.unwrap();
    peer.echo = first;
    peer.send_ack(peer.ack);
    accepted(&mut peer);
    peer.write(b"data");
    let (second, _) = peer.segment().timestamps.unwrap();
    assert!(second.wrapping_sub(first) < 64);
}

#[test]
fn a_wrong_cookie_is_reset() {
    let mut peer = full();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    let before = peer.stack.connections();
    peer.send_ack(peer.ack.wrapping_add(9));
    let reset = peer.segment();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", peer.ack));
    assert!(peer.events().is_empty());
    assert_eq!(peer.stack.connections(), before);
    assert_eq!(peer.stack.stats().cookies_refused, 1);
}

#[test]
fn a_reset_brings_no_cookie() {
    let mut peer = full();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    let reset = peer.tcp("R.", &[]);
    peer.send(&reset);
    assert!(peer.segments().is_empty() && peer.events().is_empty());
}

#[test]
fn a_cookie_is_refused_when_it_is_old() {
    let mut peer = full();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    peer.wait(Duration::from_secs(128));
    peer.frames();
    peer.send_ack(peer.ack);
    assert_eq!(peer.segment().flags, "R");
    assert!(peer.events().is_empty());
}

#[test]
fn without_a_flood_no_number_is_taken_for_a_cookie() {
    // As above, but the cookie is for a port that has sent none.
    let mut peer = full();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    peer.stack.unlisten(OUR_PORT);
    peer.stack.listen(OUR_PORT);
    peer.send_ack(peer.ack);
    assert_eq!(peer.segment().flags, "R");
    assert_eq!(peer.stack.stats().cookies_refused, 0);
}

#[test]
fn a_full_table_keeps_the_cookie_for_later() {
    let mut config = harness::peer::config();
    config.limits.backlog = 1;
    config.limits.connections = 1;
    let mut peer = Peer::new(config);
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let other = Tcp {
        from: 1000,
        ..peer.syn()
    };
    peer.send(&other);
    peer.frames();
    let syn = peer.syn();
    answer(&mut peer, &syn);
    peer.send_data(b"request");
    assert!(peer.events().is_empty() && peer.segments().is_empty());
    assert_eq!(peer.stack.stats().dropped_table_full, 1);
    // The other handshake is given up; the peer repeats its request.
    peer.wait(Duration::from_secs(70));
    peer.frames();
    peer.seq -= 7;
    peer.send_data(b"request");
    accepted(&mut peer);
    assert_eq!(peer.read(), b"request");
}

/// 100,000 SYNs from as many addresses, and a client that comes in all the same.
#[test]
fn a_flood_costs_no_memory_and_keeps_nobody_out() {
    const SYNS: u32 = 100_000;
    let mut peer = Peer::default();
    let backlog = peer.stack.config().limits.backlog;
    peer.introduce();
    peer.stack.listen(OUR_PORT);
    let sent = pattern(200_000);
    let mut read = Vec::new();
    for count in 0..SYNS {
        let source = Ipv4Addr::from(0xc000_0200 + count);
        let syn = Tcp {
            from: 1 + u16::try_from(count % 60_000).unwrap(),
            seq: count.wrapping_mul(0x9e37_79b9),
            ..peer.syn()
        };
        peer.inject(tcp_frame_from([2, 0, 0, 0, 0, 9], source, &syn));
        if count % 10 == 0 {
            peer.now += Duration::from_micros(500);
            peer.stack.handle_timeout(peer.now);
        }
        let mine = |frame: &harness::buffers::Sent| frame.header[..6] == PEER_MAC;
        let ours: Vec<Tcp> = peer
            .frames()
            .iter()
            .filter(|frame| mine(frame))
            .map(|frame| read_tcp(&frame.bytes()))
            .collect();
        if count == SYNS / 4 {
            let syn = peer.syn();
            peer.send(&syn);
        } else if let Some(answer) = ours.iter().find(|segment| segment.flags == "S.") {
            assert_eq!(answer.to, PEER_PORT);
            peer.seq += 1;
            peer.send_ack(answer.seq.wrapping_add(1));
            accepted(&mut peer);
        } else if peer.id.is_some() && count % 100 == 0 && read.len() < sent.len() {
            let next = read.len();
            peer.send_data(&sent[next..next + 1000]);
            read.extend(peer.read());
        }
        assert!(peer.stack.connections() <= backlog + 1);
    }
    assert_eq!(read, sent);
    let stats = *peer.stack.stats();
    assert_eq!(stats.cookies_accepted, 1);
    assert!(stats.cookies_sent > u64::from(SYNS) - 1000, "{stats:?}");
    assert_eq!(stats.dropped_control, 0);
    peer.stack.abort(peer.connection());
    peer.wait(Duration::from_secs(200));
    assert_eq!(peer.stack.connections(), 0);
    assert_eq!(peer.stack.poll_timeout(), None);
}
