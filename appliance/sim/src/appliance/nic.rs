//! A NIC between an engine and its cable, as virtio and real ones are: rings fill up, pools run dry, memory is read
//! when the frame goes out and not when it is handed over, and let go of when the driver feels like it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use cache::WireRef;
use engine::{TxBytes, TxMemory};
use gateway::Payload;
use net::{FrameOffload, FrameSink, RxBuffer, TxBuffer as _, TxFrame};

use crate::network::frame::complete;
use crate::options::Options;
use crate::outcome::Judge;
use crate::random::Random;

/// Room of one receive buffer: headers always fit the first.
const RECEIVE_BUFFER: usize = 2048;

/// A received mbuf: counted while anybody has it.
#[derive(Debug)]
pub(crate) struct RxMbuf {
    bytes: Vec<u8>,
    in_use: Rc<Cell<usize>>,
}

impl RxMbuf {
    fn new(bytes: &[u8], in_use: &Rc<Cell<usize>>) -> Self {
        in_use.set(in_use.get() + 1);
        Self {
            bytes: bytes.to_vec(),
            in_use: Rc::clone(in_use),
        }
    }
}

impl RxBuffer for RxMbuf {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for RxMbuf {
    fn drop(&mut self) {
        self.in_use.set(self.in_use.get() - 1);
    }
}

/// Bytes of a frame as mbufs have them.
#[derive(Debug)]
enum Part {
    /// Copied into an mbuf.
    Copied(Vec<u8>),
    /// Attached; and what the bytes were when they were handed over.
    Attached { memory: WireRef, before: Vec<u8> },
}

impl Part {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Attached { memory, .. } => memory.as_slice(),
        }
    }

    fn is_unchanged(&self) -> bool {
        match self {
            Self::Copied(_) => true,
            Self::Attached { memory, before } => memory.as_slice() == before,
        }
    }
}

/// A frame in the transmit ring.
#[derive(Debug)]
struct Descriptor {
    header: usize,
    l3: usize,
    offload: FrameOffload,
    parts: Vec<Part>,
}

/// How soon transmitted frames are let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completions {
    AtOnce,
    WithTheNextTransmit,
    WhenShortOfRoom,
}

/// One port's NIC.
#[derive(Debug)]
pub(crate) struct Nic {
    judge: Judge,
    random: Random,
    options: Options,
    completions: Completions,
    /// Handed over and not sent.
    waiting: VecDeque<Descriptor>,
    /// Sent and not let go of.
    sent: VecDeque<Descriptor>,
    received: VecDeque<Vec<u8>>,
    rx_in_use: Rc<Cell<usize>>,
    /// The engine had something to send and no room for it.
    pub(crate) was_full: Cell<bool>,
    /// Frames ever sent.
    pub(crate) frames: u64,
}

impl Nic {
    pub(crate) fn new(options: &Options, random: Random, judge: Judge) -> Self {
        Self {
            judge,
            random,
            options: *options,
            completions: match options.completions {
                0 => Completions::AtOnce,
                1 => Completions::WithTheNextTransmit,
                _ => Completions::WhenShortOfRoom,
            },
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            received: VecDeque::new(),
            rx_in_use: Rc::default(),
            was_full: Cell::new(false),
            frames: 0,
        }
    }

    /// There are mbufs for everything from now on.
    pub(crate) fn mend(&mut self) {
        self.options.tx_pool_empty = 0;
        self.options.rx_pool_empty = 0;
    }

    /// A frame has arrived; whether there was a descriptor for it.
    pub(crate) fn receive(&mut self, frame: Vec<u8>) -> bool {
        let ring = usize::try_from(self.options.rx_ring).expect("a ring");
        let has_room =
            self.received.len() < ring && !self.random.chance(self.options.rx_pool_empty);
        if has_room {
            self.received.push_back(frame);
        }
        has_room
    }

