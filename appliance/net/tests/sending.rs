//! Sending: pulling, segmentation, offloads, windows, the sink (RFC 9293,
//! 3.8.6).

mod harness;

use std::time::Duration;

use harness::buffers::{Sent, Shared};
use harness::device;
use harness::frames::{OUR_ADDRESS, PEER_ADDRESS, read_tcp};
use harness::peer::{Peer, config, pattern};
use net::{Offload, Tso};

fn with_offload(offload: Offload) -> Peer {
    let mut config = config();
    config.offload = offload;
    Peer::new(config)
}

fn with_tso(tso: Tso) -> Peer {
    with_offload(Offload {
        ip_checksum: true,
        tcp_checksum: true,
        tso: Some(tso),
    })
}

const TSO: Tso = Tso {
    max_payload: 65_495,
    max_pieces: 40,
    max_segment: 1460,
};

/// The accepted connection, with offloads completed as a device would.
fn accept(peer: &mut Peer) {
    peer.introduce();
    peer.stack.listen(harness::peer::OUR_PORT);
    let syn = peer.syn();
    peer.send(&syn);
    let frames = peer.frames();
    let (frame, _) = device::send(&frames[0]).remove(0);
    let answer = read_tcp(&frame);
    peer.seq += 1;
    peer.send_ack(answer.seq.wrapping_add(1));
    let events = peer.events();
    let [net::Event::Accepted { connection, .. }] = events[..] else {
        panic!("{events:?}");
    };
    peer.id = Some(connection);
    assert!(peer.frames().is_empty());
}

fn sizes(frames: &[Sent]) -> Vec<usize> {
    frames.iter().map(|frame| frame.data().len()).collect()
}

fn field(frame: &Sent, at: usize) -> u16 {
    u16::from_be_bytes([frame.header[at], frame.header[at + 1]])
}

/// The pseudo-header's sum by its definition, for a TCP `length`.
fn pseudo_sum(length: u32) -> u16 {
    let words = |address: std::net::Ipv4Addr| {
        let bits = address.to_bits();
        (bits >> 16) + (bits & 0xffff)
    };
    let mut sum = words(OUR_ADDRESS) + words(PEER_ADDRESS) + 6 + length;
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).unwrap()
}

#[test]
fn frames_are_filled_across_buffers_and_the_last_pushes() {
    let mut peer = Peer::default();
    let id = peer.accept();
    let data = pattern(4000);
    for part in data.chunks(700) {
        peer.sources.push(id, Shared::new(part));
    }
    peer.stack.wake(id);
    let frames = peer.frames();
    assert_eq!(sizes(&frames), [1460, 1460, 1080]);
    assert_eq!(frames[0].payload.len(), 3);
    let flags: Vec<String> = frames.iter().map(|f| read_tcp(&f.bytes()).flags).collect();
    assert_eq!(flags, [".", ".", "P."]);
    let sent: Vec<u8> = frames.iter().flat_map(Sent::data).collect();
    assert_eq!(sent, data);
}

#[test]
fn a_frame_has_no_more_pieces_than_the_device_takes() {
    let mut peer = Peer::default();
    let id = peer.accept();
    for _ in 0..20 {
        peer.sources.push(id, Shared::new(&[1; 10]));
    }
    peer.stack.wake(id);
    let frames = peer.frames();
    assert_eq!(sizes(&frames), [70, 70, 60]);
}

#[test]
fn software_checksums_are_right_for_odd_pieces() {
    let mut peer = Peer::default();
    let id = peer.accept();
    for len in [1, 3, 5, 2, 7, 101, 600] {
        peer.sources.push(id, Shared::new(&pattern(len)));
    }
    peer.stack.wake(id);
    // `segments` verifies both checksums with smoltcp.
    assert_eq!(peer.segment().data.len(), 719);
}

