//! Names of blocks that went before they were used again.

use crate::chains::Chains;
use crate::key::{BlockKey, FileId};

#[derive(Debug, Clone, Copy)]
struct Name {
    key: BlockKey,
    hash: u64,
    present: bool,
}

/// The last names evicted from probation, oldest overwritten first.
#[derive(Debug)]
pub(super) struct Ghost {
    names: Box<[Name]>,
    chains: Chains,
    oldest: u32,
}

impl Ghost {
    pub(super) fn new(count: usize) -> Self {
        let vacant = Name {
            key: BlockKey {
                file: FileId(0),
                index: 0,
            },
            hash: 0,
            present: false,
        };
        Self {
            names: vec![vacant; count].into_boxed_slice(),
            chains: Chains::new(count),
            oldest: 0,
        }
    }

    /// Remembers a name that is not there.
    pub(super) fn insert(&mut self, hash: u64, key: BlockKey) {
        let slot = self.oldest;
        let name = &mut self.names[slot as usize];
        if name.present {
            self.chains.remove(name.hash, slot);
        }
        *name = Name {
            key,
            hash,
            present: true,
        };
        self.chains.insert(hash, slot);
        self.oldest = if slot as usize + 1 == self.names.len() {
            0
        } else {
            slot + 1
        };
    }

    /// Forgets a name; `true` if it was there.
    pub(super) fn take(&mut self, hash: u64, key: BlockKey) -> bool {
        let Some(slot) = self
            .chains
            .find(hash, |slot| self.names[slot as usize].key == key)
        else {
            return false;
        };
        self.chains.remove(hash, slot);
        self.names[slot as usize].present = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u64) -> BlockKey {
        BlockKey {
            file: FileId(1),
            index,
        }
    }

    #[test]
    fn the_oldest_names_are_forgotten_first() {
        let mut ghost = Ghost::new(3);
        (0..5).for_each(|index| ghost.insert(index, key(index)));
        let known: Vec<bool> = (0..5).map(|index| ghost.take(index, key(index))).collect();
        assert_eq!(known, [false, false, true, true, true]);
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut ghost = Ghost::new(2);
        ghost.insert(1, key(1));
        assert!(ghost.take(1, key(1)));
        assert!(!ghost.take(1, key(1)));
        ghost.insert(1, key(1));
        ghost.insert(2, key(2));
        assert!(ghost.take(1, key(1)));
    }
}
