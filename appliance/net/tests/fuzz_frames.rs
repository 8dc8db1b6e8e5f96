//! A million hostile frames next to, and into, a live connection: no panic, no
//! growth, and what does not belong to the connection does not touch it. The
//! same frames at every run.

mod harness;

use std::time::Duration;

use harness::buffers::Received;
use harness::frames::{OUR_ADDRESS, OUR_MAC, PEER_MAC, Tcp, tcp_frame};
use harness::link::Random;
use harness::peer::{OUR_PORT, PEER_PORT, Peer, config, pattern};
use net::{Event, RxChecksums};
use smoltcp::wire::{ArpOperation, Icmpv4Packet, Ipv4Packet};

const FRAMES: u64 = 250_000;

/// Received buffers the stack may hold.
const BUFFERS: usize = 100;

const GOOD: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

/// Where the sequence numbers of hostile segments lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Anywhere but in the connection's window, or at other endpoints.
    Beside,
    /// Mostly in the window.
    Within,
}

struct Fuzzer {
    peer: Peer,
    random: Random,
    aim: Aim,
    /// A segment as the peer would send it next, to be damaged.
    valid: Vec<u8>,
}

impl Fuzzer {
    fn new(seed: u64, aim: Aim, timestamps: bool) -> Self {
        let mut config = config();
        config.limits.receive_window = 60_000;
        config.limits.receive_buffers = BUFFERS;
        let mut fuzzer = Self {
            peer: Peer::new(config),
            random: Random(seed),
            aim,
            valid: Vec::new(),
        };
        fuzzer.peer.introduce();
        fuzzer.peer.stack.listen(OUR_PORT);
        fuzzer.peer.clock = timestamps.then_some(100);
        fuzzer.connect();
        fuzzer
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).unwrap()
    }

    fn number(&mut self) -> u32 {
        u32::try_from(self.random.next() >> 32).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.random.next().to_le_bytes()[0]
    }

    /// A handshake of the honest peer, by cookie if it must be.
    fn connect(&mut self) {
        let peer = &mut self.peer;
        peer.checksums = RxChecksums::default();
        peer.seq = peer.seq.wrapping_add(1_000_000);
        peer.ack = 0;
        let syn = Tcp {
            scale: Some(2),
            sack_permitted: self.random.per_mille(500),
            ..peer.syn()
        };
        peer.frames();
        peer.send(&syn);
        let answer = peer.segments().into_iter().find(|s| s.flags == "S.");
        let Some(answer) = answer else { return };
        peer.seq = peer.seq.wrapping_add(1);
        peer.echo = answer.timestamps.map_or(0, |(value, _)| value);
        peer.send_ack(answer.seq.wrapping_add(1));
        self.take_events();
        self.refresh();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.peer.stack.poll_event() {
            match event {
                Event::Accepted {
                    connection, remote, ..
                } if remote.port() == PEER_PORT => self.peer.id = Some(connection),
                Event::Closed { connection, .. } if Some(connection) == self.peer.id => {
                    self.peer.id = None;
                }
                _ => {}
            }
        }
    }

    fn refresh(&mut self) {
        self.valid = tcp_frame(&self.peer.tcp(".P", &pattern(200)));
    }

    fn noise(&mut self) -> Vec<u8> {
        let len = self.below(300);
        (0..len).map(|_| self.byte()).collect()
    }

    /// A valid segment with one bit flipped or its end missing, for the checks of
    /// formats and checksums to find.
    fn damaged(&mut self) -> Vec<u8> {
        let mut frame = self.valid.clone();
        let at = self.below(frame.len());
        if self.random.per_mille(300) {
            frame.truncate(at);
        } else {
            frame[at] ^= 1 << self.below(8);
        }
        frame
    }

    /// Any segment at all, with checksums that count as verified.
    fn segment(&mut self) -> Vec<u8> {
        let mut frame = self.valid[..54].to_vec();
        let beside = self.aim == Aim::Beside;
        let other = self.random.per_mille(if beside { 300 } else { 20 });
        if other {
            frame[29] = self.byte() & 0x7f | 0x10;
            frame[35] = self.byte();
        }
        let seq = if beside {
            // Neither in the window nor at its edge.
            let away = 70_000 + self.number() % 0xfff0_0000;
            self.peer.seq.wrapping_add(away)
        } else if self.random.per_mille(900) {
            let at = self.number() % 70_000;
            self.peer.seq.wrapping_add(at).wrapping_sub(5000)
        } else {
            self.number()
        };
        let ack = match self.below(3) {
            0 => self.number(),
            1 => self.peer.ack,
            _ => self.peer.ack.wrapping_add(self.number() % 20_000),
        };
        frame[38..42].copy_from_slice(&seq.to_be_bytes());
        frame[42..46].copy_from_slice(&ack.to_be_bytes());
        frame[47] = match self.below(8) {
            0 => self.byte(),
            1 => 0x02,
            2 => 0x04,
            3 => 0x11,
            _ => 0x10,
        };
        frame[48] = self.byte();
        let words = self.below(11);
        let claimed = if self.random.per_mille(950) {
            5 + words
        } else {
            self.below(16)
        };
        frame[46] = u8::try_from(claimed).unwrap() << 4;
        frame.extend(self.options(words * 4));
        let len = self.below(3000);
        frame.resize(frame.len() + len, 0xee);
        if self.random.per_mille(950) {
            let total = u16::try_from(frame.len() - 14).unwrap();
            frame[16..18].copy_from_slice(&total.to_be_bytes());
        }
        frame
    }

    /// Timestamps, blocks, and noise, at times cut short.
    fn options(&mut self, len: usize) -> Vec<u8> {
        let mut options = Vec::new();
        let clock = self.peer.clock.unwrap_or(0).wrapping_add(self.number() % 4);
        while options.len() < len {
            match self.below(4) {
                0 => {
                    options.extend([1, 1, 8, 10]);
                    options.extend(clock.to_be_bytes());
                    options.extend(self.peer.echo.to_be_bytes());
                }
                1 => {
                    options.extend([1, 1, 5, 10]);
                    let start = self.peer.ack.wrapping_add(self.number() % 20_000);
                    let end = start.wrapping_add(self.number() % 5000);
                    options.extend(start.to_be_bytes());
                    options.extend(end.to_be_bytes());
                }
                2 => options.extend([2, 4, self.byte(), self.byte()]),
                _ => options.extend([self.byte(), self.byte(), self.byte(), self.byte()]),
            }
        }
        options.truncate(len);
        options
    }

    /// "Fragmentation needed" and echo, well-formed and about anything.
    fn icmp(&mut self) -> Vec<u8> {
        let mut frame = self.valid[..34].to_vec();
        frame[23] = 1;
        let mut message = vec![[3, 8, 0][self.below(3)], [4, 0][self.below(2)]];
        message.extend((0..4).map(|_| self.byte()));
        message.extend(u16::try_from(self.below(2000)).unwrap().to_be_bytes());
        let mut quoted = self.valid[14..42].to_vec();
        quoted[2..4].copy_from_slice(&1500_u16.to_be_bytes());
        quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
        quoted[16..20].copy_from_slice(&[10, 0, 0, 2]);
        quoted[20..22].copy_from_slice(&OUR_PORT.to_be_bytes());
        quoted[22..24].copy_from_slice(&PEER_PORT.to_be_bytes());
        let seq = self.peer.ack.wrapping_add(self.number() % 4000);
        quoted[24..28].copy_from_slice(&seq.to_be_bytes());
        let keep = self.below(quoted.len() * 2).min(quoted.len());
        message.extend(&quoted[..keep]);
        Icmpv4Packet::new_unchecked(&mut message[..]).fill_checksum();
        frame.extend(message);
        let total = u16::try_from(frame.len() - 14).unwrap();
        frame[16..18].copy_from_slice(&total.to_be_bytes());
        Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
        frame
    }

    fn arp(&mut self) -> Vec<u8> {
        let operation = [ArpOperation::Request, ArpOperation::Reply][self.below(2)];
        let sender = [10, 0, 0, self.byte()].into();
        let mut frame =
            harness::frames::arp_frame(operation, (PEER_MAC, sender), (OUR_MAC, OUR_ADDRESS));
        if self.random.per_mille(300) {
            let at = self.below(frame.len());
            frame[at] = self.byte();
        }
        frame
    }

    /// One hostile frame, whole or in a chain.
    fn inject(&mut self) {
        let (frame, checksums) = match self.below(20) {
            0 => (self.noise(), GOOD),
            1..5 => (self.damaged(), RxChecksums::default()),
            5 => (self.icmp(), RxChecksums::default()),
            6 => (self.arp(), RxChecksums::default()),
            _ => (self.segment(), GOOD),
        };
        let mut pieces = Vec::new();
        let mut rest = &frame[..];
        while pieces.len() < 80 && !rest.is_empty() && self.random.per_mille(300) {
            let cut = self.below(rest.len() + 1);
            let (piece, after) = rest.split_at(cut);
            pieces.push(Received::new(piece.to_vec(), &self.peer.live));
            rest = after;
        }
        pieces.push(Received::new(rest.to_vec(), &self.peer.live));
        let head = pieces.remove(0);
        let now = self.peer.now;
        self.peer
            .stack
            .handle_frame(head, pieces.into_iter(), checksums, now);
    }

    fn pass_time(&mut self) {
        let micros = self.random.below(2000);
        self.peer.now += Duration::from_micros(micros);
        self.peer.stack.handle_timeout(self.peer.now);
        self.take_events();
    }

    /// Nothing grew beyond its bound.
    fn check_bounds(&mut self) {
        let peer = &mut self.peer;
        assert_eq!(peer.live.get(), peer.stack.held_receive_buffers());
        assert!(peer.live.get() <= BUFFERS);
        assert!(peer.stack.connections() <= peer.stack.config().limits.connections);
        // A turn of every connection and the control queue.
        let frames = peer.frames().len();
        assert!(frames < 2000, "{frames} frames at once");
    }

    /// All memory comes back once the application lets go.
    fn finish(mut self) {
        for _ in 0..4 {
            while let Some(event) = self.peer.stack.poll_event() {
                if let Event::Accepted { connection, .. } = event {
                    self.peer.stack.abort(connection);
                }
            }
            if let Some(id) = self.peer.id {
                self.peer.stack.abort(id);
            }
            self.peer.wait(Duration::from_secs(400));
            self.peer.frames();
        }
        assert_eq!(self.peer.live.get(), 0);
        assert_eq!(self.peer.stack.held_receive_buffers(), 0);
        assert_eq!(self.peer.stack.held_send_buffers(), 0);
        assert_eq!(self.peer.stack.connections(), 0);
    }
}

