//! Which blocks a file has in the index.

use crate::chains::Chains;
use crate::key::FileId;
use crate::list::{Links, List};

#[derive(Debug)]
struct File {
    id: FileId,
    blocks: List,
}

/// The files that have blocks in the index, each with a list of them. A file is
/// there exactly while it has a block, so there are at most as many as blocks.
#[derive(Debug)]
pub(super) struct Files {
    files: Box<[File]>,
    chains: Chains,
    vacant: Vec<u32>,
    links: Links,
}

impl Files {
    pub(super) fn new(blocks: u32) -> Self {
        let count = blocks as usize;
        Self {
            files: (0..count)
                .map(|_| File {
                    id: FileId(0),
                    blocks: List::new(),
                })
                .collect(),
            chains: Chains::new(count),
            vacant: (0..blocks).rev().collect(),
            links: Links::new(count),
        }
    }

    /// The slot of a file, if it has blocks.
    pub(super) fn find(&self, hash: u64, id: FileId) -> Option<u32> {
        self.chains
            .find(hash, |slot| self.files[slot as usize].id == id)
    }

    /// Blocks of the file in `slot`.
    pub(super) fn len(&self, slot: u32) -> usize {
        self.files[slot as usize].blocks.len()
    }

    /// First block of the file in `slot`.
    pub(super) fn first(&self, slot: u32) -> Option<u32> {
        self.files[slot as usize].blocks.front()
    }

    /// The block of the same file after `block`.
    pub(super) fn next(&self, block: u32) -> Option<u32> {
        self.links.next(block)
    }

    /// Adds a block to a file, and gives the file's slot.
    pub(super) fn add(&mut self, hash: u64, id: FileId, block: u32) -> u32 {
        let slot = self.find(hash, id).unwrap_or_else(|| {
            let slot = self.vacant.pop().expect("a slot for every block's file");
            self.files[slot as usize].id = id;
            self.chains.insert(hash, slot);
            slot
        });
        self.links
            .push_front(&mut self.files[slot as usize].blocks, block);
        slot
    }

    /// Takes a block from the file in `slot`.
    pub(super) fn remove(&mut self, hash: u64, slot: u32, block: u32) {
        let file = &mut self.files[slot as usize];
        self.links.remove(&mut file.blocks, block);
        if file.blocks.is_empty() {
            self.chains.remove(hash, slot);
            self.vacant.push(slot);
        }
    }
}
