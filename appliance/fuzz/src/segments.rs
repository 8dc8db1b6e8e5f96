//! Ethernet frames into a live TCP connection. The input says what the peer can do, and then what happens, one event
//! after the other: segments and frames of any kind, damaged ones, honest ones, and what the application does.
//! Whatever comes in, no bound is passed, and all memory is back when the application lets go.

use core::time::Duration;

use arbitrary::{Result, Unstructured};
use net::{Event, RxChecksums};

use crate::harness::frames::{Tcp, tcp_frame};
use crate::harness::peer::{Peer, config, pattern};

/// Received buffers the stack may hold.
const BUFFERS: usize = 64;

/// Events of one input: more would be slow rather than new.
const EVENTS: usize = 96;

/// As from a device that has verified checksums, so that what is behind them is reached.
const VERIFIED: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let mut world = World::new(input.arbitrary().unwrap_or(0));
    for _ in 0..EVENTS {
        if input.is_empty() || world.happen(&mut input).is_err() {
            break;
        }
        world.check();
    }
    world.finish();
}

struct World {
    peer: Peer,
}

impl World {
    /// A stack with one connection, opened by a peer with the abilities given.
    fn new(abilities: u8) -> Self {
        let mut config = config();
        config.limits.receive_window = 60_000;
        config.limits.receive_buffers = BUFFERS;
        let mut peer = Peer::new(config);
        peer.clock = (abilities & 1 != 0).then_some(100);
        let syn = Tcp {
            sack_permitted: abilities & 2 != 0,
            scale: (abilities & 4 != 0).then_some(abilities >> 4),
            ..peer.syn()
        };
        peer.accept_with(&syn);
        Self { peer }
    }

    fn happen(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let peer = &mut self.peer;
        match input.int_in_range(0..=15)? {
            0..5 => {
                let segment = segment(peer, input)?;
                self.inject(&segment, VERIFIED, input)?;
            }
            5 => {
                let len = input.int_in_range(0..=200)?;
                let frame = input.bytes(usize::min(len, input.len()))?.to_vec();
                self.inject(&frame, VERIFIED, input)?;
            }
            6 | 7 => {
                // Damage for formats and checksums to find.
                let mut frame = tcp_frame(&peer.tcp(".P", &pattern(200)));
                let at = input.choose_index(frame.len())?;
                frame[at] ^= input.arbitrary::<u8>()?;
                if input.arbitrary()? {
                    frame.truncate(at);
                }
                self.inject(&frame, RxChecksums::default(), input)?;
            }
            8 => {
                let len = usize::from(input.arbitrary::<u8>()?) * 6;
                peer.send_data(&pattern(len));
            }
            9 => {
                let ack = peer.ack.wrapping_add(input.arbitrary::<u16>()?.into());
                peer.send_ack(ack);
            }
            10 if peer.id.is_some() => {
                peer.write(&pattern(1 + usize::from(input.arbitrary::<u8>()?) * 40))
            }
            11 if peer.id.is_some() => drop(peer.read()),
            12 => {
                let id = peer.id;
                match (input.arbitrary::<u8>()? % 8, id) {
                    (0, Some(id)) => {
                        peer.stack.abort(id);
                        peer.id = None;
                    }
                    (1, Some(id)) => peer.stack.close(id, peer.now),
                    (count, Some(id)) => {
                        let there = peer.stack.peek(id).map_or(0, <[u8]>::len);
                        peer.stack.consume(id, there.min(usize::from(count) * 100));
                    }
                    (_, None) => {}
                }
            }
            13 => peer.wait(Duration::from_millis(input.arbitrary::<u8>()?.into())),
            14 => peer.wait(Duration::from_secs(input.arbitrary::<u8>()?.into())),
            _ => self.learn(),
        }
        self.take_events();
        Ok(())
    }

    /// What an honest peer does with what was sent to it: it acknowledges the last byte seen.
    fn learn(&mut self) {
        for frame in self.peer.frames() {
            if frame.l4_len == 0 {
                continue;
            }
            let word = |at: usize| -> u32 {
                let bytes = frame.header[at..].first_chunk().expect("a whole header");
                u32::from_be_bytes(*bytes)
            };
            let sent = u32::try_from(frame.data().len()).expect("a frame");
            self.peer.ack = word(38).wrapping_add(sent);
        }
    }

