//! Our stack, an instance for each end.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use net::limits::MAX_HEADER_BYTES;
use net::{
    Config, ConnectionId, Event, FrameSink, Limits, Offload, RxChecksums, Source, Stack, TxBuffer,
    TxFrame,
};

use super::CHUNK;

const HOSTS: [(Ipv4Addr, u8); 2] = [
    (Ipv4Addr::new(10, 0, 0, 1), 1),
    (Ipv4Addr::new(10, 0, 0, 2), 2),
];

const GOOD: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

/// Frames on the wire at a time, as many as the appliance hands to a NIC at once.
const BURST: usize = 32;

/// Both ends, and the wire between them.
pub struct OurPair {
    ends: [Stack<Buffer, Bytes>; 2],
    wire: Wire,
    sender: ConnectionId,
    receiver: ConnectionId,
    /// The receiver has nothing to say.
    outputs: [Output; 2],
    now: Duration,
    read: Vec<u8>,
}

impl Default for OurPair {
    /// Connected.
    fn default() -> Self {
        let mut ends = HOSTS.map(|(address, number)| {
            Stack::new(Config {
                mac: [2, 0, 0, 0, 0, number],
                address,
                prefix_len: 24,
                gateway: None,
                mtu: 1500,
                offload: Offload {
                    ip_checksum: true,
                    tcp_checksum: true,
                    tso: None,
                },
                secret: [number; 16],
                limits: Limits {
                    connections: 16,
                    ..Limits::default()
                },
            })
            .expect("a valid configuration")
        });
        ends[1].listen(2049);
        let to = SocketAddrV4::new(HOSTS[1].0, 2049);
        let now = Duration::from_secs(1);
        let sender = ends[0].connect(to, 1023, now).expect("an endpoint");
        let mut pair = Self {
            ends,
            wire: Wire::default(),
            sender,
            receiver: sender,
            outputs: [(); 2].map(|()| Output {
                data: vec![0x5a; CHUNK].into(),
                left: 0,
            }),
            now,
            read: vec![0; CHUNK],
        };
        let mut accepted = None;
        for _ in 0..100 {
            pair.poll();
            while let Some(event) = pair.ends[1].poll_event() {
                if let Event::Accepted { connection, .. } = event {
                    accepted = Some(connection);
                }
            }
            while pair.ends[0].poll_event().is_some() {}
        }
        pair.receiver = accepted.expect("connected");
        pair
    }
}

impl OurPair {
    /// Everything that is on the wire arrives, and what is due is put on it.
    fn poll(&mut self) {
        self.now += Duration::from_micros(5);
        for (from, to) in [(0, 1), (1, 0)] {
            if self.ends[from]
                .poll_timeout()
                .is_some_and(|at| at <= self.now)
            {
                self.ends[from].handle_timeout(self.now);
            }
            self.ends[from].poll_transmit(self.now, &mut self.outputs[from], &mut self.wire);
            let Wire {
                frames, payloads, ..
            } = &mut self.wire;
            let mut payloads = payloads.drain(..);
            for (header, pieces) in frames.drain(..) {
                let payload = payloads.by_ref().take(pieces);
                self.ends[to].handle_frame(header, payload, GOOD, self.now);
            }
        }
    }

    /// Carries so many bytes from one end to the other.
    pub fn carry(&mut self, bytes: usize) {
        self.outputs[0].left = bytes;
        self.ends[0].wake(self.sender);
        let mut read = 0;
        while read < bytes {
            self.poll();
            while let Some(event) = self.ends[1].poll_event() {
                let Event::Readable { .. } = event else {
                    continue;
                };
                while let Some(piece) = self.ends[1].peek(self.receiver) {
                    let len = piece.len();
                    self.read[..len].copy_from_slice(piece);
                    self.ends[1].consume(self.receiver, len);
                    read += len;
                }
            }
        }
    }
}

/// Frames on their way, and memory for headers that is free again. Payload is handed over by
/// reference, as mbufs do it that it is attached to.
#[derive(Default)]
struct Wire {
    /// Each header, and how many of `payloads` belong to it.
    frames: Vec<(Buffer, usize)>,
    payloads: Vec<Buffer>,
    spare: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl FrameSink<Bytes> for Wire {
    fn has_room(&self) -> bool {
        self.frames.len() < BURST
    }

    fn emit(&mut self, frame: TxFrame<'_, Bytes>) {
        let spare = self.spare.borrow_mut().pop();
        let mut bytes = spare.unwrap_or_else(|| Vec::with_capacity(MAX_HEADER_BYTES));
        bytes.clear();
        bytes.extend_from_slice(frame.header);
        let header = Header {
            bytes,
            spare: Rc::clone(&self.spare),
        };
        self.frames
            .push((Buffer::Header(header), frame.payload.len()));
        for piece in frame.payload {
            let payload = piece.buffer.share(piece.range.clone());
            self.payloads.push(Buffer::Payload(payload));
        }
    }
}

/// A segment of a received frame.
enum Buffer {
    Header(Header),
    Payload(Bytes),
}

impl net::RxBuffer for Buffer {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Header(header) => &header.bytes,
            Self::Payload(payload) => payload.bytes(),
        }
    }
}

/// Memory that is used again.
struct Header {
    bytes: Vec<u8>,
    spare: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Drop for Header {
    fn drop(&mut self) {
        self.spare
            .borrow_mut()
            .push(std::mem::take(&mut self.bytes));
    }
}

/// What the sender has to send.
struct Output {
    data: Rc<[u8]>,
    left: usize,
}

impl Source<Bytes> for Output {
    fn pull(&mut self, _: ConnectionId, room: usize) -> Option<Bytes> {
        let take = self.left.min(room).min(self.data.len());
        self.left -= take;
        (take > 0).then(|| Bytes {
            memory: Rc::clone(&self.data),
            range: 0..take,
        })
    }
}

/// Refcounted bytes.
struct Bytes {
    memory: Rc<[u8]>,
    range: Range<usize>,
}

impl TxBuffer for Bytes {
    fn len(&self) -> usize {
        self.range.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.range.clone()]
    }

    fn share(&self, range: Range<usize>) -> Self {
        let start = self.range.start;
        Self {
            memory: Rc::clone(&self.memory),
            range: start + range.start..start + range.end,
        }
    }
}
