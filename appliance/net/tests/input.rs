//! Frames that are not for us or not right, and ICMP echo.

mod harness;

use harness::frames::{
    OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, Tcp, ethernet, tcp_frame, tcp_frame_from,
};
use harness::peer::{OUR_PORT, Peer, pattern};
use net::{RxChecksums, Stats};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr,
};

/// What a frame changes in the counters of a stack that has one connection.
fn count(frame: impl FnOnce(&Peer) -> Vec<u8>, counter: impl Fn(&Stats) -> u64) -> u64 {
    let mut peer = Peer::default();
    peer.accept();
    let frame = frame(&peer);
    let before = counter(peer.stack.stats());
    peer.inject(frame);
    assert!(peer.frames().is_empty());
    assert!(peer.events().is_empty());
    assert_eq!(peer.live.get(), 0);
    counter(peer.stack.stats()) - before
}

fn data(peer: &Peer) -> Vec<u8> {
    tcp_frame(&peer.tcp(".", b"some data"))
}

/// Changes the IP header and mends its checksum.
fn with_ip(mut frame: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    change(&mut frame[14..]);
    Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
    frame
}

#[test]
fn a_bad_tcp_checksum_is_dropped() {
    let bad = |peer: &Peer| {
        let mut frame = data(peer);
        *frame.last_mut().unwrap() ^= 1;
        frame
    };
    assert_eq!(count(bad, |stats| stats.dropped_checksum), 1);
}

#[test]
fn a_bad_ip_checksum_is_dropped() {
    let bad = |peer: &Peer| {
        let mut frame = data(peer);
        frame[24] ^= 1;
        frame
    };
    assert_eq!(count(bad, |stats| stats.dropped_checksum), 1);
}

#[test]
fn checksums_the_device_has_verified_are_not_looked_at() {
    let mut peer = Peer::default();
    peer.accept();
    peer.checksums = RxChecksums {
        ip_good: true,
        l4_good: true,
    };
    let mut frame = data(&peer);
    frame[24] ^= 1;
    frame[50] ^= 1;
    peer.inject(frame);
    assert_eq!(peer.read(), b"some data");
}

#[test]
fn a_checksum_over_odd_pieces_is_verified() {
    let mut peer = Peer::default();
    peer.accept();
    let bytes = pattern(999);
    let frame = tcp_frame(&peer.tcp(".", &bytes));
    peer.inject_cut(&frame, &[61, 62, 65, 500]);
    assert_eq!(peer.read(), bytes);
    assert_eq!(peer.stack.stats().dropped_checksum, 0);
}

#[test]
fn fragments_are_dropped() {
    for flags in [0x20_u8, 0x00] {
        let fragment = |peer: &Peer| {
            with_ip(data(peer), |ip| {
                ip[6] = flags;
                ip[7] = u8::from(flags == 0);
            })
        };
        assert_eq!(count(fragment, |stats| stats.dropped_fragments), 1);
    }
}

#[test]
fn frames_for_other_hosts_are_dropped() {
    let other_mac = |peer: &Peer| {
        let mut frame = data(peer);
        frame[5] ^= 1;
        frame
    };
    assert_eq!(count(other_mac, |stats| stats.dropped_not_for_us), 1);
    let other_address = |peer: &Peer| with_ip(data(peer), |ip| ip[19] = 77);
    assert_eq!(count(other_address, |stats| stats.dropped_not_for_us), 1);
}

#[test]
fn senders_that_cannot_be_are_dropped() {
    for source in [
        [0, 0, 0, 0],
        [255; 4],
        [10, 0, 0, 255],
        [224, 0, 0, 1],
        [127, 0, 0, 1],
        [10, 0, 0, 1],
    ] {
        let frame = |peer: &Peer| tcp_frame_from(PEER_MAC, source.into(), &peer.syn());
        assert_eq!(
            count(frame, |stats| stats.dropped_not_for_us),
            1,
            "{source:?}"
        );
    }
}

#[test]
fn unknown_protocols_are_counted() {
    let ipv6 = |_: &Peer| ethernet(PEER_MAC, OUR_MAC, EthernetProtocol::Ipv6, 60);
    assert_eq!(count(ipv6, |stats| stats.dropped_protocol), 1);
    let udp = |peer: &Peer| with_ip(data(peer), |ip| ip[9] = 17);
    assert_eq!(count(udp, |stats| stats.dropped_protocol), 1);
}

