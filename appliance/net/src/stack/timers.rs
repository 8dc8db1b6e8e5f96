//! One deadline per slot in a hierarchical timing wheel, with all memory
//! allocated at start: what an event costs does not depend on how many timers
//! there are. Arming is free when the deadline only moves later, as it does with
//! every acknowledgement: such a timer fires early once, and is armed anew by
//! its owner.
//!
//! Time is cut into ticks. A deadline lies on the level of the highest group of
//! six bits in which its tick differs from the wheel's own: on level 0 in a cell
//! of one tick, on the next in one of 64 ticks, and so on. When the first
//! deadline of a cell passes, its timers come up or go to lower levels. A timer
//! goes down at most once a level.

use crate::nanos::Nanos;

use crate::deadline::Deadline;

const NOWHERE: u32 = u32::MAX;

/// Length of a tick in nanoseconds; deadlines within one are told apart when it passes.
const TICK: u64 = 1000;

/// Bits of a tick that choose the cell of a level.
const LEVEL_BITS: u32 = 6;
const CELLS: u32 = 1 << LEVEL_BITS;

/// Levels for 64 bits of ticks.
const LEVELS: usize = 64_usize.div_ceil(LEVEL_BITS as usize);

#[derive(Clone, Copy)]
struct Timer {
    deadline: Deadline,
    /// The cell it is in, all levels counted through.
    place: u32,
    next: u32,
    previous: u32,
}

#[derive(Clone, Copy)]
struct Cell {
    first: u32,
    /// No timer of the cell comes before; one that was there may have moved.
    earliest: Deadline,
}

pub(super) struct Timers {
    timers: Box<[Timer]>,
    cells: Box<[Cell]>,
    /// A bit for each cell of a level that has timers.
    occupied: [u64; LEVELS],
    /// Timers that have come up and were not taken yet.
    due: u32,
    /// No deadline lies before this tick.
    tick: u64,
    /// No timer comes before; looked at in every turn, so it is kept.
    soonest: Deadline,
    /// Timers looked at so far.
    visited: u64,
}

impl Timers {
    pub(super) fn new(capacity: usize) -> Self {
        let timer = Timer {
            deadline: Deadline::NEVER,
            place: NOWHERE,
            next: NOWHERE,
            previous: NOWHERE,
        };
        let cell = Cell {
            first: NOWHERE,
            earliest: Deadline::NEVER,
        };
        Self {
            timers: vec![timer; capacity].into_boxed_slice(),
            cells: vec![cell; LEVELS * CELLS as usize].into_boxed_slice(),
            occupied: [0; LEVELS],
            due: NOWHERE,
            tick: 0,
            soonest: Deadline::NEVER,
            visited: 0,
        }
    }

    /// A time no later than the earliest deadline, which comes closer when
    /// `pop_due` is called with it.
    pub(super) fn next(&self) -> Deadline {
        self.soonest
    }

    /// Timers looked at so far.
    pub(super) fn visited(&self) -> u64 {
        self.visited
    }

    /// Makes sure that `slot` comes up at `deadline` or before, if that is ever.
    pub(super) fn arm(&mut self, slot: u32, deadline: Deadline) {
        if !deadline.is_set() {
            return;
        }
        let Some(timer) = self.timers.get(slot as usize).copied() else {
            return;
        };
        self.visited += 1;
        if timer.place != NOWHERE {
            if timer.deadline <= deadline {
                return;
            }
            self.unlink(slot, timer);
        }
        self.link(slot, deadline);
    }

    /// Takes one slot whose deadline has passed.
    pub(super) fn pop_due(&mut self, now: Nanos) -> Option<u32> {
        while self.due == NOWHERE {
            if !self.soonest.is_due(now) {
                return None;
            }
            let first = self.first_cell();
            self.soonest = first.map_or(Deadline::NEVER, |(_, earliest)| earliest);
            let (place, earliest) = first?;
            if !earliest.is_due(now) {
                return None;
            }
            self.tick = self.tick.max(earliest.count(TICK));
            self.open(place, now);
        }
        let slot = self.due;
        let timer = self.timers.get_mut(slot as usize)?;
        self.due = timer.next;
        timer.next = NOWHERE;
        timer.place = NOWHERE;
        Some(slot)
    }

    /// The cell whose timers come first, and when. A level's cells follow each
    /// other in time, and there is none before the wheel's tick.
    fn first_cell(&self) -> Option<(u32, Deadline)> {
        let firsts = self
            .occupied
            .iter()
            .enumerate()
            .filter_map(|(level, bits)| {
                let cell = usize::try_from(bits.trailing_zeros()).ok()?;
                let place = level * CELLS as usize + cell;
                let earliest = self.cells.get(place).filter(|_| *bits != 0)?.earliest;
                Some((u32::try_from(place).ok()?, earliest))
            });
        firsts.min_by_key(|(_, earliest)| *earliest)
    }

    /// Empties a cell: what is due waits to be taken, the rest finds its place
    /// anew.
    fn open(&mut self, place: u32, now: Nanos) {
        let Some(cell) = self.cells.get_mut(place as usize) else {
            return;
        };
        let mut slot = core::mem::replace(&mut cell.first, NOWHERE);
        self.mark_empty(place);
        while let Some(timer) = self.timers.get_mut(slot as usize) {
            self.visited += 1;
            let (next, deadline) = (timer.next, timer.deadline);
            if deadline.is_due(now) {
                timer.next = core::mem::replace(&mut self.due, slot);
            } else {
                self.link(slot, deadline);
            }
            slot = next;
        }
    }

