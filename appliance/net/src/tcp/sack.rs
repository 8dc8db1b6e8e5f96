//! Selective acknowledgements (RFC 2018): the blocks of an option, and the
//! record of what arrived ahead of a gap from which ours are made.

use std::collections::VecDeque;

use arrayvec::ArrayVec;

use super::sequence::Seq;
use crate::limits::MAX_RECENT_BLOCKS;

/// Blocks that fit an option when there is nothing else in the header.
const MAX_BLOCKS: usize = 4;

/// Blocks we send: what fits next to timestamps.
const BLOCKS_SENT: usize = 3;

/// The bytes from `start` up to `end`, which is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub start: Seq,
    pub end: Seq,
}

/// The blocks of one segment, in the order of the option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SackBlocks {
    blocks: [Block; MAX_BLOCKS],
    count: u8,
}

impl SackBlocks {
    /// Reads the value of a SACK option; an incomplete last block does not count.
    pub(crate) fn parse(value: &[u8]) -> Self {
        let mut blocks = Self::default();
        let (numbers, _) = value.as_chunks::<4>();
        for edges in numbers.chunks_exact(2) {
            if let &[start, end] = edges {
                blocks.push(Block {
                    start: Seq(u32::from_be_bytes(start)),
                    end: Seq(u32::from_be_bytes(end)),
                });
            }
        }
        blocks
    }

    /// Adds a block unless there is no room for it.
    pub(crate) fn push(&mut self, block: Block) {
        if let Some(free) = self.blocks.get_mut(usize::from(self.count)) {
            *free = block;
            self.count += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().take(usize::from(self.count))
    }

    /// The length byte of the option.
    pub(crate) fn option_len(&self) -> u8 {
        2 + 8 * self.count
    }
}

/// What arrived ahead of a gap, as the peer is told. Bounded by the pieces that
/// the receive queue holds, as each block is at least one of them.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Sorted; neither overlapping nor touching.
    blocks: VecDeque<Block>,
    /// A number within each block that changed last, the latest first.
    recent: ArrayVec<Seq, MAX_RECENT_BLOCKS>,
}

impl Arrived {
    /// Notes that `block` was kept.
    pub(crate) fn insert(&mut self, block: Block) {
        let first = self
            .blocks
            .partition_point(|held| held.end.is_before(block.start));
        let mut merged = block;
        while let Some(held) = self.blocks.get(first)
            && merged.end.at_least(held.start)
        {
            merged.start = merged.start.earlier_of(held.start);
            merged.end = merged.end.later_of(held.end);
            self.blocks.remove(first);
        }
        self.blocks.insert(first, merged);
        self.touch(merged);
    }

    /// RFC 2018, 4: the first block is the one that contains the segment that
    /// was received last, even if all of it had arrived before.
    pub(crate) fn touch_at(&mut self, seq: Seq) {
        if let Some(block) = self.containing(seq) {
            self.touch(block);
        }
    }

    fn touch(&mut self, block: Block) {
        self.recent
            .retain(|seq| seq.is_before(block.start) || seq.at_least(block.end));
        if self.recent.is_full() {
            self.recent.pop();
        }
        self.recent.insert(0, block.start);
    }

    fn containing(&self, seq: Seq) -> Option<Block> {
        let at = self.blocks.partition_point(|block| seq.at_least(block.end));
        self.blocks
            .get(at)
            .copied()
            .filter(|block| seq.at_least(block.start))
    }

    /// Everything before `next` has become contiguous.
    pub(crate) fn release(&mut self, next: Seq) {
        while let Some(first) = self.blocks.front()
            && next.at_least(first.start)
        {
            self.blocks.pop_front();
        }
        self.recent.retain(|seq| seq.is_after(next));
    }

    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.recent.clear();
    }

    /// The blocks to report now: a `duplicate`, then the one that changed last.
    /// With `more` acknowledgements to follow at once those tell of the latest,
    /// and this one of blocks that changed before.
    pub(crate) fn report(&self, duplicate: Option<Block>, more: usize) -> SackBlocks {
        let mut report = SackBlocks::default();
        let mut room = BLOCKS_SENT;
        if let Some(duplicate) = duplicate {
            report.push(duplicate);
            room -= 1;
        }
        let older = self.recent.len().saturating_sub(room);
        let skipped = (more * BLOCKS_SENT).min(older);
        for seq in self.recent.iter().skip(skipped).take(room) {
            if let Some(block) = self.containing(*seq) {
                report.push(block);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrived, Block};
    use crate::tcp::sequence::Seq;
    use proptest::prelude::*;

    fn block(start: u32, end: u32) -> Block {
        Block {
            start: Seq(start),
            end: Seq(end),
        }
    }

    fn report(arrived: &Arrived) -> Vec<(u32, u32)> {
        let report = arrived.report(None, 0);
        report.iter().map(|b| (b.start.0, b.end.0)).collect()
    }

    #[test]
    fn the_block_that_grew_last_comes_first() {
        let mut arrived = Arrived::default();
        arrived.insert(block(10, 20));
        arrived.insert(block(30, 40));
        arrived.insert(block(50, 60));
        assert_eq!(report(&arrived), [(50, 60), (30, 40), (10, 20)]);
        arrived.insert(block(20, 25));
        assert_eq!(report(&arrived), [(10, 25), (50, 60), (30, 40)]);
        arrived.insert(block(70, 80));
        assert_eq!(report(&arrived), [(70, 80), (10, 25), (50, 60)]);
    }

    #[test]
    fn a_block_that_joins_two_replaces_both() {
        let mut arrived = Arrived::default();
        arrived.insert(block(10, 20));
        arrived.insert(block(30, 40));
        arrived.insert(block(20, 30));
        assert_eq!(report(&arrived), [(10, 40)]);
    }

    proptest! {
        #[test]
        fn a_report_says_only_what_arrived(
            offset in any::<u32>(),
            arrivals in proptest::collection::vec((0_u32..60, 1_u32..8), 1..40),
            next in 0_u32..30,
        ) {
            let mut arrived = Arrived::default();
            let mut model = [false; 70];
            for (start, len) in arrivals {
                let at = |n: u32| Seq(offset.wrapping_add(n));
                arrived.insert(Block { start: at(start), end: at(start + len) });
                for byte in start..start + len {
                    model[byte as usize] = true;
                }
                let report = arrived.report(None, 0);
                let blocks: Vec<(u32, u32)> = report
                    .iter()
                    .map(|b| (b.start.0.wrapping_sub(offset), b.end.0.wrapping_sub(offset)))
                    .collect();
                // The latest is in the first block, and blocks are as long as can be.
                prop_assert!(blocks[0].0 <= start && start + len <= blocks[0].1);
                for (start, end) in blocks {
                    prop_assert!((start..end).all(|byte| model[byte as usize]));
                    prop_assert!(!model[end as usize]);
                    prop_assert!(start == 0 || !model[start as usize - 1]);
                }
            }
            arrived.release(Seq(offset.wrapping_add(next)));
            let report = arrived.report(None, 0);
            prop_assert!(report.iter().all(|b| b.start.0.wrapping_sub(offset) > next));
        }
    }
}