#[test]
fn header_lengths_are_told() {
    let mut peer = Peer::default();
    peer.accept();
    peer.write(b"x");
    let frame = &peer.frames()[0];
    assert_eq!((frame.l2_len, frame.l3_len, frame.l4_len), (14, 20, 20));
    assert_eq!(frame.offload, net::FrameOffload::default());
}

#[test]
fn checksum_offload_leaves_the_pseudo_header_sum() {
    let mut peer = with_offload(Offload {
        ip_checksum: true,
        tcp_checksum: true,
        tso: None,
    });
    accept(&mut peer);
    peer.write(&[7; 100]);
    let frame = peer.frames().remove(0);
    assert!(frame.offload.ip_checksum && frame.offload.tcp_checksum);
    assert_eq!(field(&frame, 24), 0);
    assert_eq!(field(&frame, 50), pseudo_sum(20 + 100));
    let (completed, _) = device::send(&frame).remove(0);
    assert_eq!(read_tcp(&completed).data, [7; 100]);
}

#[test]
fn only_the_granted_checksum_is_left_out() {
    let mut peer = with_offload(Offload {
        ip_checksum: false,
        tcp_checksum: true,
        tso: None,
    });
    accept(&mut peer);
    peer.write(&[7; 100]);
    let frame = peer.frames().remove(0);
    assert!(!frame.offload.ip_checksum);
    let (completed, _) = device::send(&frame).remove(0);
    assert_eq!(read_tcp(&completed).data, [7; 100]);
}

#[test]
fn a_super_segment_leaves_the_length_out_of_the_pseudo_header() {
    let mut peer = with_tso(TSO);
    accept(&mut peer);
    let data = pattern(10_000);
    peer.write(&data);
    let frames = peer.frames();
    assert_eq!(sizes(&frames), [10_000]);
    assert_eq!(frames[0].offload.tso_segment, Some(1460));
    assert_eq!(field(&frames[0], 50), pseudo_sum(0));
    assert_eq!(field(&frames[0], 16), 20 + 20 + 10_000);
    let cut = device::send(&frames[0]);
    let received: Vec<u8> = cut
        .iter()
        .flat_map(|(frame, _)| read_tcp(frame).data)
        .collect();
    assert_eq!(received, data);
}

#[test]
fn what_fits_one_segment_is_not_cut() {
    let mut peer = with_tso(TSO);
    accept(&mut peer);
    peer.write(&[1; 1460]);
    let frame = peer.frames().remove(0);
    assert_eq!(frame.offload.tso_segment, None);
    assert_eq!(field(&frame, 50), pseudo_sum(20 + 1460));
}

#[test]
fn super_segments_are_whole_segments_until_the_end() {
    let mut peer = with_tso(Tso {
        max_payload: 5000,
        ..TSO
    });
    accept(&mut peer);
    peer.write(&pattern(10_000));
    assert_eq!(sizes(&peer.frames()), [4380, 4380, 1240]);
}

#[test]
fn super_segments_keep_to_the_number_of_pieces() {
    let mut peer = with_tso(Tso {
        max_pieces: 3,
        ..TSO
    });
    accept(&mut peer);
    let id = peer.connection();
    for _ in 0..8 {
        peer.sources.push(id, Shared::new(&[1; 1000]));
    }
    peer.stack.wake(id);
    let frames = peer.frames();
    assert!(frames.iter().all(|frame| frame.payload.len() <= 3));
    assert_eq!(sizes(&frames)[0], 2920);
    assert_eq!(sizes(&frames).iter().sum::<usize>(), 8000);
}

#[test]
fn the_devices_largest_segment_is_kept_to() {
    let mut peer = with_tso(Tso {
        max_segment: 1446,
        ..TSO
    });
    accept(&mut peer);
    peer.write(&pattern(4000));
    assert_eq!(peer.frames()[0].offload.tso_segment, Some(1446));
}

