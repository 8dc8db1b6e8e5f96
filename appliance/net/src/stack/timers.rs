//! One deadline per slot: a binary heap that knows where each slot stands, with
//! all memory allocated at start. Arming is O(log n), and free when the deadline
//! only moves later, as it does with every acknowledgement: such a timer fires
//! early once, and is armed anew by its owner.

use core::time::Duration;

const NOWHERE: u32 = u32::MAX;

pub(super) struct Timers {
    heap: Vec<(Duration, u32)>,
    /// Where in the heap a slot's deadline stands.
    places: Box<[u32]>,
}

impl Timers {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            heap: Vec::with_capacity(capacity),
            places: vec![NOWHERE; capacity].into_boxed_slice(),
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.first().map(|(deadline, _)| *deadline)
    }

    /// Makes sure that `slot` comes up at `deadline` or before.
    pub(super) fn arm(&mut self, slot: u32, deadline: Duration) {
        let Some(&place) = self.places.get(slot as usize) else {
            return;
        };
        if place == NOWHERE {
            self.heap.push((deadline, slot));
            self.rise(self.heap.len() - 1);
        } else if let Some(entry) = self.heap.get_mut(place as usize)
            && deadline < entry.0
        {
            entry.0 = deadline;
            self.rise(place as usize);
        }
    }

    /// Takes one slot whose deadline has passed.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<u32> {
        let &(deadline, slot) = self.heap.first()?;
        if deadline > now {
            return None;
        }
        let last = self.heap.pop()?;
        self.set_place(slot, None);
        if let Some(first) = self.heap.first_mut() {
            *first = last;
            self.sink(0);
        }
        Some(slot)
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 && self.is_before(at, (at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            self.note(at);
            at = (at - 1) / 2;
        }
        self.note(at);
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            let right = left + 1;
            let child = if self.is_before(right, left) {
                right
            } else {
                left
            };
            if !self.is_before(child, at) {
                break;
            }
            self.heap.swap(at, child);
            self.note(at);
            at = child;
        }
        self.note(at);
    }

    /// Whether both exist and the first is earlier.
    fn is_before(&self, first: usize, second: usize) -> bool {
        match (self.heap.get(first), self.heap.get(second)) {
            (Some((first, _)), Some((second, _))) => first < second,
            _ => false,
        }
    }

    fn note(&mut self, at: usize) {
        if let Some(&(_, slot)) = self.heap.get(at) {
            self.set_place(slot, Some(at));
        }
    }

    fn set_place(&mut self, slot: u32, at: Option<usize>) {
        if let Some(place) = self.places.get_mut(slot as usize) {
            // The heap is never longer than the number of slots, a u32.
            *place = at.and_then(|at| u32::try_from(at).ok()).unwrap_or(NOWHERE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Timers;
    use core::time::Duration;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_come_up_in_order_at_their_earliest_deadline(
            arms in proptest::collection::vec((0_u32..16, 0_u64..100), 0..100),
        ) {
            let mut timers = Timers::new(16);
            let mut earliest = std::collections::BTreeMap::new();
            for (slot, at) in arms {
                timers.arm(slot, Duration::from_secs(at));
                let entry = earliest.entry(slot).or_insert(at);
                *entry = at.min(*entry);
            }
            for now in 0..100 {
                let mut due = Vec::new();
                while let Some(slot) = timers.pop_due(Duration::from_secs(now)) {
                    due.push(slot);
                }
                due.sort_unstable();
                let expected: Vec<u32> =
                    earliest.iter().filter(|(_, at)| **at == now).map(|(slot, _)| *slot).collect();
                prop_assert_eq!(due, expected);
            }
            prop_assert_eq!(timers.next(), None);
        }
    }
}