/// The honest peer goes on with its stream, and acknowledges ours, between the
/// hostile frames.
fn beside(seed: u64, timestamps: bool) {
    let mut fuzzer = Fuzzer::new(seed, Aim::Beside, timestamps);
    let id = fuzzer.peer.connection();
    let (mut sent, mut received) = (0_usize, 0_usize);
    let ours = pattern(1000);
    let theirs = pattern(700);
    for count in 0..FRAMES {
        fuzzer.inject();
        if count % 16 != 0 {
            continue;
        }
        fuzzer.pass_time();
        fuzzer.check_bounds();
        let peer = &mut fuzzer.peer;
        peer.checksums = RxChecksums::default();
        peer.send_data(&theirs);
        sent += theirs.len();
        assert!(peer.read() == theirs, "after {count} frames");
        peer.write(&ours);
        let frames = peer.frames();
        for frame in frames.iter().filter(|frame| !frame.payload.is_empty()) {
            let segment = harness::frames::read_tcp(&frame.bytes());
            assert_eq!(segment.ack, peer.seq);
            assert_eq!(segment.seq, peer.ack);
            peer.ack = segment
                .seq
                .wrapping_add(u32::try_from(segment.data.len()).unwrap());
            peer.echo = segment.timestamps.map_or(0, |(value, _)| value);
            let at = received % ours.len();
            assert!(segment.data == ours[at..at + segment.data.len()]);
            received += segment.data.len();
        }
        peer.send_ack(peer.ack);
        fuzzer.take_events();
        assert_eq!(fuzzer.peer.id, Some(id), "after {count} frames");
        fuzzer.refresh();
    }
    assert_eq!(received, sent / 7 * 10);
    let stats = fuzzer.peer.stack.stats();
    assert!(
        stats.frames_in >= FRAMES && stats.dropped_unacceptable > 50_000,
        "{stats:?}"
    );
    fuzzer.finish();
}

