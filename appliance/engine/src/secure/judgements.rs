//! Which sessions have been held against what is trusted now.

use std::collections::VecDeque;

use net::ConnectionId;

/// After a reload every session is judged anew, a few in a turn: first those that have something to say, then
/// all others in the order of their slots. Until then nothing is read of a session.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    version: u64,
    /// Those of which something has arrived, with their port.
    pub(crate) asking: VecDeque<(usize, ConnectionId)>,
    /// Port and slot that are looked at next; `None` when all have been.
    pub(crate) sweep: Option<(usize, usize)>,
}

impl Judgements {
    /// What a session must have been judged under.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// All are to be judged anew.
    pub(crate) fn begin(&mut self) {
        self.version += 1;
        self.asking.clear();
        self.sweep = Some((0, 0));
    }

    /// Whether there may be somebody to be judged.
    pub(crate) fn is_due(&self) -> bool {
        self.sweep.is_some() || !self.asking.is_empty()
    }
}
