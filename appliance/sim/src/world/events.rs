//! What is going to happen, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::network::Station;

/// Something that happens.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A frame arrives at a station's end of its cable on a segment.
    Arrive(Station, usize, Vec<u8>),
    /// A station's timers are due, or it is its turn.
    Wake(Station),
    /// The NIC of an appliance's port sends its next frame.
    Send(usize, usize),
}

/// The heap: what comes first, and of what comes at once what was entered first.
#[derive(Debug, Default)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    entered: u64,
}

impl Events {
    pub(super) fn enter(&mut self, at: Duration, event: Event) {
        self.entered += 1;
        self.heap.push(Reverse((at, self.entered, event)));
    }

    pub(super) fn next(&mut self) -> Option<(Duration, Event)> {
        let Reverse((at, _, event)) = self.heap.pop()?;
        Some((at, event))
    }
}
