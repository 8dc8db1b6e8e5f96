//! Times within the stack, in a form that is cheap to reckon with: every segment does so a dozen times.

use core::ops::{Add, AddAssign, Div, Mul};
use core::time::Duration;

/// A time since the application's start, or a length of time, in nanoseconds. Beyond 584 years it stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) const fn of(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(time.subsec_nanos() as u64))
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    pub(crate) const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    pub(crate) fn as_nanos(self) -> u64 {
        self.0
    }

    pub(crate) fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    pub(crate) fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    pub(crate) fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    pub(crate) fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}

impl From<Nanos> for Duration {
    fn from(time: Nanos) -> Self {
        Self::from_nanos(time.0)
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Self;

    fn add(self, other: Duration) -> Self {
        self + Self::of(other)
    }
}

impl<T> AddAssign<T> for Nanos
where
    Self: Add<T, Output = Self>,
{
    fn add_assign(&mut self, other: T) {
        *self = *self + other;
    }
}

impl Mul<u64> for Nanos {
    type Output = Self;

    fn mul(self, by: u64) -> Self {
        Self(self.0.saturating_mul(by))
    }
}

impl Div<u64> for Nanos {
    type Output = Self;

    fn div(self, by: u64) -> Self {
        Self(self.0 / by)
    }
}

impl PartialEq<Duration> for Nanos {
    fn eq(&self, other: &Duration) -> bool {
        *self == Self::of(*other)
    }
}

impl PartialOrd<Duration> for Nanos {
    fn partial_cmp(&self, other: &Duration) -> Option<core::cmp::Ordering> {
        self.partial_cmp(&Self::of(*other))
    }
}
