//! A queue of slots, each in it at most once: so it never outgrows the table.

use std::collections::VecDeque;

pub(super) struct ReadyQueue {
    queue: VecDeque<u32>,
    queued: Box<[bool]>,
}

impl ReadyQueue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            queue: VecDeque::with_capacity(capacity),
            queued: vec![false; capacity].into_boxed_slice(),
        }
    }

    pub(super) fn front(&self) -> Option<u32> {
        self.queue.front().copied()
    }

    pub(super) fn push(&mut self, index: u32) {
        if let Some(queued) = self.queued.get_mut(index as usize)
            && !core::mem::replace(queued, true)
        {
            self.queue.push_back(index);
        }
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        let index = self.queue.pop_front()?;
        if let Some(queued) = self.queued.get_mut(index as usize) {
            *queued = false;
        }
        Some(index)
    }
}
