//! A map of fixed capacity that forgets what was not used lately (second chance, "CLOCK").

use std::collections::HashMap;
use std::hash::Hash;

use crate::hash::SeededHash;

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    used: bool,
}

/// At most `capacity` entries; a new one takes the place of one that was not used since the hand passed.
#[derive(Debug)]
pub(crate) struct ClockTable<K, V> {
    index: HashMap<K, u32, SeededHash>,
    entries: Vec<Option<Entry<K, V>>>,
    vacant: Vec<u32>,
    hand: usize,
    capacity: usize,
}

impl<K: Copy + Eq + Hash, V> ClockTable<K, V> {
    pub(crate) fn new(capacity: usize, hash: SeededHash) -> Self {
        Self {
            index: HashMap::with_capacity_and_hasher(capacity, hash),
            entries: Vec::with_capacity(capacity),
            vacant: Vec::new(),
            hand: 0,
            capacity,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Where `key` is; counts as a use.
    pub(crate) fn find(&mut self, key: &K) -> Option<u32> {
        let slot = *self.index.get(key)?;
        self.entries.get_mut(slot as usize)?.as_mut()?.used = true;
        Some(slot)
    }

    pub(crate) fn at(&self, slot: u32) -> Option<&V> {
        Some(&self.entries.get(slot as usize)?.as_ref()?.value)
    }

    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut V> {
        Some(&mut self.entries.get_mut(slot as usize)?.as_mut()?.value)
    }

    /// Enters `value` under a `key` that is not there yet. Returns its place and what had to go for it,
    /// or `None` when nothing may go.
    pub(crate) fn insert(
        &mut self,
        key: K,
        value: V,
        may_go: impl Fn(&V) -> bool,
    ) -> Option<(u32, Option<V>)> {
        let (slot, evicted) = match self.vacant.pop() {
            Some(slot) => (slot, None),
            None if self.entries.len() < self.capacity => {
                self.entries.push(None);
                (u32::try_from(self.entries.len() - 1).ok()?, None)
            }
            None => {
                let slot = self.victim(may_go)?;
                let evicted = self.entries.get_mut(slot as usize)?.take()?;
                self.index.remove(&evicted.key);
                (slot, Some(evicted.value))
            }
        };
        *self.entries.get_mut(slot as usize)? = Some(Entry {
            key,
            value,
            used: false,
        });
        self.index.insert(key, slot);
        Some((slot, evicted))
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let slot = self.index.remove(key)?;
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.vacant.push(slot);
        Some(entry.value)
    }

    fn victim(&mut self, may_go: impl Fn(&V) -> bool) -> Option<u32> {
        // Twice round: the first pass may only take second chances away.
        for _ in 0..2 * self.entries.len() {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            let Some(entry) = self.entries.get_mut(slot)?.as_mut() else {
                continue;
            };
            if !may_go(&entry.value) {
                continue;
            }
            if !entry.used {
                return u32::try_from(slot).ok();
            }
            entry.used = false;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(capacity: usize) -> ClockTable<u32, char> {
        ClockTable::new(capacity, SeededHash::new(&[3; 16]))
    }

    #[test]
    fn what_was_used_stays() {
        let mut table = table(2);
        table.insert(1, 'a', |_| true);
        table.insert(2, 'b', |_| true);
        assert!(table.find(&1).is_some());
        let (_, evicted) = table.insert(3, 'c', |_| true).expect("room is made");
        assert_eq!(evicted, Some('b'));
        assert!(table.find(&2).is_none());
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn what_may_not_go_stays_whatever_comes() {
        let mut table = table(2);
        table.insert(1, 'a', |_| true);
        table.insert(2, 'b', |_| true);
        assert!(table.insert(3, 'c', |_| false).is_none());
        let (slot, evicted) = table.insert(3, 'c', |value| *value == 'a').expect("room");
        assert_eq!((table.at(slot), evicted), (Some(&'c'), Some('a')));
    }

    #[test]
    fn removed_places_are_used_again() {
        let mut table = table(1);
        for key in 0..5 {
            assert!(table.insert(key, 'x', |_| false).is_some());
            assert_eq!(table.remove(&key), Some('x'));
        }
        assert_eq!(table.len(), 0);
    }
}
