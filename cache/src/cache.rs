//! The cache of one core: file blocks by name.

use core::ops::Range;

use mutant::Mutant;

use crate::index::{Entry, Index};
use crate::key::{BlockKey, FileId, KeyHasher};
use crate::limits::{CREDIT_PER_ALLOCATION, VICTIM_LOOK};
use crate::memory::{Arena, BlockMut, BlockRef, BlockSlice};
use crate::policy::Policy;
use crate::pool::Pool;
use crate::stats::CacheStats;

/// How a cache is to behave.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheConfig {
    /// Key of the index's hash; random where clients are not trusted.
    pub hash_seed: [u8; 16],
}

/// What a lookup found.
#[derive(Debug)]
pub struct Hit {
    /// The bytes asked for, as far as they are valid, from the first one on. Shorter
    /// than asked for if the valid bytes end before; nothing at the end of the file.
    pub slice: BlockSlice,
    /// The valid bytes of the block.
    pub valid: Range<usize>,
    /// Whether the file ends where the valid bytes end.
    pub end_of_file: bool,
}

/// The cache of one core.
///
/// A block's way: [`allocate`](Self::allocate) it, write it, freeze it,
/// [`publish`](Self::publish) it under a name with the range that is valid, find it by
/// [`lookup`](Self::lookup), until it is removed or makes room for another. Handles
/// on it may go to other threads and outlive the cache.
///
/// It holds clean data only: any block may leave at any time. What must not be lost
/// is kept by whoever holds a pin on it.
///
/// Nothing is allocated after [`new`](Self::new). `allocate`, `lookup`, `peek`,
/// `publish` and `remove` take constant amortised time.
#[derive(Debug)]
pub struct Cache {
    pool: Pool,
    index: Index,
    policy: Policy,
    block_size: usize,
    search_credit: usize,
    hits: u64,
    misses: u64,
    evictions: u64,
}