#[test]
fn frames_beside_the_window_leave_a_live_connection_alone() {
    beside(1, false);
}

#[test]
fn frames_beside_the_window_leave_a_connection_with_timestamps_alone() {
    beside(2, true);
}

/// Within the window anything may happen to the connection, but not to the
/// stack.
fn within(seed: u64) {
    let mut fuzzer = Fuzzer::new(seed, Aim::Within, true);
    let mut connections = 0;
    for count in 0..FRAMES {
        fuzzer.inject();
        if count % 8 != 0 {
            continue;
        }
        fuzzer.pass_time();
        fuzzer.check_bounds();
        match (fuzzer.peer.id, fuzzer.below(20)) {
            (None, _) => {
                // Others may have filled the table; in time they are gone.
                fuzzer.peer.now += Duration::from_secs(20);
                fuzzer.peer.clock = match fuzzer.peer.clock {
                    Some(_) => None,
                    None => Some(100),
                };
                fuzzer.connect();
                connections += 1;
            }
            (Some(id), 0) => fuzzer.peer.stack.abort(id),
            (Some(id), 1) => fuzzer.peer.stack.close(id, fuzzer.peer.now),
            (Some(_), 2..10) => fuzzer.peer.write(&pattern(5000)),
            (Some(id), consume) => fuzzer.peer.stack.consume(id, consume * 1000),
        }
        if let Some(id) = fuzzer.peer.id
            && fuzzer.peer.stack.state(id).is_none()
        {
            fuzzer.peer.id = None;
        }
    }
    let stats = fuzzer.peer.stack.stats();
    assert!(
        stats.frames_in >= FRAMES && stats.out_of_order > 1000,
        "{stats:?}"
    );
    assert!(connections > 100, "{connections}");
    fuzzer.finish();
}

#[test]
fn frames_within_the_window_leave_the_stack_alone() {
    within(3);
}

#[test]
fn other_frames_within_the_window_leave_the_stack_alone() {
    within(4);
}
