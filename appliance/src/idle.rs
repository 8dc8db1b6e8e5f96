//! What an engine does between two turns of its poll loop.

use core::time::Duration;

use crate::limits::{
    IDLE_LULL, IDLE_LULL_SLEEP_MAX, IDLE_SLEEP_MAX, IDLE_SLEEP_MIN, IDLE_SPIN, IDLE_YIELD,
};

/// How an engine waits for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleMode {
    /// Poll while there is work, sleep when there is none: a quiet appliance leaves its core to others.
    Adaptive,
    /// Always poll: the core is the engine's.
    Poll,
}

impl IdleMode {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Poll => "poll",
        }
    }
}

/// What to do before the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Take the next turn at once.
    Spin,
    /// Offer the core to other threads, then take the next turn.
    Yield,
    /// Sleep this long, then take the next turn.
    Sleep(Duration),
}

/// Decides how an engine pauses. Pure: it is told whether a turn did work and what time it is.
///
/// After the last work an engine spins for [`IDLE_SPIN`], yields until [`IDLE_YIELD`], and then sleeps
/// for an eighth of the time it has been quiet, at least [`IDLE_SLEEP_MIN`] and at most
/// [`IDLE_LULL_SLEEP_MAX`], or [`IDLE_SLEEP_MAX`] when it has been quiet for [`IDLE_LULL`]. So an answer that took
/// long to come is seen late by at most an eighth of that, and the first work after a quiet night by two
/// milliseconds.
#[derive(Debug, Clone)]
pub struct IdlePolicy {
    mode: IdleMode,
    last_work: Duration,
}

/// Sleep this fraction of the time without work.
const SLEEP_FRACTION: u32 = 8;

impl IdlePolicy {
    /// A policy at time `now` (since any fixed start), as if work had just been done.
    pub fn new(mode: IdleMode, now: Duration) -> Self {
        Self {
            mode,
            last_work: now,
        }
    }

    /// What to do after a turn that did work or not. `next_timer` tells when something is due by itself, if that
    /// matters; no sleep goes past it.
    pub fn after_turn(
        &mut self,
        did_work: bool,
        now: Duration,
        next_timer: impl FnOnce() -> Option<Duration>,
    ) -> Pause {
        if did_work {
            self.last_work = now;
        }
        if self.mode == IdleMode::Poll {
            return Pause::Spin;
        }
        let quiet = now.saturating_sub(self.last_work);
        if quiet < IDLE_SPIN {
            return Pause::Spin;
        }
        let until_timer = next_timer().map_or(Duration::MAX, |timer| timer.saturating_sub(now));
        if until_timer.is_zero() {
            return Pause::Spin;
        }
        // A sleep shorter than the least would overshoot the timer.
        if quiet < IDLE_YIELD || until_timer < IDLE_SLEEP_MIN {
            return Pause::Yield;
        }
        let most = if quiet < IDLE_LULL {
            IDLE_LULL_SLEEP_MAX
        } else {
            IDLE_SLEEP_MAX
        };
        let sleep = (quiet / SLEEP_FRACTION).clamp(IDLE_SLEEP_MIN, most);
        Pause::Sleep(sleep.min(until_timer))
    }
}
