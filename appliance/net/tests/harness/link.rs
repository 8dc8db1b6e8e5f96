//! Two stacks on a link that loses, repeats and reorders frames as a seed says.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::time::Duration;

use net::{CloseReason, Config, ConnectionId, Event, Offload, RxChecksums, Stack};

use super::buffers::{Received, Shared, Sink, Sources};
use super::device;
use super::frames::too_big_frame;
use super::peer::{config, pattern};

/// A small generator (SplitMix64): the same seed gives the same run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }
}

/// What the link does to frames; chances in per mille.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub loss: u64,
    pub repeat: u64,
    pub reorder: u64,
    pub corrupt: u64,
    /// Frames lost in a row in one direction, at most.
    pub burst: u32,
    pub delay: Duration,
}

impl Faults {
    pub const NONE: Self = Self {
        loss: 0,
        repeat: 0,
        reorder: 0,
        corrupt: 0,
        // So few that nobody gives up.
        burst: 3,
        delay: Duration::from_micros(50),
    };
}

/// One side: a stack and an application that writes, reads and closes.
pub struct End {
    pub stack: Stack<Received, Shared>,
    pub sources: Sources,
    pub id: Option<ConnectionId>,
    pub memory: Rc<[u8]>,
    pub read: Vec<u8>,
    pub peer_closed: bool,
    pub closed: Option<CloseReason>,
    live: Rc<Cell<usize>>,
    /// Close as soon as everything was pulled, or after the peer did.
    closes_first: bool,
    lost_in_a_row: u32,
    reads_slowly: bool,
}

impl End {
    fn new(config: Config, plan: &Plan, side: usize) -> Self {
        Self {
            stack: Stack::new(config).unwrap(),
            sources: Sources::default(),
            id: None,
            memory: pattern(plan.bytes[side]).into(),
            read: Vec::new(),
            peer_closed: false,
            closed: None,
            live: Rc::default(),
            closes_first: plan.closes_first[side],
            lost_in_a_row: 0,
            reads_slowly: plan.reads_slowly,
        }
    }

    /// Hands over the stream in pieces of random sizes.
    fn open(&mut self, id: ConnectionId, random: &mut Random) {
        self.id = Some(id);
        let mut start = 0;
        while start < self.memory.len() {
            let most = if random.per_mille(300) { 100 } else { 20_000 };
            let len = usize::try_from(1 + random.below(most)).unwrap();
            let end = (start + len).min(self.memory.len());
            let memory = Rc::clone(&self.memory);
            let range = start..end;
            self.sources.push(id, Shared { memory, range });
            start = end;
        }
        self.stack.wake(id);
    }

    fn run_application(&mut self, now: Duration, random: &mut Random) {
        self.take_events(random);
        self.use_connection(now, random);
        // Reading the last byte lets the last event out.
        self.take_events(random);
    }

    fn take_events(&mut self, random: &mut Random) {
        while let Some(event) = self.stack.poll_event() {
            match event {
                Event::Accepted { connection, .. } | Event::Connected { connection } => {
                    self.open(connection, random);
                }
                Event::Readable { .. } => {}
                Event::PeerClosed { .. } => self.peer_closed = true,
                Event::Closed { reason, .. } => self.closed = Some(reason),
            }
        }
    }

    fn use_connection(&mut self, now: Duration, random: &mut Random) {
        let Some(id) = self.id else { return };
        // Now and then the application is slow, so that windows close.
        while !(self.reads_slowly && random.per_mille(100))
            && let Some(bytes) = self.stack.peek(id)
        {
            assert!(!bytes.is_empty());
            let count = if self.reads_slowly {
                1 + usize::try_from(random.below(bytes.len() as u64)).unwrap()
            } else {
                bytes.len()
            };
            self.read.extend(&bytes[..count]);
            self.stack.consume(id, count);
        }
        let may_close = self.closes_first || self.peer_closed;
        if may_close && self.sources.is_empty(id) {
            self.stack.close(id, now);
        }
    }

    /// Whether no memory is held any more.
    pub fn holds_nothing(&self) -> bool {
        self.live.get() == 0
            && Rc::strong_count(&self.memory) == 1
            && self.stack.held_receive_buffers() == 0
            && self.stack.held_send_buffers() == 0
    }
}

