//! A bounded table of things in progress, named by ids that are never valid for a successor.

use std::fmt;
use std::marker::PhantomData;

/// Names an entry of a [`Slots`]; stays invalid once the entry is gone.
pub(crate) struct SlotId<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for SlotId<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SlotId<T> {}

impl<T> PartialEq for SlotId<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<T> Eq for SlotId<T> {}

impl<T> fmt::Debug for SlotId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// A table of at most `bound` entries.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    bound: usize,
}

impl<T> Slots<T> {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            slots: Vec::with_capacity(bound),
            free: Vec::with_capacity(bound),
            bound,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.bound
    }

    /// Enters `value`; gives it back when the table is full.
    pub(crate) fn insert(&mut self, value: T) -> Result<SlotId<T>, T> {
        if let Some(index) = self.free.pop() {
            let Some(slot) = self.slots.get_mut(index as usize) else {
                return Err(value);
            };
            slot.value = Some(value);
            return Ok(id(index, slot.generation));
        }
        let Ok(index) = u32::try_from(self.slots.len()) else {
            return Err(value);
        };
        if self.slots.len() >= self.bound {
            return Err(value);
        }
        self.slots.push(Slot {
            generation: 0,
            value: Some(value),
        });
        Ok(id(index, 0))
    }

    pub(crate) fn get(&self, id: SlotId<T>) -> Option<&T> {
        let slot = self.slots.get(id.index as usize)?;
        (slot.generation == id.generation)
            .then_some(slot.value.as_ref())
            .flatten()
    }

    pub(crate) fn get_mut(&mut self, id: SlotId<T>) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        (slot.generation == id.generation)
            .then_some(slot.value.as_mut())
            .flatten()
    }

    pub(crate) fn remove(&mut self, id: SlotId<T>) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(value)
    }

    /// All entries with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotId<T>, &T)> {
        (0_u32..).zip(&self.slots).filter_map(|(index, slot)| {
            let value = slot.value.as_ref()?;
            Some((id(index, slot.generation), value))
        })
    }
}

fn id<T>(index: u32, generation: u32) -> SlotId<T> {
    SlotId {
        index,
        generation,
        of: PhantomData,
    }
}

/// An id out of nowhere.
#[cfg(test)]
pub(crate) fn stub_id<T>(index: u32) -> SlotId<T> {
    id(index, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_does_not_name_the_successor() {
        let mut slots = Slots::new(1);
        let first = slots.insert("a").expect("room");
        assert_eq!(slots.insert("b"), Err("b"), "the bound is one");
        assert_eq!(slots.remove(first), Some("a"));
        let second = slots.insert("b").expect("room again");
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"b"));
        assert_eq!(slots.iter().count(), 1);
    }
}