#[test]
fn lengths_that_contradict_each_other_are_malformed() {
    let malformed = |stats: &Stats| stats.dropped_malformed;
    let longer = |peer: &Peer| with_ip(data(peer), |ip| ip[3] += 1);
    assert_eq!(count(longer, malformed), 1);
    let shorter_than_header = |peer: &Peer| with_ip(data(peer), |ip| ip[3] = 19);
    assert_eq!(count(shorter_than_header, malformed), 1);
    let version = |peer: &Peer| with_ip(data(peer), |ip| ip[0] = 0x65);
    assert_eq!(count(version, malformed), 1);
    let offset_beyond = |peer: &Peer| {
        let mut frame = data(peer);
        frame[46] = 0xf0;
        frame
    };
    assert_eq!(count(offset_beyond, malformed), 1);
    let offset_short = |peer: &Peer| {
        let mut frame = data(peer);
        frame[46] = 0x40;
        frame
    };
    assert_eq!(count(offset_short, malformed), 1);
    assert_eq!(count(|_| vec![1, 2, 3], malformed), 1);
    let no_port = |peer: &Peer| {
        let mut frame = data(peer);
        frame[34..36].fill(0);
        frame
    };
    assert_eq!(count(no_port, malformed), 1);
}

#[test]
fn link_padding_is_no_data() {
    let mut peer = Peer::default();
    peer.accept();
    let mut frame = tcp_frame(&peer.tcp(".", b"ab"));
    frame.resize(64, 0xee);
    peer.inject(frame);
    assert_eq!(peer.read(), b"ab");
}

#[test]
fn ip_options_are_skipped() {
    let mut peer = Peer::default();
    peer.accept();
    let frame = with_ip(data(&peer), |ip| {
        ip[0] = 0x46;
        ip[3] += 4;
    });
    let mut longer = frame[..34].to_vec();
    longer.extend([1, 1, 1, 0]);
    longer.extend(&frame[34..]);
    let longer = with_ip(longer, |_| {});
    peer.inject(longer);
    assert_eq!(peer.read(), b"some data");
}

#[test]
fn a_frame_of_too_many_pieces_is_dropped() {
    let mut peer = Peer::default();
    peer.accept();
    let frame = tcp_frame(&peer.tcp(".", &pattern(200)));
    let cuts: Vec<usize> = (60..180).collect();
    peer.inject_cut(&frame, &cuts);
    assert_eq!(peer.stack.stats().dropped_split, 1);
    assert_eq!(peer.live.get(), 0);
}

fn echo_frame(data: &[u8]) -> Vec<u8> {
    let icmp = Icmpv4Repr::EchoRequest {
        ident: 17,
        seq_no: 4,
        data,
    };
    let ip = Ipv4Repr {
        src_addr: PEER_ADDRESS,
        dst_addr: OUR_ADDRESS,
        next_header: IpProtocol::Icmp,
        payload_len: icmp.buffer_len(),
        hop_limit: 9,
    };
    let len = ip.buffer_len() + icmp.buffer_len();
    let mut bytes = ethernet(PEER_MAC, OUR_MAC, EthernetProtocol::Ipv4, len);
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    icmp.emit(
        &mut Icmpv4Packet::new_unchecked(packet.payload_mut()),
        &ChecksumCapabilities::default(),
    );
    bytes
}

#[test]
fn an_echo_request_is_answered_with_its_data() {
    for len in [0, 1, 56, 1472] {
        let sent = pattern(len);
        let mut peer = Peer::default();
        let frame = echo_frame(&sent);
        let cut = 14 + 20 + 8 + len / 2;
        peer.inject_cut(&frame, &[cut]);
        let frames = peer.frames();
        assert_eq!(frames.len(), 1);
        let ethernet = EthernetFrame::new_checked(&frames[0].header).unwrap();
        assert_eq!(ethernet.dst_addr().0, PEER_MAC);
        let packet = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
        let checksums = ChecksumCapabilities::default();
        let ip = Ipv4Repr::parse(&packet, &checksums).unwrap();
        assert_eq!((ip.src_addr, ip.dst_addr), (OUR_ADDRESS, PEER_ADDRESS));
        let icmp = Icmpv4Packet::new_checked(packet.payload()).unwrap();
        let expected = Icmpv4Repr::EchoReply {
            ident: 17,
            seq_no: 4,
            data: &sent,
        };
        assert_eq!(Icmpv4Repr::parse(&icmp, &checksums).unwrap(), expected);
        assert_eq!(peer.live.get(), 0);
    }
}

#[test]
fn an_echo_request_that_is_damaged_or_too_large_is_not_answered() {
    let mut peer = Peer::default();
    let mut damaged = echo_frame(b"data");
    *damaged.last_mut().unwrap() ^= 1;
    peer.inject(damaged);
    peer.inject(echo_frame(&pattern(1473)));
    assert!(peer.frames().is_empty());
    assert_eq!(peer.stack.stats().dropped_checksum, 1);
}

#[test]
fn a_flood_of_requests_fills_a_bounded_queue() {
    let mut peer = Peer::default();
    for port in 1..=200 {
        let syn = Tcp {
            from: port,
            to: OUR_PORT,
            ..peer.syn()
        };
        peer.send(&syn);
    }
    assert_eq!(peer.frames().len(), net::limits::MAX_CONTROL_FRAMES);
    let dropped = 200 - net::limits::MAX_CONTROL_FRAMES as u64;
    assert_eq!(peer.stack.stats().dropped_control, dropped);
}