struct InFlight {
    at: Duration,
    to: usize,
    frame: Vec<u8>,
    checksums: RxChecksums,
}

pub struct Link {
    pub ends: [End; 2],
    pub now: Duration,
    faults: Faults,
    router: Option<Router>,
    random: Random,
    frames: Vec<InFlight>,
    pub delivered: usize,
}

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
pub const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

/// A run's parameters.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub faults: Faults,
    pub bytes: [usize; 2],
    pub mtu: [u16; 2],
    pub receive_window: [usize; 2],
    pub offload: [Offload; 2],
    pub closes_first: [bool; 2],
    /// Applications read in odd amounts and pause, so that windows close.
    pub reads_slowly: bool,
    pub router: Option<Router>,
}

/// A router that drops packets larger than `mtu`; a `silent` one says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    pub mtu: u16,
    pub silent: bool,
}

impl Plan {
    pub fn new(seed: u64, faults: Faults, bytes: [usize; 2]) -> Self {
        Self {
            seed,
            faults,
            bytes,
            mtu: [1500; 2],
            receive_window: [1 << 20; 2],
            offload: [Offload::default(); 2],
            closes_first: [true, false],
            reads_slowly: false,
            router: None,
        }
    }
}

impl Link {
    pub fn new(plan: &Plan) -> Self {
        let end = |side: usize| {
            let mut config = config();
            config.mac = MACS[side];
            config.address = ADDRESSES[side];
            config.mtu = plan.mtu[side];
            config.offload = plan.offload[side];
            config.limits.receive_window = plan.receive_window[side];
            config.secret = [u8::try_from(plan.seed % 251).unwrap(); 16];
            End::new(config, plan, side)
        };
        let mut link = Self {
            ends: [end(0), end(1)],
            now: Duration::from_millis(plan.seed % 100_000),
            faults: plan.faults,
            router: plan.router,
            random: Random(plan.seed),
            frames: Vec::new(),
            delivered: 0,
        };
        link.ends[1].stack.listen(2049);
        let remote = SocketAddrV4::new(ADDRESSES[1], 2049);
        let now = link.now;
        link.ends[0].stack.connect(remote, 700, now).unwrap();
        link
    }

    /// Runs until both applications know that the connection is over. Virtual
    /// time is bounded, so a stuck connection is a failure, not a hang.
    pub fn run(&mut self) {
        let end = self.now + Duration::from_secs(24 * 3600);
        loop {
            for side in 0..2 {
                self.ends[side].run_application(self.now, &mut self.random);
                self.transmit(side);
            }
            if self.ends.iter().all(|end| end.closed.is_some()) {
                return;
            }
            self.step();
            assert!(self.now < end, "stuck");
        }
    }

    /// Moves on to whatever happens next. Applications that were slow go on
    /// after a millisecond.
    fn step(&mut self) {
        let unread = self
            .ends
            .iter()
            .any(|end| end.id.is_some_and(|id| end.stack.peek(id).is_some()));
        let next = self
            .frames
            .iter()
            .map(|frame| frame.at)
            .chain(self.ends.iter().filter_map(|end| end.stack.poll_timeout()))
            .chain(unread.then(|| self.now + Duration::from_millis(1)))
            .min()
            .expect("nothing will ever happen again");
        self.now = self.now.max(next);
        for end in &mut self.ends {
            end.stack.handle_timeout(self.now);
        }
        let now = self.now;
        let mut due: Vec<InFlight> = self
            .frames
            .extract_if(.., |frame| frame.at <= now)
            .collect();
        due.sort_by_key(|frame| frame.at);
        for frame in due {
            self.deliver(frame);
        }
    }

    fn deliver(&mut self, frame: InFlight) {
        self.delivered += 1;
        let end = &mut self.ends[frame.to];
        let mut pieces = Vec::new();
        let mut rest = &frame.frame[..];
        // Headers stay in one piece, as devices leave them.
        let mut least = 94;
        while rest.len() > least && self.random.per_mille(300) && pieces.len() < 30 {
            let cut =
                least + usize::try_from(self.random.below((rest.len() - least) as u64)).unwrap();
            let (piece, after) = rest.split_at(cut);
            pieces.push(Received::new(piece.to_vec(), &end.live));
            rest = after;
            least = 1;
        }
        pieces.push(Received::new(rest.to_vec(), &end.live));
        let head = pieces.remove(0);
        end.stack
            .handle_frame(head, pieces.into_iter(), frame.checksums, self.now);
    }