    /// The next received frame in mbufs.
    pub(crate) fn take(&mut self) -> Option<(RxMbuf, Vec<RxMbuf>)> {
        let frame = self.received.pop_front()?;
        let mut mbufs: Vec<_> = frame
            .chunks(RECEIVE_BUFFER)
            .map(|bytes| RxMbuf::new(bytes, &self.rx_in_use))
            .collect();
        let tail = mbufs.split_off(1);
        Some((mbufs.pop()?, tail))
    }

    pub(crate) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// Mbufs of received frames that the engine has.
    pub(crate) fn rx_in_use(&self) -> usize {
        self.rx_in_use.get()
    }

    /// Whether there is anything to send.
    pub(crate) fn is_sending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Wire references that it has.
    pub(crate) fn references(&self) -> u64 {
        let descriptors = self.waiting.iter().chain(&self.sent);
        let parts = descriptors.flat_map(|descriptor| &descriptor.parts);
        parts
            .filter(|part| matches!(part, Part::Attached { .. }))
            .count() as u64
    }

    /// Reads the memory of the next frame and sends it: as frames on the wire, and the time until the next.
    pub(crate) fn send(&mut self) -> Option<(Vec<Vec<u8>>, Duration)> {
        let descriptor = self.waiting.pop_front()?;
        self.check(&descriptor, "when it is sent");
        let frame: Vec<u8> = descriptor
            .parts
            .iter()
            .flat_map(|part| part.bytes().iter().copied())
            .collect();
        let bits = frame.len() as u64 * 8;
        let frames = complete(frame, descriptor.header, descriptor.l3, descriptor.offload);
        self.frames += frames.len() as u64;
        if self.completions == Completions::AtOnce {
            drop(descriptor);
        } else {
            self.sent.push_back(descriptor);
        }
        Some((
            frames,
            Duration::from_nanos(bits * 1000 / self.options.bandwidth),
        ))
    }

    /// Lets go of everything sent.
    pub(crate) fn reclaim(&mut self) {
        while let Some(descriptor) = self.sent.pop_front() {
            self.check(&descriptor, "when it is let go of");
        }
    }

    fn check(&self, descriptor: &Descriptor, when: &str) {
        let unchanged = descriptor.parts.iter().all(Part::is_unchanged);
        self.judge.expect(unchanged, || {
            format!("the bytes of an attached block are others {when} than when they were handed over (I3)")
        });
    }

    fn ring(&self) -> usize {
        usize::try_from(self.options.tx_ring).expect("a ring")
    }
}

impl FrameSink<TxBytes> for Nic {
    fn has_room(&self) -> bool {
        // What is sent can be let go of when a descriptor is needed.
        let has_room = self.waiting.len() < self.ring();
        self.was_full.set(self.was_full.get() || !has_room);
        has_room
    }

    fn emit(&mut self, frame: TxFrame<'_, TxBytes>) {
        let short_of_room = self.waiting.len() + self.sent.len() >= self.ring();
        match self.completions {
            Completions::WithTheNextTransmit => self.reclaim(),
            Completions::WhenShortOfRoom if short_of_room => self.reclaim(),
            _ => {}
        }
        if self.random.chance(self.options.tx_pool_empty) {
            return;
        }
        let mut parts = vec![Part::Copied(frame.header.to_vec())];
        for piece in frame.payload {
            let bytes = &piece.buffer.bytes()[piece.range.clone()];
            let lent = match &piece.buffer.memory {
                TxMemory::Record(record) => Some(record.lend(piece.range.clone())),
                TxMemory::Payload(Payload::Block(slice)) => Some(slice.lend(piece.range.clone())),
                TxMemory::Payload(_) => None,
            };
            parts.push(match lent {
                Some(memory) => Part::Attached {
                    memory,
                    before: bytes.to_vec(),
                },
                None => Part::Copied(bytes.to_vec()),
            });
        }
        self.waiting.push_back(Descriptor {
            header: frame.header.len(),
            l3: usize::from(frame.l3_len),
            offload: frame.offload,
            parts,
        });
    }
}
