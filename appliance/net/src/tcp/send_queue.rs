//! Bytes pulled from the source and not acknowledged yet, as ranges of the
//! sequence space over shared memory.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use mutant::Mutant;

use super::sequence::Seq;
use crate::buffer::TxBuffer;
use crate::frame::Piece;
use crate::limits::MAX_FRAME_PIECES;

/// A pulled buffer and the sequence number of its first byte.
struct Chunk<T> {
    start: Seq,
    buffer: T,
}

impl<T: TxBuffer> Chunk<T> {
    fn end(&self) -> Seq {
        self.start.advanced(self.buffer.len())
    }
}

pub(crate) struct SendQueue<T> {
    chunks: VecDeque<Chunk<T>>,
    /// The sequence number the next pulled byte gets.
    end: Seq,
}

/// The payload of one frame.
pub(crate) type FramePieces<'a, T> = ArrayVec<Piece<'a, T>, MAX_FRAME_PIECES>;

impl<T: TxBuffer> SendQueue<T> {
    /// An empty queue whose first byte will have the number `start`.
    pub(crate) fn new(start: Seq) -> Self {
        Self {
            chunks: VecDeque::new(),
            end: start,
        }
    }

    pub(crate) fn end(&self) -> Seq {
        self.end
    }

    /// Number of buffers held.
    pub(crate) fn buffers(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn push(&mut self, buffer: T) {
        let start = self.end;
        self.end = start.advanced(buffer.len());
        self.chunks.push_back(Chunk { start, buffer });
    }

    /// Drops every buffer that lies wholly before `acknowledged`.
    pub(crate) fn release(&mut self, acknowledged: Seq) {
        while let Some(first) = self.chunks.front()
            && (acknowledged.at_least(first.end())
                || mutant::is_on(Mutant::ReleasedWhenTouched) && acknowledged.is_after(first.start))
        {
            self.chunks.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
    }

    /// Fills `pieces` with at most `max_pieces` that make up at most `len` bytes
    /// from `from` on, and yields how many bytes they are.
    pub(crate) fn pieces<'a>(
        &'a self,
        from: Seq,
        len: usize,
        max_pieces: usize,
        pieces: &mut FramePieces<'a, T>,
    ) -> usize {
        let mut missing = len;
        let mut at = match self.chunks.back() {
            // What is sent for the first time comes from there.
            Some(last) if from.at_least(last.start) => self.chunks.len() - 1,
            _ => self
                .chunks
                .partition_point(|chunk| from.at_least(chunk.end())),
        };
        while missing > 0
            && pieces.len() < max_pieces
            && !pieces.is_full()
            && let Some(chunk) = self.chunks.get(at)
        {
            at += 1;
            let start = from.since(chunk.start);
            let count = chunk.buffer.len().saturating_sub(start).min(missing);
            pieces.push(Piece {
                buffer: &chunk.buffer,
                range: start..start + count,
            });
            missing -= count;
        }
        len - missing
    }
}
