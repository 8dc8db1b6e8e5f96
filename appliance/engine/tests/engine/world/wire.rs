//! What the engine sends through: a NIC that reads cache blocks where they lie and
//! lets go of them when it likes.

use std::collections::BTreeSet;
use std::ops::Range;

use cache::WireRef;
use engine::{TxBytes, TxMemory};
use gateway::Payload;
use net::{FrameSink, TxBuffer as _, TxFrame};

/// A frame on its way, with what keeps its memory.
pub struct Sent<K> {
    pub bytes: Vec<u8>,
    pub keeps: Vec<K>,
}

/// One transmit queue as the world drives it.
pub trait Wire {
    /// What it takes frames with.
    type Sink: FrameSink<TxBytes>;
    /// What keeps the memory of a frame that was sent.
    type Keep;

    fn sink(&mut self) -> &mut Self::Sink;

    /// The frames that have left since the last call.
    fn take(&mut self) -> Vec<Sent<Self::Keep>>;
}

/// Mimics a NIC: takes a real wire reference for every piece of a cache block and
/// holds it until the frame is delivered or, on demand, until the test says so.
pub struct HeldWire {
    /// Where the blocks lie.
    pub arena: Range<usize>,
    block_size: usize,
    sent: Vec<Sent<WireRef>>,
    /// Whether references are put aside instead of going with their frames.
    pub holding: bool,
    held: Vec<WireRef>,
    /// Blocks that payload was sent from, since the test last cleared it.
    pub blocks: BTreeSet<usize>,
    /// Payload bytes sent out of blocks, retransmissions included.
    pub block_bytes: u64,
    /// Runs what is the test's and not the engine's.
    pub aside: fn(&mut dyn FnMut()),
}

impl HeldWire {
    pub fn new(cache: &cache::Cache) -> Self {
        Self {
            arena: cache.address_range(),
            block_size: cache.block_size(),
            sent: Vec::new(),
            holding: false,
            held: Vec::new(),
            blocks: BTreeSet::new(),
            block_bytes: 0,
            aside: |work| work(),
        }
    }

    /// References put aside.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Lets go of everything put aside, as a completion would.
    pub fn release(&mut self) {
        self.holding = false;
        self.held.clear();
    }

    fn keep(&mut self, frame: &TxFrame<'_, TxBytes>) {
        let mut bytes = frame.header.to_vec();
        let mut keeps = Vec::new();
        for piece in frame.payload {
            bytes.extend_from_slice(&piece.buffer.bytes()[piece.range.clone()]);
            if let TxMemory::Record(record) = &piece.buffer.memory {
                keeps.push(record.lend(piece.range.clone()));
            }
            if let TxMemory::Payload(Payload::Block(slice)) = &piece.buffer.memory {
                let address = slice.as_slice()[piece.range.clone()].as_ptr().addr();
                assert!(self.arena.contains(&address), "a block outside the arena");
                self.blocks
                    .insert((address - self.arena.start) / self.block_size);
                self.block_bytes += piece.range.len() as u64;
                keeps.push(slice.lend(piece.range.clone()));
            }
        }
        self.sent.push(Sent { bytes, keeps });
    }
}

impl Wire for HeldWire {
    type Sink = Self;
    type Keep = WireRef;

    fn sink(&mut self) -> &mut Self {
        self
    }

    fn take(&mut self) -> Vec<Sent<WireRef>> {
        if self.holding {
            for frame in &mut self.sent {
                self.held.append(&mut frame.keeps);
            }
        }
        std::mem::take(&mut self.sent)
    }
}

impl FrameSink<TxBytes> for HeldWire {
    fn has_room(&self) -> bool {
        true
    }

    fn emit(&mut self, frame: TxFrame<'_, TxBytes>) {
        (self.aside)(&mut || self.keep(&frame));
    }
}