    fn link(&mut self, slot: u32, deadline: Deadline) {
        self.soonest = self.soonest.min(deadline);
        let place = self.place(deadline);
        let Some(cell) = self.cells.get_mut(place as usize) else {
            return;
        };
        let next = core::mem::replace(&mut cell.first, slot);
        if next == NOWHERE {
            cell.earliest = deadline;
            let (level, cell) = (place / CELLS, place % CELLS);
            if let Some(bits) = self.occupied.get_mut(level as usize) {
                *bits |= 1 << cell;
            }
        } else {
            cell.earliest = cell.earliest.min(deadline);
        }
        if let Some(after) = self.timers.get_mut(next as usize) {
            after.previous = slot;
        }
        if let Some(timer) = self.timers.get_mut(slot as usize) {
            *timer = Timer {
                deadline,
                place,
                next,
                previous: NOWHERE,
            };
        }
    }

    fn unlink(&mut self, slot: u32, timer: Timer) {
        if let Some(after) = self.timers.get_mut(timer.next as usize) {
            after.previous = timer.previous;
        }
        if let Some(before) = self.timers.get_mut(timer.previous as usize) {
            before.next = timer.next;
        } else if let Some(cell) = self.cells.get_mut(timer.place as usize)
            && cell.first == slot
        {
            cell.first = timer.next;
            if timer.next == NOWHERE {
                self.mark_empty(timer.place);
            }
        }
    }

    fn mark_empty(&mut self, place: u32) {
        let (level, cell) = (place / CELLS, place % CELLS);
        if let Some(bits) = self.occupied.get_mut(level as usize) {
            *bits &= !(1 << cell);
        }
    }

    /// A deadline that has passed comes up with the tick that runs.
    fn place(&self, deadline: Deadline) -> u32 {
        let tick = deadline.count(TICK).max(self.tick);
        let level = (tick ^ self.tick).checked_ilog2().unwrap_or(0) / LEVEL_BITS;
        let cell = (tick >> (level * LEVEL_BITS)) % u64::from(CELLS);
        // Both are below 64.
        level * CELLS + u32::try_from(cell).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, LEVELS, Timers};
    use crate::nanos::Nanos;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Arm(u32, Nanos),
        /// Lets time pass.
        Pass(Nanos),
        /// Lets time pass until the wheel wants to be looked at.
        Next,
    }

    fn micros(micros: u64) -> Nanos {
        Nanos::from_nanos(micros * 1000)
    }

    /// From nanoseconds to weeks.
    fn times() -> impl Strategy<Value = Nanos> {
        (0_u32..50, 1_u64..1000).prop_map(|(shift, n)| Nanos::from_nanos(n << shift))
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u32..16, times()).prop_map(|(slot, after)| Step::Arm(slot, after)),
            1 => times().prop_map(Step::Pass),
            1 => Just(Step::Next),
        ]
    }

    proptest! {
        #[test]
        fn slots_come_up_when_their_earliest_deadline_has_passed(
            start in times(),
            steps in proptest::collection::vec(steps(), 0..200),
        ) {
            let mut timers = Timers::new(16);
            let mut model = BTreeMap::new();
            let mut now = start;
            for step in steps {
                match step {
                    Step::Arm(slot, after) => {
                        timers.arm(slot, Deadline::at(now + after));
                        let entry = model.entry(slot).or_insert(now + after);
                        *entry = (now + after).min(*entry);
                    }
                    Step::Pass(time) => now += time,
                    Step::Next => now = now.max(timers.next().time().unwrap_or(now)),
                }
                let mut due = Vec::new();
                while let Some(slot) = timers.pop_due(now) {
                    due.push(slot);
                }
                due.sort_unstable();
                let expected: Vec<u32> = model.extract_if(.., |_, at| *at <= now).map(|(slot, _)| slot).collect();
                prop_assert_eq!(due, expected);
                prop_assert_eq!(timers.next().is_set(), !model.is_empty());
                let wanted = timers.next();
                prop_assert!(wanted > Deadline::at(now));
                prop_assert!(model.values().all(|at| Deadline::at(*at) >= wanted));
            }
        }
    }

    #[test]
    fn the_cost_of_a_timer_does_not_depend_on_how_many_there_are() {
        for count in [10_u32, 1000, 100_000] {
            let mut timers = Timers::new(count as usize);
            let mut now = Nanos::ZERO;
            for slot in 0..count {
                let after = micros(u64::from(slot) * 997 + 200_000);
                timers.arm(slot, Deadline::at(after));
            }
            let mut fired = 0;
            while let Some(next) = timers.next().time() {
                now = next;
                while timers.pop_due(now).is_some() {
                    fired += 1;
                }
            }
            assert_eq!(fired, count);
            assert!(now >= micros(u64::from(count - 1) * 997 + 200_000));
            let most = u64::from(count) * (LEVELS as u64 + 1);
            assert!(timers.visited() <= most, "{} of {most}", timers.visited());
        }
    }
}
