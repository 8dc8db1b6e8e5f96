//! Any bytes at all into live connections: nothing panics, nothing leaks, and
//! what goes out is well-formed.

mod harness;

use std::time::Duration;

use harness::frames::{Tcp, is_arp, read_tcp, tcp_frame};
use harness::peer::{PEER_PORT, Peer, config, pattern};
use proptest::prelude::*;

/// A frame for the stack: noise, or a plausible segment with some bytes changed.
#[derive(Clone, Debug)]
enum Frame {
    Noise(Vec<u8>),
    Segment {
        flags: u8,
        seq: i32,
        ack: i32,
        window: u16,
        /// Noise instead of the timestamps that belong there.
        options: Option<Vec<u8>>,
        /// Blocks of selective acknowledgement, relative to `ack`.
        sack: Vec<(i32, i32)>,
        len: usize,
        changes: Vec<(usize, u8)>,
        cuts: Vec<usize>,
        port: u16,
    },
}

#[derive(Clone, Debug)]
enum Step {
    Frame(Frame),
    Wait(u64),
    Write(usize),
    Consume(usize),
    Close,
    Abort,
}

fn frames() -> impl Strategy<Value = Frame> {
    let number = prop_oneof![-3000..3000_i32, any::<i32>()];
    // Mostly what a live connection takes to heart.
    let flags = prop_oneof![
        14 => Just(0x10_u8),
        3 => Just(0x18_u8),
        2 => Just(0x11_u8),
        1 => any::<u8>(),
    ];
    let noise = proptest::collection::vec(any::<u8>(), 0..41);
    // Mostly what may be outstanding, with both ends anywhere in it.
    let sack = proptest::collection::vec(
        prop_oneof![
            8 => (0..20_000_i32, 1..4000_i32),
            1 => (any::<i32>(), any::<i32>()),
        ],
        0..4,
    );
    let segment = (
        flags,
        number.clone(),
        number,
        any::<u16>(),
        proptest::option::weighted(0.2, noise),
        sack,
        0_usize..2000,
        prop_oneof![
            4 => Just(Vec::new()),
            1 => proptest::collection::vec((0_usize..80, any::<u8>()), 0..3),
        ],
        proptest::collection::vec(14_usize..2000, 0..4),
        prop_oneof![8 => Just(PEER_PORT), 1 => 700_u16..703],
    )
        .prop_map(
            |(flags, seq, ack, window, options, sack, len, changes, cuts, port)| Frame::Segment {
                flags,
                seq,
                ack,
                window,
                options,
                sack,
                len,
                changes,
                cuts,
                port,
            },
        );
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Frame::Noise),
        12 => segment,
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        90 => frames().prop_map(Step::Frame),
        9 => (0_u64..3000).prop_map(Step::Wait),
        9 => (1_usize..20_000).prop_map(Step::Write),
        9 => (0_usize..5000).prop_map(Step::Consume),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
    ]
}

fn apply(peer: &mut Peer, frame: Frame) {
    match frame {
        Frame::Noise(bytes) => peer.inject(bytes),
        Frame::Segment {
            flags,
            seq,
            ack,
            window,
            options,
            sack,
            len,
            changes,
            cuts,
            port,
        } => {
            let plain = Tcp {
                from: port,
                seq: peer.seq.wrapping_add_signed(seq),
                ack: peer.ack.wrapping_add_signed(ack),
                window,
                sack: sack
                    .into_iter()
                    .map(|(start, end)| {
                        let at = peer.ack.wrapping_add_signed(start);
                        (at, at.wrapping_add_signed(end))
                    })
                    .collect(),
                ..peer.tcp(".", &[])
            };
            let mut bytes = tcp_frame(&plain);
            if let Some(options) = options {
                let words = options.len().div_ceil(4);
                bytes.truncate(54);
                bytes.extend(&options);
                bytes.resize(54 + words * 4, 0);
                bytes[46] = u8::try_from(5 + words).unwrap() << 4;
            }
            bytes.extend(pattern(len));
            bytes[47] = flags;
            let total = u16::try_from(bytes.len() - 14).unwrap();
            bytes[16..18].copy_from_slice(&total.to_be_bytes());
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            // The checksums count as verified, so that everything gets through.
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at < bytes.len()).collect();
            cuts.sort_unstable();
            peer.inject_cut(&bytes, &cuts);
        }
    }
}

/// Every TCP frame is well-formed by smoltcp's judgement.
fn check_output(peer: &mut Peer) {
    for frame in peer.frames() {
        let bytes = frame.bytes();
        if !is_arp(&bytes) && bytes[23] == 6 {
            let segment = read_tcp(&bytes);
            assert!(segment.data.len() <= 1460);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn nothing_panics_or_leaks(
        timestamps in any::<bool>(),
        sack_permitted in any::<bool>(),
        steps in proptest::collection::vec(steps(), 1..120),
    ) {
        let mut config = config();
        config.limits.receive_window = 20_000;
        config.limits.receive_buffers = 40;
        let mut peer = Peer::new(config);
        peer.clock = timestamps.then_some(100);
        let syn = Tcp { scale: Some(2), sack_permitted, ..peer.syn() };
        let id = peer.accept_with(&syn);
        peer.checksums = net::RxChecksums { ip_good: true, l4_good: true };
        for step in steps {
            match step {
                Step::Frame(frame) => apply(&mut peer, frame),
                Step::Wait(millis) => peer.wait(Duration::from_millis(millis)),
                Step::Write(len) => peer.write(&pattern(len)),
                Step::Consume(count) => peer.stack.consume(id, count),
                Step::Close => peer.stack.close(id, peer.now),
                Step::Abort => peer.stack.abort(id),
            }
            peer.events();
            check_output(&mut peer);
            prop_assert_eq!(peer.live.get(), peer.stack.held_receive_buffers());
            prop_assert!(peer.live.get() <= 40);
        }
        // Whatever happened, in the end nothing is left.
        peer.stack.abort(id);
        peer.events();
        peer.wait(Duration::from_secs(1000));
        peer.events();
        peer.wait(Duration::from_secs(1000));
        prop_assert_eq!(peer.stack.held_send_buffers(), 0);
        while let Some(event) = peer.stack.poll_event() {
            if let net::Event::Accepted { connection, .. } = event {
                peer.stack.abort(connection);
            }
        }
    }
}