    fn inject(
        &mut self,
        frame: &[u8],
        checksums: RxChecksums,
        input: &mut Unstructured<'_>,
    ) -> Result<()> {
        let mut cuts = Vec::new();
        for _ in 0..input.int_in_range(0..=3)? {
            cuts.push(input.int_in_range(0..=frame.len())?);
        }
        cuts.sort_unstable();
        self.peer.checksums = checksums;
        self.peer.inject_cut(frame, &cuts);
        self.peer.checksums = RxChecksums::default();
        Ok(())
    }

    fn take_events(&mut self) {
        let peer = &mut self.peer;
        for event in peer.events() {
            match event {
                Event::Closed { connection, .. } if Some(connection) == peer.id => peer.id = None,
                // Of other peers, or of the same after the first: in its place.
                Event::Accepted { connection, .. } => match peer.id {
                    Some(_) => peer.stack.abort(connection),
                    None => peer.id = Some(connection),
                },
                _ => {}
            }
        }
    }

    fn check(&mut self) {
        let peer = &mut self.peer;
        assert_eq!(peer.live.get(), peer.stack.held_receive_buffers());
        assert!(peer.live.get() <= BUFFERS);
        assert!(peer.stack.connections() <= peer.stack.config().limits.connections);
        if let Some(at) = peer.stack.poll_timeout() {
            assert!(at > Duration::ZERO);
        }
    }

    /// All memory comes back once the application lets go.
    fn finish(mut self) {
        for _ in 0..4 {
            if let Some(id) = self.peer.id.take() {
                self.peer.stack.abort(id);
            }
            self.peer.wait(Duration::from_secs(400));
            self.peer.frames();
            self.take_events();
        }
        let stack = &self.peer.stack;
        assert_eq!(self.peer.live.get(), 0);
        assert_eq!(stack.held_receive_buffers(), 0);
        assert_eq!(stack.held_send_buffers(), 0);
        assert_eq!(stack.connections(), 0);
    }
}

/// A segment of the connection, mostly, with numbers near those that matter, any flags, options and data.
fn segment(peer: &Peer, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut frame = tcp_frame(&peer.tcp(".", &[]));
    frame.truncate(14 + 20 + 20);
    let near = |base: u32, input: &mut Unstructured<'_>| -> Result<u32> {
        Ok(match input.arbitrary::<u8>()? {
            0..96 => base,
            96..224 => base.wrapping_add_signed(input.arbitrary::<i16>()?.into()),
            _ => input.arbitrary()?,
        })
    };
    let seq = near(peer.seq, input)?;
    let ack = near(peer.ack, input)?;
    frame[38..42].copy_from_slice(&seq.to_be_bytes());
    frame[42..46].copy_from_slice(&ack.to_be_bytes());
    frame[47] = input.arbitrary()?;
    frame[48..50].copy_from_slice(&input.arbitrary::<[u8; 2]>()?);
    let shape: u8 = input.arbitrary()?;
    if shape & 1 == 1 {
        // From another port: a connection that is not there yet.
        frame[35] = shape;
    }
    let words = usize::from(shape >> 4).min(10);
    for _ in 0..words {
        let option: [u8; 4] = match input.arbitrary::<u8>()? % 6 {
            0 => [1, 1, 8, 10],
            1 => [1, 1, 5, 10],
            2 => near(peer.ack, input)?.to_be_bytes(),
            3 => peer.clock.unwrap_or(0).wrapping_add(1).to_be_bytes(),
            _ => input.arbitrary()?,
        };
        frame.extend(option);
    }
    frame[46] = if shape & 2 == 2 {
        input.arbitrary()?
    } else {
        u8::try_from(5 + words).expect("at most 15") << 4
    };
    let len = usize::from(input.arbitrary::<u8>()?) * 8;
    frame.extend(pattern(len));
    let total = u16::try_from(frame.len() - 14).expect("a short frame");
    frame[16..18].copy_from_slice(&total.to_be_bytes());
    Ok(frame)
}
