//! Blocks that the index does not hold, and how they come back.
//!
//! A block whose last pin goes says so itself. The wire does not: its release is one
//! subtraction (invariant I2). So blocks without pins that the wire still reads wait
//! in *limbo*, in the order in which they came, and are looked at again.

use crate::limits::LIMBO_LOOK;
use crate::list::{Links, List};
use crate::memory::{Arena, BlockMut};

/// The arena with its free blocks and those in limbo.
#[derive(Debug)]
pub(crate) struct Pool {
    arena: Arena,
    links: Links,
    free: List,
    limbo: List,
}

impl Pool {
    pub(crate) fn new(arena: Arena) -> Self {
        let count = arena.block_count();
        let mut links = Links::new(count);
        let mut free = List::new();
        for block in (0..count).filter_map(|block| u32::try_from(block).ok()) {
            links.push_back(&mut free, block);
        }
        Self {
            arena,
            links,
            free,
            limbo: List::new(),
        }
    }

    pub(crate) fn arena(&self) -> &Arena {
        &self.arena
    }

    pub(crate) fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// Blocks in limbo.
    pub(crate) fn limbo_len(&self) -> usize {
        self.limbo.len()
    }

    /// Whether a block is known to be free.
    pub(crate) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// Whether more than `reserve` blocks are free, those that came back included; looks
    /// at a few blocks in limbo if not.
    pub(crate) fn has_more_than(&mut self, reserve: usize) -> bool {
        self.collect();
        for _ in 0..LIMBO_LOOK {
            if self.free.len() > reserve {
                break;
            }
            let Some(block) = self.links.pop_front(&mut self.limbo) else {
                break;
            };
            self.give_back(block);
        }
        self.free.len() > reserve
    }

    fn collect(&mut self) {
        let Self {
            arena,
            links,
            free,
            limbo,
        } = self;
        arena.collect_returned(|arena, block| keep(arena, links, free, limbo, block));
    }

    /// A free block, of those that came back too; looks at a few blocks in limbo if
    /// there is no other.
    pub(crate) fn take(&mut self) -> Option<BlockMut> {
        self.collect();
        if self.free.is_empty() {
            self.search_limbo(LIMBO_LOOK);
        }
        self.take_free()
    }

    /// A block that is known to be free.
    pub(crate) fn take_free(&mut self) -> Option<BlockMut> {
        let block = self.links.pop_front(&mut self.free)?;
        Some(self.arena.claim(block))
    }

    /// Takes a block that has neither pin nor link any more.
    pub(crate) fn give_back(&mut self, block: u32) {
        keep(
            &mut self.arena,
            &mut self.links,
            &mut self.free,
            &mut self.limbo,
            block,
        );
    }

    /// Looks at up to `look` blocks in limbo for one that the wire has let go of.
    pub(crate) fn search_limbo(&mut self, look: usize) {
        for _ in 0..look.min(self.limbo.len()) {
            let Some(block) = self.links.pop_front(&mut self.limbo) else {
                return;
            };
            self.give_back(block);
            if !self.free.is_empty() {
                return;
            }
        }
    }
}

/// Puts a block where it belongs: free ones first, as the last used are the likely
/// ones to be in a CPU cache; those on the wire to the end of limbo.
fn keep(arena: &mut Arena, links: &mut Links, free: &mut List, limbo: &mut List, block: u32) {
    if arena.reclaim(block) {
        links.push_front(free, block);
    } else {
        links.push_back(limbo, block);
    }
}
