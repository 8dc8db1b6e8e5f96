//! Memory as the stacks see it: received pieces and bytes to send, on the heap.

use std::ops::Range;
use std::rc::Rc;

use net::{RxBuffer, TxBuffer};

/// One piece of a received frame.
#[derive(Debug)]
pub struct HeapSegment(Vec<u8>);

impl RxBuffer for HeapSegment {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Room of one receive buffer: headers always fit the first.
const SEGMENT_BYTES: usize = 2048;

/// Cuts a frame the way a NIC fills its receive buffers.
pub fn segments(frame: &[u8]) -> (HeapSegment, Vec<HeapSegment>) {
    let mut pieces: Vec<_> = frame
        .chunks(SEGMENT_BYTES)
        .map(|piece| HeapSegment(piece.to_vec()))
        .collect();
    let tail = pieces.split_off(1);
    (pieces.remove(0), tail)
}

/// Bytes that a simulated host sends.
#[derive(Debug)]
pub struct Bytes {
    memory: Rc<[u8]>,
    range: Range<usize>,
}

impl Bytes {
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            memory: bytes.into(),
            range: 0..bytes.len(),
        }
    }
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
