//! Reads that missed, so that the read after the fill is known for what it is.

use crate::key::{BlockKey, FileId};

/// For each of the last keys that missed, where that read ended. A fill takes it
/// over as the end of the block's first access. A table addressed by hash: a
/// collision only makes a first access forgotten.
#[derive(Debug)]
pub(super) struct Passes(Box<[(BlockKey, u32)]>);

impl Passes {
    /// Room for `count` misses: one for each block that can be filled at a time.
    pub(super) fn new(count: usize) -> Self {
        let vacant = (
            BlockKey {
                file: FileId(0),
                index: 0,
            },
            0,
        );
        Self(vec![vacant; count.next_power_of_two()].into_boxed_slice())
    }

    /// Notes that a read of `key` up to `end` missed.
    pub(super) fn missed(&mut self, hash: u64, key: BlockKey, end: u32) {
        self.0[self.slot(hash)] = (key, end);
    }

    /// Where the read of `key` that missed ended; zero if there was none.
    pub(super) fn take(&mut self, hash: u64, key: BlockKey) -> u32 {
        let slot = self.slot(hash);
        let (known, end) = self.0[slot];
        if known != key {
            return 0;
        }
        self.0[slot].1 = 0;
        end
    }

    fn slot(&self, hash: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let hash = hash as usize;
        hash & (self.0.len() - 1)
    }
}