#[test]
fn a_super_segment_fits_one_ip_packet() {
    let mut peer = with_tso(Tso {
        max_payload: 1_000_000,
        max_pieces: 64,
        max_segment: 1460,
    });
    accept(&mut peer);
    // Open the congestion window far enough.
    for _ in 0..5 {
        peer.write(&pattern(60_000));
        let mut frames = peer.frames();
        while let Some(last) = frames.pop() {
            let end = read_tcp(&device::send(&last).pop().unwrap().0);
            peer.send_ack(end.seq.wrapping_add(u32::try_from(end.data.len()).unwrap()));
            frames = peer.frames();
        }
    }
    peer.write(&pattern(65_535));
    let frames = peer.frames();
    assert_eq!(sizes(&frames)[0], 65_495 / 1460 * 1460);
}

#[test]
fn the_peers_window_is_never_overrun() {
    let mut peer = Peer {
        window: 4000,
        ..Peer::default()
    };
    peer.accept();
    peer.write(&pattern(10_000));
    let sent: usize = sizes(&peer.frames()).iter().sum();
    // Not the last 1,080 either: the source has more, so a runt would follow.
    assert_eq!(sent, 2920);
    assert!(peer.sources.asked.iter().all(|room| *room <= 4000));
}

#[test]
fn the_window_in_what_the_peer_sends_again_counts() {
    let mut peer = Peer {
        window: 4000,
        ..Peer::default()
    };
    peer.accept();
    peer.write(&pattern(9000));
    let sent: Vec<usize> = peer.segments().iter().map(|tcp| tcp.data.len()).collect();
    assert_eq!(sent, [1460, 1460]);
    // The peer's second segment overtakes its first, which is sent again when half of ours has arrived and nobody
    // reads it: the window still ends where it did.
    let first = peer.tcp(".", b"first");
    let mut second = peer.tcp(".", b"second");
    second.seq += 5;
    peer.send(&second);
    let answers = peer.segments();
    assert!(answers.iter().all(|tcp| tcp.data.is_empty()), "{answers:?}");
    let mut again = first;
    again.ack = again.ack.wrapping_add(2920);
    again.window = 1080;
    peer.send(&again);
    let sent: usize = peer.segments().iter().map(|tcp| tcp.data.len()).sum();
    assert!(sent <= 1080, "{sent} bytes");
}

#[test]
fn nothing_is_pulled_into_a_closed_window() {
    let mut peer = Peer {
        window: 0,
        ..Peer::default()
    };
    peer.accept();
    peer.write(&[1; 100]);
    assert!(peer.frames().is_empty());
    assert!(peer.sources.asked.is_empty());
}

#[test]
fn a_closed_window_is_probed_at_growing_intervals_until_it_opens() {
    let mut peer = Peer {
        window: 0,
        ..Peer::default()
    };
    peer.accept();
    peer.write(&[1; 100]);
    let start = peer.now;
    let mut at = Vec::new();
    while at.len() < 4 {
        peer.now = peer.stack.poll_timeout().unwrap();
        peer.stack.handle_timeout(peer.now);
        for probe in peer.segments() {
            assert_eq!(probe.seq, peer.ack.wrapping_sub(1));
            assert!(probe.data.is_empty());
            at.push((peer.now - start).as_millis());
            let ack = peer.ack;
            peer.send_ack(ack);
        }
    }
    assert_eq!(at, [200, 600, 1400, 3000]);
    assert_eq!(peer.stack.stats().window_probes, 4);
    peer.window = 1000;
    let ack = peer.ack;
    peer.send_ack(ack);
    assert_eq!(peer.segment().data.len(), 100);
}

#[test]
fn probing_goes_on_as_long_as_the_peer_answers() {
    let mut peer = Peer {
        window: 0,
        ..Peer::default()
    };
    peer.accept();
    peer.write(&[1; 100]);
    for _ in 0..40 {
        peer.wait(Duration::from_secs(40));
        peer.frames();
        peer.send(&peer.tcp(".", &[]));
    }
    assert!(peer.events().is_empty());
    assert!(peer.stack.stats().window_probes > 20);
}

