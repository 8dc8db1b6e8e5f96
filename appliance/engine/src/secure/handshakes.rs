//! Handshakes under way: how many, and whose turn it is.

use core::time::Duration;
use std::collections::VecDeque;

use net::ConnectionId;

use crate::limits::{HANDSHAKE_SWEEP, HANDSHAKES};

/// The connections of an engine on which TLS is being set up.
///
/// Each takes its turn when something of it has arrived, one after the other and a few in a turn of the
/// engine, so that handshakes cannot starve the connections that are there.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    under_way: usize,
    queue: VecDeque<(usize, ConnectionId)>,
    /// Those that found no place among those under way.
    waiting: VecDeque<(usize, ConnectionId)>,
    /// When to look for those that take too long.
    sweep_at: Duration,
}

impl Handshakes {
    /// Bytes of its handshake wait to be looked at.
    pub(crate) fn push(&mut self, port: usize, connection: ConnectionId) {
        self.queue.push_back((port, connection));
    }

    /// There is no place for it now.
    pub(crate) fn wait(&mut self, port: usize, connection: ConnectionId) {
        self.waiting.push_back((port, connection));
    }

    /// Whose turn it is: first of those that have waited for a place, if there is one.
    pub(crate) fn pop(&mut self) -> Option<(usize, ConnectionId)> {
        let waiting = self.has_place().then(|| self.waiting.pop_front());
        waiting.flatten().or_else(|| self.queue.pop_front())
    }

    fn has_place(&self) -> bool {
        self.under_way < HANDSHAKES
    }

    /// Takes one of the places there are; `false` when there is none.
    pub(crate) fn begin(&mut self) -> bool {
        let is_free = self.has_place();
        self.under_way += usize::from(is_free);
        is_free
    }

    /// Takes a place beyond the bound: for the connections to the origin, which are few and not to be kept
    /// out by clients.
    pub(crate) fn force(&mut self) {
        self.under_way += 1;
    }

    /// Gives a place back.
    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Handshakes under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether it is time to look for those that take too long.
    pub(crate) fn is_sweep_due(&mut self, now: Duration) -> bool {
        let is_due = self.sweep_at <= now;
        if is_due {
            self.sweep_at = now.saturating_add(HANDSHAKE_SWEEP);
        }
        is_due
    }

    /// When to look for those that take too long, or at once when it is somebody's turn.
    pub(crate) fn timeout(&self) -> Duration {
        if !self.queue.is_empty() || (self.has_place() && !self.waiting.is_empty()) {
            return Duration::ZERO;
        }
        self.sweep_at
    }
}
