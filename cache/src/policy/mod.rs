//! Which block goes when room is needed: S3-FIFO, fitted to NFS.
//!
//! A block starts on *probation*, a FIFO queue. At its end a block that was used
//! again goes to the *main* queue and any other leaves, its name kept by the
//! *ghost*; a block that comes back while its name is there starts in the main
//! queue. At the end of the main queue a block that was used since it came round
//! goes round again. So a scan passes through probation and leaves the main queue
//! alone, and no operation does more than move a block from one end to another.
//! (Yang and others, "FIFO queues are all you need for cache eviction", SOSP 2023.)
//!
//! Two things differ from the paper.
//!
//! *Probation is half of the cache*, not a tenth. NFS clients read whole files, and
//! the second read of a file is the first sign that it will be read again. The sign
//! is seen only if the file's first block is still there when it is read again, so
//! probation must be as long as a file, and with half of the cache every file of up
//! to half of the cache is. While probation is not over its share it is the main
//! queue that gives way, however hot its blocks once were. The ghost is as long, so
//! that the sign is recognised, though not as a hit, for files of up to the whole.
//!
//! *A pass is one use.* A client whose READs are smaller than a block reads it in a
//! row of them; by the paper's count a block read once would have been used sixteen
//! times. So a read counts only if it starts before the end of the one before it in
//! the same block. The read that missed, and for which the block was filled, is the
//! one before the first ([`Passes`]).

mod ghost;
mod passes;

use core::ops::Range;

use crate::key::BlockKey;
use crate::limits::MAX_USES;
use crate::list::{Links, List};
use ghost::Ghost;
use passes::Passes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Probation,
    Main,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    queue: Queue,
    uses: u8,
    /// Where in the block the last read of it ended.
    last_end: u32,
}

/// The standing of all blocks in the index.
#[derive(Debug)]
pub(crate) struct Policy {
    standings: Box<[Standing]>,
    links: Links,
    probation: List,
    main: List,
    /// Blocks that probation may keep while others need room.
    probation_share: usize,
    ghost: Ghost,
    passes: Passes,
}

impl Policy {
    pub(crate) fn new(blocks: usize) -> Self {
        let probation_share = (blocks / 2).max(1);
        let start = Standing {
            queue: Queue::Probation,
            uses: 0,
            last_end: 0,
        };
        Self {
            standings: vec![start; blocks].into_boxed_slice(),
            links: Links::new(blocks),
            probation: List::new(),
            main: List::new(),
            probation_share,
            ghost: Ghost::new(probation_share),
            passes: Passes::new(blocks),
        }
    }

    /// Blocks that the policy knows.
    pub(crate) fn len(&self) -> usize {
        self.probation.len() + self.main.len()
    }

    /// A read of `key` up to `end` in the block did not find it.
    pub(crate) fn missed(&mut self, hash: u64, key: BlockKey, end: usize) {
        self.passes
            .missed(hash, key, u32::try_from(end).unwrap_or(u32::MAX));
    }

    /// A read found the block.
    pub(crate) fn touched(&mut self, block: u32, range: &Range<usize>) {
        let standing = &mut self.standings[block as usize];
        if range.start < standing.last_end as usize {
            standing.uses = (standing.uses + 1).min(MAX_USES);
        }
        standing.last_end = u32::try_from(range.end).unwrap_or(u32::MAX);
    }

    /// A block enters the index.
    pub(crate) fn insert(&mut self, block: u32, hash: u64, key: BlockKey) {
        let queue = if self.ghost.take(hash, key) {
            Queue::Main
        } else {
            Queue::Probation
        };
        let last_end = self.passes.take(hash, key);
        self.standings[block as usize] = Standing {
            queue,
            uses: 0,
            last_end,
        };
        self.push(queue, block);
    }

    /// The block `new` holds from now on what `old` held: a newer version of it, as
    /// old and as used as the one before, and `old` leaves.
    pub(crate) fn replace(&mut self, old: u32, new: u32) {
        let standing = self.standings[old as usize];
        self.standings[new as usize] = standing;
        let list = match standing.queue {
            Queue::Probation => &mut self.probation,
            Queue::Main => &mut self.main,
        };
        self.links.replace(list, old, new);
    }

    /// A block leaves the index because what it holds is no longer so.
    pub(crate) fn remove(&mut self, block: u32) {
        match self.standings[block as usize].queue {
            Queue::Probation => self.links.remove(&mut self.probation, block),
            Queue::Main => self.links.remove(&mut self.main, block),
        }
    }

    /// A block leaves the index to make room.
    pub(crate) fn evict(&mut self, block: u32, hash: u64, key: BlockKey) {
        self.remove(block);
        if self.standings[block as usize].queue == Queue::Probation {
            self.ghost.insert(hash, key);
        }
    }

    /// The block that is to go next, referenced or not.
    pub(crate) fn next_victim(&mut self) -> Option<u32> {
        match self.settle() {
            Queue::Probation => self.probation.back(),
            Queue::Main => self.main.back(),
        }
    }

    /// The next unused block to go that nobody reads, looking at no more than `look`
    /// blocks of each queue.
    pub(crate) fn free_victim(
        &mut self,
        look: usize,
        is_referenced: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let (first, second) = match self.settle() {
            Queue::Probation => (&self.probation, &self.main),
            Queue::Main => (&self.main, &self.probation),
        };
        let is_victim =
            |&block: &u32| self.standings[block as usize].uses == 0 && !is_referenced(block);
        [first, second]
            .into_iter()
            .find_map(|queue| self.last_to_first(queue).take(look).find(is_victim))
    }

    /// Any block that nobody reads, used or not: looks at all of them.
    pub(crate) fn any_free_victim(&mut self, is_referenced: impl Fn(u32) -> bool) -> Option<u32> {
        let unused = self.free_victim(usize::MAX, &is_referenced);
        let mut all = self
            .last_to_first(&self.probation)
            .chain(self.last_to_first(&self.main));
        unused.or_else(|| all.find(|&block| !is_referenced(block)))
    }

    /// Moves blocks that have earned it away from the end of the queue that has to
    /// give way, and says which queue that is.
    ///
    /// Each step is paid for: a promotion by the block's insertion, a lap of the main
    /// queue by the use it takes off.
    fn settle(&mut self) -> Queue {
        loop {
            let queue = if self.probation.len() >= self.probation_share || self.main.is_empty() {
                Queue::Probation
            } else {
                Queue::Main
            };
            let last = match queue {
                Queue::Probation => self.probation.back(),
                Queue::Main => self.main.back(),
            };
            let Some(block) = last else { return queue };
            let uses = self.standings[block as usize].uses;
            if uses == 0 {
                return queue;
            }
            self.remove(block);
            let standing = &mut self.standings[block as usize];
            // The use that a promotion was for is spent with it, like that of a lap.
            standing.uses = if queue == Queue::Probation {
                0
            } else {
                uses - 1
            };
            standing.queue = Queue::Main;
            self.push(Queue::Main, block);
        }
    }

    fn last_to_first(&self, queue: &List) -> impl Iterator<Item = u32> {
        core::iter::successors(queue.back(), |&block| self.links.previous(block))
    }

    fn push(&mut self, queue: Queue, block: u32) {
        match queue {
            Queue::Probation => self.links.push_front(&mut self.probation, block),
            Queue::Main => self.links.push_front(&mut self.main, block),
        }
    }
}
