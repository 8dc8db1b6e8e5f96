//! A hash of everything that happened, to compare runs by.

use std::time::Duration;

use crate::random::mix;

/// What a run has been, so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) fn event(&mut self, now: Duration, what: u64, bytes: &[u8]) {
        let nanoseconds = u64::try_from(now.as_nanos()).expect("a few centuries");
        self.add(nanoseconds);
        self.add(what);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ bytes.len() as u64);
    }

    pub(crate) fn hash(self) -> u64 {
        self.0
    }

    fn add(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(5) ^ word);
    }
}
