//! When something is due, in a form that is cheap to compare: every segment asks which of several comes first.

use crate::nanos::Nanos;

/// A time, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// Later than everything.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn at(time: Nanos) -> Self {
        Self(time.as_nanos())
    }

    pub(crate) fn is_set(self) -> bool {
        self != Self::NEVER
    }

    pub(crate) fn is_due(self, now: Nanos) -> bool {
        self.is_set() && self <= Self::at(now)
    }

    pub(crate) fn time(self) -> Option<Nanos> {
        self.is_set().then(|| Nanos::from_nanos(self.0))
    }

    /// Whole units of so many nanoseconds since the start.
    pub(crate) fn count(self, nanoseconds: u64) -> u64 {
        self.0 / nanoseconds
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self::NEVER
    }
}

impl From<Option<Nanos>> for Deadline {
    fn from(time: Option<Nanos>) -> Self {
        time.map_or(Self::NEVER, Self::at)
    }
}
