//! A box between the TAP and the stack that loses, repeats, holds back and
//! corrupts frames as a seed says.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::harness::link::{Faults, Random};

/// Where a frame is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toward {
    Stack,
    Kernel,
}

/// In the order in which they leave: by time, then by arrival.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    at: Duration,
    arrival: u64,
    toward: Toward,
    frame: Vec<u8>,
}

pub struct MiddleBox {
    faults: Faults,
    random: Random,
    held: BinaryHeap<Reverse<Held>>,
    arrivals: u64,
}

impl MiddleBox {
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: Random(seed),
            held: BinaryHeap::new(),
            arrivals: 0,
        }
    }

    /// Takes a frame in.
    pub fn pass(&mut self, toward: Toward, frame: Vec<u8>, now: Duration) {
        // ARP has no checksum, and gives up after a few requests.
        let is_ip = frame.get(12..14) == Some(&[8, 0]);
        if is_ip && self.random.per_mille(self.faults.loss) {
            return;
        }
        if is_ip && self.random.per_mille(self.faults.repeat) {
            self.hold(toward, frame.clone(), now);
        }
        if is_ip && self.random.per_mille(self.faults.corrupt) {
            let mut frame = frame.clone();
            let at = 14 + self.random.below(frame.len() as u64 - 14);
            frame[usize::try_from(at).expect("a frame's length")] ^= 1 << self.random.below(8);
            self.hold(toward, frame, now);
        }
        self.hold(toward, frame, now);
    }

    fn hold(&mut self, toward: Toward, frame: Vec<u8>, now: Duration) {
        let mut at = now;
        if self.random.per_mille(self.faults.reorder) {
            at += self.faults.delay * u32::try_from(self.random.below(10)).expect("below 10");
        }
        self.arrivals += 1;
        self.held.push(Reverse(Held {
            at,
            arrival: self.arrivals,
            toward,
            frame,
        }));
    }

    /// The next frame that leaves now.
    pub fn release(&mut self, now: Duration) -> Option<(Toward, Vec<u8>)> {
        if self.next_release()? > now {
            return None;
        }
        let Reverse(Held { toward, frame, .. }) = self.held.pop()?;
        Some((toward, frame))
    }

    /// When the next frame leaves, if any is held.
    pub fn next_release(&self) -> Option<Duration> {
        self.held.peek().map(|Reverse(held)| held.at)
    }
}
