//! What each block holds, found by name and by file.

mod files;

use core::ops::Range;

use crate::chains::Chains;
use crate::key::{BlockKey, FileId, KeyHasher};
use files::Files;

/// What a linked block holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: BlockKey,
    valid_start: u32,
    valid_end: u32,
    pub(crate) end_of_file: bool,
    /// Slot of the file in the file table.
    file: u32,
}

impl Entry {
    /// The bytes of the block that are the file's.
    pub(crate) fn valid(&self) -> Range<usize> {
        self.valid_start as usize..self.valid_end as usize
    }
}

/// The index of an arena's blocks: one entry for each block, whether linked or not.
#[derive(Debug)]
pub(crate) struct Index {
    hasher: KeyHasher,
    entries: Box<[Entry]>,
    chains: Chains,
    files: Files,
}

impl Index {
    pub(crate) fn new(blocks: u32, hasher: KeyHasher) -> Self {
        let vacant = Entry {
            key: BlockKey {
                file: FileId(0),
                index: 0,
            },
            valid_start: 0,
            valid_end: 0,
            end_of_file: false,
            file: 0,
        };
        Self {
            hasher,
            entries: vec![vacant; blocks as usize].into_boxed_slice(),
            chains: Chains::new(blocks as usize),
            files: Files::new(blocks),
        }
    }

    /// The hash under which `key` is known.
    pub(crate) fn hash(&self, key: BlockKey) -> u64 {
        self.hasher.block(key)
    }

    /// The block that holds `key`.
    pub(crate) fn find(&self, hash: u64, key: BlockKey) -> Option<u32> {
        self.chains
            .find(hash, |block| self.entries[block as usize].key == key)
    }

    /// What a linked block holds.
    pub(crate) fn entry(&self, block: u32) -> &Entry {
        &self.entries[block as usize]
    }

    /// Adds a block that is not in the index under a key that is not either. `valid`
    /// lies within the block.
    pub(crate) fn insert(
        &mut self,
        block: u32,
        hash: u64,
        key: BlockKey,
        valid: Range<usize>,
        end_of_file: bool,
    ) {
        let file = self.files.add(self.hasher.file(key.file), key.file, block);
        // A block has at most 1 MiB.
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the block size")]
        let (valid_start, valid_end) = (valid.start as u32, valid.end as u32);
        self.entries[block as usize] = Entry {
            key,
            valid_start,
            valid_end,
            end_of_file,
            file,
        };
        self.chains.insert(hash, block);
    }

    /// Removes a block that is in the index.
    pub(crate) fn remove(&mut self, block: u32) {
        let Entry { key, file, .. } = self.entries[block as usize];
        self.chains.remove(self.hasher.block(key), block);
        self.files.remove(self.hasher.file(key.file), file, block);
    }

    /// Blocks that `file` has in the index.
    pub(crate) fn blocks_of(&self, file: FileId) -> usize {
        self.files
            .find(self.hasher.file(file), file)
            .map_or(0, |slot| self.files.len(slot))
    }

    /// First block of `file`.
    pub(crate) fn first_of(&self, file: FileId) -> Option<u32> {
        self.files
            .first(self.files.find(self.hasher.file(file), file)?)
    }

    /// The next block of the same file; read it before removing `block`.
    pub(crate) fn next_of(&self, block: u32) -> Option<u32> {
        self.files.next(block)
    }
}
