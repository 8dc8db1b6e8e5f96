//! Two of our TCP stacks on one connection; what one of them does is counted.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use net::{
    Config, ConnectionId, Event, FrameSink, Limits, Offload, RxBuffer, RxChecksums, Source, Stack,
    TxBuffer, TxFrame,
};

use super::probe::uncounted;

/// Payload of a full segment with time stamps.
pub const SEGMENT: usize = 1448;

static ZEROS: [u8; SEGMENT] = [0; SEGMENT];

/// Payload to send.
#[derive(Debug)]
pub struct Zeros(usize);

impl TxBuffer for Zeros {
    fn len(&self) -> usize {
        self.0
    }

    fn bytes(&self) -> &[u8] {
        &ZEROS[..self.0]
    }

    fn share(&self, range: Range<usize>) -> Self {
        Self(range.len())
    }
}

/// Room for one frame.
const ROOM: usize = 2048;

/// A frame on its way; it is freed outside of what is counted.
#[derive(Clone, Debug)]
pub struct Frame {
    memory: Rc<[u8; ROOM]>,
    len: usize,
}

impl RxBuffer for Frame {
    fn bytes(&self) -> &[u8] {
        &self.memory[..self.len]
    }
}

/// Full segments to send.
#[derive(Debug, Default)]
struct Segments(usize);

impl Source<Zeros> for Segments {
    fn pull(&mut self, _: ConnectionId, room: usize) -> Option<Zeros> {
        if self.0 == 0 || room < SEGMENT {
            return None;
        }
        self.0 -= 1;
        Some(Zeros(SEGMENT))
    }
}

/// Frames that were sent, and memory for the next ones: what `malloc` does depends on all that went before.
#[derive(Debug, Default)]
struct Sent {
    frames: Vec<Frame>,
    spare: Vec<Rc<[u8; ROOM]>>,
}

impl Sent {
    /// Makes room for as many frames as are sent at once.
    fn prepare(&mut self) {
        const FRAMES: usize = 4;
        self.frames.reserve(FRAMES);
        self.spare.resize_with(FRAMES, || Rc::new([0; ROOM]));
    }
}

impl FrameSink<Zeros> for Sent {
    fn has_room(&self) -> bool {
        true
    }

    fn emit(&mut self, frame: TxFrame<'_, Zeros>) {
        uncounted(&mut || {
            let mut memory = self.spare.pop().expect("it was prepared");
            let bytes = Rc::get_mut(&mut memory).expect("nobody has it");
            let mut len = frame.header.len();
            bytes[..len].copy_from_slice(frame.header);
            for piece in frame.payload {
                let payload = &piece.buffer.bytes()[piece.range.clone()];
                bytes[len..len + payload.len()].copy_from_slice(payload);
                len += payload.len();
            }
            self.frames.push(Frame { memory, len });
        });
    }
}

/// One end.
struct End {
    stack: Stack<Frame, Zeros>,
    segments: Segments,
    sent: Sent,
    connection: Option<ConnectionId>,
}

/// NICs fill in checksums and have verified them.
const OFFLOAD: Offload = Offload {
    ip_checksum: true,
    tcp_checksum: true,
    tso: None,
};
const VERIFIED: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

impl End {
    fn new(number: u8) -> Self {
        let config = Config {
            mac: [2, 0, 0, 0, 0, number],
            address: Ipv4Addr::new(192, 0, 2, number),
            prefix_len: 24,
            gateway: None,
            mtu: 1500,
            offload: OFFLOAD,
            secret: [number; 16],
            limits: Limits {
                connections: 64,
                ..Limits::default()
            },
        };
        Self {
            stack: Stack::new(config).expect("a valid configuration"),
            segments: Segments::default(),
            sent: Sent::default(),
            connection: None,
        }
    }

    fn transmit(&mut self, now: Duration) {
        let Self {
            stack,
            segments,
            sent,
            ..
        } = self;
        stack.poll_transmit(now, segments, sent);
    }

    fn take(&mut self, frame: Frame, now: Duration) {
        let tail = std::iter::empty();
        self.stack.handle_frame(frame, tail, VERIFIED, now);
        while let Some(event) = self.stack.poll_event() {
            if let Event::Connected { connection } | Event::Accepted { connection, .. } = event {
                self.connection = Some(connection);
            }
        }
        let Some(connection) = self.connection else {
            return;
        };
        while let Some(bytes) = self.stack.peek(connection) {
            let len = bytes.len();
            self.stack.consume(connection, len);
        }
    }
}

/// What of an exchange is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Sending full segments.
    Out,
    /// Receiving them and taking their bytes.
    In,
    /// Receiving acknowledgements.
    Acknowledgement,
}

/// Runs a part with what counts it, or without.
fn part(counts: bool, mut work: impl FnMut()) {
    if counts {
        super::probe::counted(&mut work);
    } else {
        work();
    }
}

/// Sends so many full segments one after the other, and counts a part of it; how often that happened. What comes
/// before the first half is over is not counted: windows are open then.
pub fn exchange(segments: usize, counted: Part) -> usize {
    let mut now = Duration::from_secs(1);
    let mut sender = End::new(1);
    let mut receiver = End::new(2);
    assert!(receiver.stack.listen(2049));
    let server = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 2), 2049);
    sender.stack.connect(server, 700, now).expect("a free port");
    // The handshake, with ARP.
    for _ in 0..8 {
        for (from, to) in [(0, 1), (1, 0)] {
            let ends = [&mut sender, &mut receiver];
            ends[from].sent.prepare();
            ends[from].transmit(now);
            for frame in std::mem::take(&mut ends[from].sent.frames) {
                ends[to].take(frame, now);
            }
        }
        now += Duration::from_micros(10);
    }
    let connection = sender.connection.expect("connected");
    assert!(receiver.connection.is_some(), "accepted");

    let mut times = 0;
    for number in 0..2 * segments {
        let counts = |part| number >= segments && part == counted;
        now += Duration::from_micros(10);
        sender.sent.prepare();
        receiver.sent.prepare();
        sender.segments.0 = 1;
        sender.stack.wake(connection);
        part(counts(Part::Out), || sender.transmit(now));
        times += usize::from(counts(Part::Out));
        let sent = std::mem::take(&mut sender.sent.frames);
        assert_eq!(sent.len(), 1, "a segment goes out at once");
        for frame in &sent {
            part(counts(Part::In), || receiver.take(frame.clone(), now));
            times += usize::from(counts(Part::In));
        }
        receiver.transmit(now);
        for frame in std::mem::take(&mut receiver.sent.frames) {
            let held = frame.clone();
            part(counts(Part::Acknowledgement), || {
                sender.take(frame.clone(), now);
            });
            times += usize::from(counts(Part::Acknowledgement));
            drop(held);
        }
    }
    times
}