#[test]
fn a_window_that_closes_over_data_in_flight_is_probed_too() {
    let mut peer = Peer::default();
    let id = peer.accept();
    peer.write(&pattern(1000));
    let first = peer.segment();
    peer.window = 0;
    peer.send_ack(first.seq);
    peer.wait(Duration::from_secs(2));
    assert!(peer.stack.stats().window_probes > 0);
    peer.frames();
    peer.window = 5000;
    peer.send_ack(first.seq);
    assert_eq!(peer.segment().data.len(), 1000);
    assert_eq!(peer.stack.unacknowledged(id), 1000);
}

#[test]
fn a_full_sink_stops_in_the_middle_and_goes_on_without_loss() {
    let mut peer = Peer::default();
    peer.accept();
    let data = pattern(10 * 1460);
    peer.write(&data);
    let mut sent = Vec::new();
    for _ in 0..4 {
        peer.sink.room = 3;
        let frames = peer.frames();
        assert!(frames.len() <= 3);
        sent.extend(frames.iter().flat_map(Sent::data));
    }
    assert_eq!(sent, data);
    assert_eq!(peer.stack.stats().retransmitted_frames, 0);
}

#[test]
fn the_send_queue_is_bounded() {
    let mut config = config();
    config.limits.send_buffer = 3000;
    let mut peer = Peer::new(config);
    let id = peer.accept();
    peer.write(&pattern(10_000));
    peer.frames();
    assert!(peer.stack.unacknowledged(id) <= 3000);
    assert!(!peer.sources.is_empty(id));
}

#[test]
fn connections_take_turns() {
    let mut peer = Peer::default();
    let first = peer.accept();
    let syn = harness::frames::Tcp {
        from: 701,
        seq: 9000,
        ..peer.syn()
    };
    peer.send(&syn);
    let answer = peer.segment();
    let ack = harness::frames::Tcp {
        from: 701,
        seq: 9001,
        ack: answer.seq.wrapping_add(1),
        ..peer.tcp(".", &[])
    };
    peer.send(&ack);
    let events = peer.events();
    let [
        net::Event::Accepted {
            connection: second, ..
        },
    ] = events[..]
    else {
        panic!("{events:?}");
    };
    // Open both congestion windows beyond one turn.
    for round in 0..3 {
        let bytes = pattern(60_000);
        for id in [first, second] {
            peer.sources.push(id, Shared::new(&bytes));
            peer.stack.wake(id);
        }
        let frames = peer.frames();
        let ports: Vec<u16> = frames.iter().map(|f| read_tcp(&f.bytes()).to).collect();
        let changes = ports.windows(2).filter(|pair| pair[0] != pair[1]).count();
        if round == 2 {
            assert!(changes > 1, "{ports:?}");
        }
        for frame in &frames {
            let sent = read_tcp(&frame.bytes());
            let (seq, base) = if sent.to == 701 {
                (9001, 701)
            } else {
                (peer.seq, peer.tcp("", &[]).from)
            };
            let ack = harness::frames::Tcp {
                from: base,
                seq,
                ack: sent
                    .seq
                    .wrapping_add(u32::try_from(sent.data.len()).unwrap()),
                ..peer.tcp(".", &[])
            };
            peer.send(&ack);
        }
    }
}

#[test]
fn an_idle_connection_starts_again_with_the_initial_window() {
    let mut peer = Peer::default();
    peer.accept();
    for _ in 0..3 {
        peer.write(&pattern(30 * 1460));
        while let Some(last) = peer.segments().pop() {
            peer.send_ack(
                last.seq
                    .wrapping_add(u32::try_from(last.data.len()).unwrap()),
            );
        }
    }
    peer.wait(Duration::from_secs(5));
    peer.write(&pattern(30 * 1460));
    assert_eq!(peer.segments().len(), 10);
}
