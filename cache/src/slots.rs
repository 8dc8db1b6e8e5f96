//! Memory that is handed out and comes back, and is never looked up.

use core::ops::Range;

use crate::memory::{Arena, BlockMut};
use crate::pool::Pool;

/// Slots of transmit memory: blocks of an arena without names.
///
/// What a cipher writes for one connection belongs to that connection, so there is
/// nothing to find again. The slot used last is handed out first, as it is the likely
/// one to be in a CPU cache. A slot comes back when it has neither pin nor wire
/// reference left, like every block (invariant I1).
///
/// Nothing is allocated after [`new`](Self::new), and `take` takes constant time.
#[derive(Debug)]
pub struct Slots {
    pool: Pool,
}

impl Slots {
    /// All blocks of `arena` as slots.
    #[must_use]
    pub fn new(arena: Arena) -> Self {
        Self {
            pool: Pool::new(arena),
        }
    }

    /// Bytes of a slot.
    #[must_use]
    pub fn slot_size(&self) -> usize {
        self.pool.arena().block_size()
    }

    /// Slots altogether.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.pool.arena().block_count()
    }

    /// Addresses that the slots lie in.
    #[must_use]
    pub fn address_range(&self) -> Range<usize> {
        self.pool.arena().address_range()
    }

    /// A slot to write; its bytes are what they were.
    ///
    /// `None`: all are in send queues or on the wire. A few of those that only the wire
    /// held are looked at again in each call, so the next one may succeed.
    pub fn take(&mut self) -> Option<BlockMut> {
        self.pool.take()
    }

    /// Whether a slot can be taken so that `reserve` are left for others. Looks at a few
    /// of those that only the wire held, like [`take`](Self::take).
    pub fn has_more_than(&mut self, reserve: usize) -> bool {
        self.pool.has_more_than(reserve)
    }

    /// Slots that are pinned: written, and not all acknowledged.
    #[must_use]
    pub fn pinned(&self) -> usize {
        self.pool.arena().pinned()
    }

    /// References of the wire to all slots. Looks at every slot: for metrics and tests.
    #[must_use]
    pub fn wire_references(&self) -> u64 {
        let count = self.pool.arena().census();
        count.map(|(_, wire)| u64::from(wire)).sum()
    }
}
