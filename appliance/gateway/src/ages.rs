//! The slots of a table by age: of all owners together and of each owner, the oldest first.

use core::time::Duration;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use crate::hash::SeededHash;

const NONE: u32 = u32::MAX;

/// Which of the two lists that a slot is in.
#[derive(Clone, Copy)]
enum Of {
    All = 0,
    Owner = 1,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    oldest: u32,
    newest: u32,
}

impl Ends {
    const EMPTY: Self = Self {
        oldest: NONE,
        newest: NONE,
    };
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    owner: Ipv4Addr,
    is_aged: bool,
    links: [Link; 2],
}

#[derive(Clone, Copy, Debug)]
struct Owner {
    slots: usize,
    aged: Ends,
    /// Until when it could not come for what it has here.
    kept_waiting: Duration,
}

/// Slots are entered with their owner, and age from when they are done with.
#[derive(Debug)]
pub(crate) struct Ages {
    slots: Vec<Slot>,
    all: Ends,
    owners: HashMap<Ipv4Addr, Owner, SeededHash>,
}

impl Ages {
    /// For slots below `capacity`.
    pub(crate) fn new(capacity: usize, hash: SeededHash) -> Self {
        Self {
            slots: Vec::with_capacity(capacity),
            all: Ends::EMPTY,
            owners: HashMap::with_capacity_and_hasher(capacity, hash),
        }
    }

    /// Owners with slots.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }

    /// Slots of an owner.
    pub(crate) fn slots_of(&self, owner: Ipv4Addr) -> usize {
        self.owners.get(&owner).map_or(0, |owner| owner.slots)
    }

    /// A slot is in use; slots are used in order at first.
    pub(crate) fn enter(&mut self, slot: u32, owner: Ipv4Addr) {
        let nowhere = Link {
            older: NONE,
            newer: NONE,
        };
        let entered = Slot {
            owner,
            is_aged: false,
            links: [nowhere; 2],
        };
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = entered,
            None => self.slots.push(entered),
        }
        let nothing = Owner {
            slots: 0,
            aged: Ends::EMPTY,
            kept_waiting: Duration::ZERO,
        };
        self.owners.entry(owner).or_insert(nothing).slots += 1;
    }

    /// The owner is kept waiting: what it has grows no older than this.
    pub(crate) fn keep(&mut self, owner: Ipv4Addr, now: Duration) {
        if let Some(owner) = self.owners.get_mut(&owner) {
            owner.kept_waiting = now;
        }
    }

    /// Until when an owner was kept waiting.
    pub(crate) fn kept_until(&self, owner: Ipv4Addr) -> Duration {
        let owner = self.owners.get(&owner);
        owner.map_or(Duration::ZERO, |owner| owner.kept_waiting)
    }

    /// From now on the slot is older than those that come after.
    pub(crate) fn begin_to_age(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        place.is_aged = true;
        if let Some(owner) = self.owners.get_mut(&place.owner) {
            append(&mut self.slots, &mut owner.aged, Of::Owner, slot);
        }
        append(&mut self.slots, &mut self.all, Of::All, slot);
    }

    /// A slot is in use no more.
    pub(crate) fn leave(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let address = place.owner;
        let was_aged = std::mem::replace(&mut place.is_aged, false);
        if was_aged {
            unlink(&mut self.slots, &mut self.all, Of::All, slot);
        }
        let Some(owner) = self.owners.get_mut(&address) else {
            return;
        };
        if was_aged {
            unlink(&mut self.slots, &mut owner.aged, Of::Owner, slot);
        }
        owner.slots -= 1;
        if owner.slots == 0 {
            self.owners.remove(&address);
        }
    }

    /// Aged slots with their owners, the oldest first.
    pub(crate) fn oldest(&self) -> impl Iterator<Item = (u32, Ipv4Addr)> {
        let at = |slot: u32| self.slots.get(slot as usize).map(|place| (slot, place));
        let first = at(self.all.oldest);
        let chain = std::iter::successors(first, move |(_, place)| at(place.links.first()?.newer));
        chain.map(|(slot, place)| (slot, place.owner))
    }

    /// The oldest aged slot of all.
    pub(crate) fn oldest_of_all(&self) -> Option<u32> {
        (self.all.oldest != NONE).then_some(self.all.oldest)
    }

    /// The oldest aged slot of an owner.
    pub(crate) fn oldest_of(&self, owner: Ipv4Addr) -> Option<u32> {
        let oldest = self.owners.get(&owner)?.aged.oldest;
        (oldest != NONE).then_some(oldest)
    }
}

fn link(slots: &mut [Slot], of: Of, slot: u32) -> Option<&mut Link> {
    slots.get_mut(slot as usize)?.links.get_mut(of as usize)
}

fn append(slots: &mut [Slot], ends: &mut Ends, of: Of, slot: u32) {
    let older = std::mem::replace(&mut ends.newest, slot);
    if let Some(link) = link(slots, of, slot) {
        *link = Link { older, newer: NONE };
    }
    match link(slots, of, older) {
        Some(link) => link.newer = slot,
        None => ends.oldest = slot,
    }
}

fn unlink(slots: &mut [Slot], ends: &mut Ends, of: Of, slot: u32) {
    let Some(&mut Link { older, newer }) = link(slots, of, slot) else {
        return;
    };
    match link(slots, of, older) {
        Some(link) => link.newer = newer,
        None => ends.oldest = newer,
    }
    match link(slots, of, newer) {
        Some(link) => link.older = older,
        None => ends.newest = older,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_and_of_each() {
        let [a, b] = [1, 2].map(|host| Ipv4Addr::new(10, 0, 0, host));
        let mut ages = Ages::new(4, SeededHash::new(&[1; 16]));
        for (slot, owner) in [(0, a), (1, a), (2, b), (3, a)] {
            ages.enter(slot, owner);
        }
        assert_eq!((ages.owners(), ages.slots_of(a)), (2, 3));
        assert_eq!(ages.oldest_of(a), None, "nothing has begun to age");
        for slot in [1, 2, 0, 3] {
            ages.begin_to_age(slot);
        }
        let order = |ages: &Ages| ages.oldest().map(|(slot, _)| slot).collect::<Vec<_>>();
        assert_eq!(order(&ages), [1, 2, 0, 3]);
        assert_eq!((ages.oldest_of(a), ages.oldest_of(b)), (Some(1), Some(2)));
        ages.leave(0);
        ages.leave(1);
        assert_eq!(order(&ages), [2, 3]);
        assert_eq!(ages.oldest_of(a), Some(3));
        ages.leave(2);
        assert_eq!((ages.owners(), ages.slots_of(b)), (1, 0));
        ages.enter(2, b);
        ages.leave(2);
        assert_eq!(order(&ages), [3]);
        ages.leave(3);
        assert_eq!(order(&ages), [0; 0]);
        ages.enter(1, b);
        ages.begin_to_age(1);
        assert_eq!(order(&ages), [1]);
    }
}
