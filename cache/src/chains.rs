//! A hash table of numbered items, chained through a fixed table.

/// No item.
const NONE: u32 = u32::MAX;

/// Chains of items `0..count` by hash. It knows hashes only; what an item is called
/// is the user's to compare. Nothing is allocated after `new`.
#[derive(Debug)]
pub(crate) struct Chains {
    buckets: Box<[u32]>,
    next: Box<[u32]>,
}

impl Chains {
    /// A table for `count` items, at most half full: chains are short.
    pub(crate) fn new(count: usize) -> Self {
        let buckets = (count * 2).next_power_of_two();
        Self {
            buckets: vec![NONE; buckets].into_boxed_slice(),
            next: vec![NONE; count].into_boxed_slice(),
        }
    }

    /// The item with this hash for which `is_it` says so.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut item = self.buckets[self.bucket(hash)];
        while item != NONE {
            if is_it(item) {
                return Some(item);
            }
            item = self.next[item as usize];
        }
        None
    }

    /// Adds `item`, which is in no chain.
    pub(crate) fn insert(&mut self, hash: u64, item: u32) {
        let bucket = self.bucket(hash);
        self.next[item as usize] = self.buckets[bucket];
        self.buckets[bucket] = item;
    }

    /// Removes `item`, which was added with this hash.
    ///
    /// # Panics
    /// If it is not there.
    pub(crate) fn remove(&mut self, hash: u64, item: u32) {
        let bucket = self.bucket(hash);
        let after = self.next[item as usize];
        let mut at = self.buckets[bucket];
        if at == item {
            self.buckets[bucket] = after;
            return;
        }
        while self.next[at as usize] != item {
            at = self.next[at as usize];
        }
        self.next[at as usize] = after;
    }

    fn bucket(&self, hash: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let hash = hash as usize;
        hash & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_one_bucket_are_told_apart() {
        let mut chains = Chains::new(4);
        for item in 0..4 {
            chains.insert(7, item);
        }
        for gone in [1, 3, 0, 2] {
            assert_eq!(chains.find(7, |item| item == gone), Some(gone));
            chains.remove(7, gone);
            assert_eq!(chains.find(7, |item| item == gone), None);
        }
        assert_eq!(chains.find(7, |_| true), None);
    }
}
