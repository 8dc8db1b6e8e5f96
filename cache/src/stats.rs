//! What a cache has done and where its blocks are.

use crate::state::BlockState;

/// Counters since the start, and the whereabouts of all blocks.
///
/// `blocks_free + blocks_private + blocks_cached + blocks_limbo == blocks`, unless
/// another thread lets go of a block while they are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Lookups that found what they asked for.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Blocks that left the index to make room, referenced or not.
    pub evictions: u64,
    /// All blocks.
    pub blocks: usize,
    /// Blocks that could be handed out at once.
    pub blocks_free: usize,
    /// Blocks in somebody's hand that never were in the index, or are being written.
    pub blocks_private: usize,
    /// Blocks in the index.
    pub blocks_cached: usize,
    /// Blocks that are out of the index and wait for their last pin or for the wire.
    pub blocks_limbo: usize,
    /// Blocks with at least one pin.
    pub pinned_blocks: usize,
    /// Bytes of the blocks with at least one pin.
    pub pinned_bytes: usize,
    /// References that the wire has, of all blocks.
    pub wire_references: u64,
}

impl CacheStats {
    /// Counts one block.
    pub(crate) fn count(&mut self, state: BlockState, wire_references: u32) {
        self.blocks += 1;
        self.wire_references += u64::from(wire_references);
        let place = match state {
            BlockState::Free => &mut self.blocks_free,
            BlockState::Filling | BlockState::Private => &mut self.blocks_private,
            BlockState::Cached => &mut self.blocks_cached,
            BlockState::Unlinked => &mut self.blocks_limbo,
            // On its way back: nothing but the wire can still keep it.
            BlockState::Returned | BlockState::Draining if wire_references == 0 => {
                &mut self.blocks_free
            }
            BlockState::Returned | BlockState::Draining => &mut self.blocks_limbo,
        };
        *place += 1;
    }
}