    fn transmit(&mut self, side: usize) {
        // The sink is small now and then, as a ring that is nearly full.
        loop {
            let room = if self.random.per_mille(200) {
                usize::try_from(1 + self.random.below(4)).unwrap()
            } else {
                64
            };
            let end = &mut self.ends[side];
            let mut sink = Sink {
                frames: Vec::new(),
                room,
            };
            end.stack
                .poll_transmit(self.now, &mut end.sources, &mut sink);
            let full = sink.frames.len() == room;
            for sent in sink.frames {
                for (frame, checksums) in device::send(&sent) {
                    self.carry(side, frame, checksums);
                }
            }
            if !full {
                return;
            }
        }
    }

    /// Whether the router lets the frame through; otherwise its sender may hear
    /// why.
    fn passes(&mut self, from: usize, frame: &[u8]) -> bool {
        let Some(Router { mtu, silent }) = self.router else {
            return true;
        };
        let fits = frame.len() <= 14 + usize::from(mtu);
        if !fits && !silent {
            let mut frame = too_big_frame(frame, mtu);
            frame[..6].copy_from_slice(&MACS[from]);
            self.frames.push(InFlight {
                at: self.now + self.faults.delay,
                to: from,
                frame,
                checksums: RxChecksums::default(),
            });
        }
        fits
    }

    fn carry(&mut self, from: usize, mut frame: Vec<u8>, mut checksums: RxChecksums) {
        let faults = self.faults;
        // ARP gives up after a few requests, which is not what is tested here.
        let is_ip = frame[12..14] == [8, 0];
        if !self.passes(from, &frame) {
            return;
        }
        let end = &mut self.ends[from];
        if is_ip && end.lost_in_a_row < faults.burst && self.random.per_mille(faults.loss) {
            end.lost_in_a_row += 1;
            return;
        }
        end.lost_in_a_row = 0;
        let copies = 1 + usize::from(self.random.per_mille(faults.repeat));
        for _ in 0..copies {
            let mut at = self.now + faults.delay;
            if self.random.per_mille(faults.reorder) {
                at += faults.delay * u32::try_from(self.random.below(40)).unwrap() / 10;
            }
            self.frames.push(InFlight {
                at,
                to: 1 - from,
                frame: frame.clone(),
                checksums,
            });
        }
        if self.random.per_mille(faults.corrupt) {
            // ARP has no checksum of its own; Ethernet's would have caught it.
            if is_ip {
                let at = 14 + usize::try_from(self.random.below(frame.len() as u64 - 14)).unwrap();
                frame[at] ^= 1 << self.random.below(8);
                checksums = RxChecksums::default();
                let at = self.now + faults.delay;
                let to = 1 - from;
                self.frames.push(InFlight {
                    at,
                    to,
                    frame,
                    checksums,
                });
            }
        }
    }

    /// What must hold when both are done.
    pub fn check(mut self) {
        for side in 0..2 {
            // When TIME_WAIT ends before the other side has heard that its FIN
            // arrived, that side gets RST; it is the price of no fourth FIN.
            let reasons = self.ends.each_ref().map(|end| end.closed.unwrap());
            assert!(reasons.contains(&CloseReason::Finished), "{reasons:?}");
            assert!(
                reasons
                    .iter()
                    .all(|reason| matches!(reason, CloseReason::Finished | CloseReason::Reset))
            );
            let (read, sent) = (&self.ends[side].read, &self.ends[1 - side].memory);
            let same = read.iter().zip(sent.iter()).take_while(|(a, b)| a == b);
            assert_eq!(same.count(), sent.len(), "{} bytes read", read.len());
            assert_eq!(read.len(), sent.len());
        }
        assert!(self.ends.iter().all(End::holds_nothing));
        // TIME_WAIT ends too.
        self.now += Duration::from_secs(600);
        for end in &mut self.ends {
            end.stack.handle_timeout(self.now);
            assert_eq!(end.stack.connections(), 0);
        }
    }
}