impl Cache {
    /// An empty cache with the blocks of `arena`.
    #[must_use]
    pub fn new(arena: Arena, config: CacheConfig) -> Self {
        let blocks = arena.block_count();
        let count = u32::try_from(blocks).expect("an arena bounds its blocks");
        Self {
            block_size: arena.block_size(),
            pool: Pool::new(arena),
            index: Index::new(count, KeyHasher::new(&config.hash_seed)),
            policy: Policy::new(blocks),
            search_credit: blocks,
            hits: 0,
            misses: 0,
            evictions: 0,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub fn block_size(&self) -> usize {
        self.block_size
    }

    /// Blocks of the cache.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.pool.arena().block_count()
    }

    /// Addresses that the blocks lie in.
    #[must_use]
    pub fn address_range(&self) -> Range<usize> {
        self.pool.arena().address_range()
    }

    /// A block to write, evicting one if there is no other. Its bytes are what they
    /// were: old data of any file.
    ///
    /// A victim that is pinned or on the wire is unlinked, and its memory comes back
    /// when both are done with it (invariant I12); victims that nobody reads are
    /// preferred.
    ///
    /// `None`: every block is pinned or on the wire. To learn that, all blocks have
    /// to be looked at, which a call may do only on credit that calls earn, a few
    /// blocks each: so if calls keep failing, one may overlook a block for as many
    /// calls as it takes to earn a look at all of them. A cache of up to 16 blocks
    /// never overlooks any.
    pub fn allocate(&mut self) -> Option<BlockMut> {
        self.search_credit = (self.search_credit + CREDIT_PER_ALLOCATION).min(self.block_count());
        if let Some(block) = self.pool.take() {
            return Some(block);
        }
        let arena = self.pool.arena();
        let near = self
            .policy
            .free_victim(VICTIM_LOOK, |block| arena.is_referenced(block));
        if let Some(victim) = near.or_else(|| self.search_everywhere()) {
            self.evict(victim);
        } else if self.pool.has_free() {
            // The search found one in limbo.
        } else if let Some(victim) = self.policy.next_victim() {
            // One block was asked for, so one is set aside for when it is let go.
            self.evict(victim);
        }
        self.pool.take_free()
    }

    /// Looks everywhere for a block that nobody reads, if there is credit for it: for
    /// one in limbo, which the pool then has free, or for a victim.
    fn search_everywhere(&mut self) -> Option<u32> {
        let cost = self.pool.limbo_len() + self.policy.len();
        self.search_credit = self.search_credit.checked_sub(cost)?;
        self.pool.search_limbo(usize::MAX);
        if self.pool.has_free() {
            return None;
        }
        let arena = self.pool.arena();
        self.policy
            .any_free_victim(|block| arena.is_referenced(block))
    }

    /// Finds the bytes `range` of a block; counts, and tells the policy.
    ///
    /// `None` if `range` does not start at a valid byte. At the end of the file,
    /// right after the last valid byte, the answer is an empty slice.
    ///
    /// Call it once for each block of a client's READ, after a miss as well. When the
    /// missing blocks have been filled and published, answer that READ from the
    /// handles at hand or through [`peek`](Self::peek): looking up again would count
    /// as a second use.
    pub fn lookup(&mut self, key: BlockKey, range: Range<usize>) -> Option<Hit> {
        let hash = self.index.hash(key);
        let found = self.index.find(hash, key).and_then(|block| {
            let entry = self.index.entry(block);
            let valid = self.valid(entry);
            let at_end = entry.end_of_file && range.start == valid.end;
            (valid.contains(&range.start) || at_end).then_some((block, valid, entry.end_of_file))
        });
        let Some((block, valid, end_of_file)) = found else {
            self.misses += 1;
            self.policy.missed(hash, key, range.end);
            return None;
        };
        let bytes = range.start..range.end.clamp(range.start, valid.end);
        Some(Hit {
            slice: self.hit(block, bytes),
            valid,
            end_of_file,
        })
    }

    /// As [`lookup`](Self::lookup), for whoever has no use for less than all of `range`:
    /// without it nothing is counted and nobody told, and `lookup` may still follow.
    pub fn lookup_whole(&mut self, key: BlockKey, range: Range<usize>) -> Option<BlockSlice> {
        let block = self.find_whole(key, &range)?;
        Some(self.hit(block, range))
    }

    /// Whether [`lookup_whole`](Self::lookup_whole) would find `range`. Counts nothing.
    #[must_use]
    pub fn holds(&self, key: BlockKey, range: Range<usize>) -> bool {
        self.find_whole(key, &range).is_some()
    }

    fn find_whole(&self, key: BlockKey, range: &Range<usize>) -> Option<u32> {
        let block = self.index.find(self.index.hash(key), key)?;
        let valid = self.valid(self.index.entry(block));
        (valid.start <= range.start && range.end <= valid.end).then_some(block)
    }

    /// The bytes of a block that may leave.
    #[inline]
    fn valid(&self, entry: &Entry) -> Range<usize> {
        if mutant::is_on(Mutant::ValidRangeIgnored) {
            0..self.block_size
        } else {
            entry.valid()
        }
    }

    #[inline]
    fn hit(&mut self, block: u32, bytes: Range<usize>) -> BlockSlice {
        self.hits += 1;
        self.policy.touched(block, &bytes);
        self.pool.arena().pin(block).into_slice(bytes)
    }

    /// The block under `key` with its valid range and whether the file ends there.
    /// Counts nothing and leaves the policy alone. Bytes outside of the valid range
    /// must not leave.
    #[must_use]
    pub fn peek(&self, key: BlockKey) -> Option<(BlockRef, Range<usize>, bool)> {
        let block = self.index.find(self.index.hash(key), key)?;
        let entry = self.index.entry(block);
        Some((
            self.pool.arena().pin(block),
            entry.valid(),
            entry.end_of_file,
        ))
    }

    /// Puts a block into the index; its bytes `valid` are those of the file at the
    /// same offsets from the start of the block. `end_of_file` says that the file
    /// ends at `valid.end`.
    ///
    /// An older block under the same key is unlinked. A block with nothing to show,
    /// without valid bytes and not at the end of the file, is not kept. What of
    /// `valid` is beyond the block is cut off. A block that the index holds under
    /// another key changes its name.
    ///
    /// # Panics
    /// If the block is not one of this cache's.
    pub fn publish(
        &mut self,
        key: BlockKey,
        block: BlockRef,
        valid: Range<usize>,
        end_of_file: bool,
    ) {
        let end = valid.end.min(self.block_size);
        let valid = valid.start.min(end)..end;
        let number = self
            .pool
            .arena()
            .index_of(&block)
            .expect("a block of this cache");
        if self.pool.arena().is_linked(number) {
            self.unlink(number);
        }
        let hash = self.index.hash(key);
        let old = self.index.find(hash, key);
        if valid.is_empty() && !end_of_file {
            if let Some(old) = old {
                self.unlink(old);
            }
            return;
        }
        if let Some(old) = old {
            self.index.remove(old);
            self.policy.replace(old, number);
            self.release_link(old);
        } else {
            self.policy.insert(number, hash, key);
        }
        self.pool.arena_mut().link(block);
        self.index.insert(number, hash, key, valid, end_of_file);
    }

    /// Removes one block from the index, if it is there.
    pub fn remove(&mut self, key: BlockKey) {
        if let Some(block) = self.index.find(self.index.hash(key), key) {
            self.unlink(block);
        }
    }

    /// Removes every block of the file that has a byte of `bytes`. Takes time in the
    /// blocks of the range or of the file, whichever are fewer.
    pub fn remove_range(&mut self, file: FileId, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        let block_size = self.block_size as u64;
        let blocks = bytes.start / block_size..=(bytes.end - 1) / block_size;
        let in_range = (blocks.end() - blocks.start()).saturating_add(1);
        if in_range < self.index.blocks_of(file) as u64 {
            blocks.for_each(|index| self.remove(BlockKey { file, index }));
        } else {
            self.remove_if(file, |key| blocks.contains(&key.index));
        }
    }

    /// Removes every block of the file. Takes time in the blocks of the file.
    pub fn remove_file(&mut self, file: FileId) {
        self.remove_if(file, |_| true);
    }

    /// Blocks with at least one pin: cheap, for limits that are checked often.
    #[must_use]
    pub fn pinned_blocks(&self) -> usize {
        self.pool.arena().pinned()
    }

    /// Bytes of the blocks with at least one pin: cheap.
    #[must_use]
    pub fn pinned_bytes(&self) -> usize {
        self.pinned_blocks() * self.block_size
    }

    /// Counters and the whereabouts of all blocks. Looks at every block: for metrics
    /// and tests, not for the data path.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let mut stats = CacheStats {
            hits: self.hits,
            misses: self.misses,
            evictions: self.evictions,
            pinned_blocks: self.pinned_blocks(),
            pinned_bytes: self.pinned_bytes(),
            ..CacheStats::default()
        };
        for (state, wire_references) in self.pool.arena().census() {
            stats.count(state, wire_references);
        }
        stats
    }

    fn remove_if(&mut self, file: FileId, is_meant: impl Fn(BlockKey) -> bool) {
        let mut next = self.index.first_of(file);
        while let Some(block) = next {
            next = self.index.next_of(block);
            if is_meant(self.index.entry(block).key) {
                self.unlink(block);
            }
        }
    }

    /// Takes a block out of the index to make room.
    fn evict(&mut self, block: u32) {
        let key = self.index.entry(block).key;
        self.policy.evict(block, self.index.hash(key), key);
        self.index.remove(block);
        self.evictions += 1;
        self.release_link(block);
    }

    /// Takes a block out of the index because it holds what is no longer so.
    fn unlink(&mut self, block: u32) {
        self.policy.remove(block);
        self.index.remove(block);
        self.release_link(block);
    }

    /// Ends the index's hold on a block.
    fn release_link(&mut self, block: u32) {
        if self.pool.arena_mut().unlink(block) {
            self.pool.give_back(block);
        }
    }
}
