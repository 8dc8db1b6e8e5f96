//! Timestamps of one connection (RFC 7323): our clock, the peer's latest, and
//! protection against wrapped sequence numbers.

use crate::nanos::Nanos;

use super::options::Timestamps;

/// A peer's timestamp older than this says nothing (RFC 7323, 5.5).
const MAX_AGE: Nanos = Nanos::from_secs(24 * 24 * 60 * 60);

#[derive(Clone, Copy, Debug)]
pub(crate) struct TimestampClock {
    offset: u32,
    /// TS.Recent and when it was taken.
    recent: u32,
    taken: Nanos,
}

impl TimestampClock {
    pub(crate) fn new(offset: u32) -> Self {
        Self {
            offset,
            recent: 0,
            taken: Nanos::ZERO,
        }
    }

    /// Our clock: milliseconds, from an offset of the connection's own.
    #[expect(clippy::cast_possible_truncation, reason = "the clock is modulo 2^32")]
    fn value(&self, now: Nanos) -> u32 {
        self.offset.wrapping_add(now.as_millis() as u32)
    }

    /// The option for a segment sent now.
    pub(crate) fn option(&self, now: Nanos) -> Timestamps {
        Timestamps {
            value: self.value(now),
            echo: self.recent,
        }
    }

    /// Takes the peer's clock; the caller has checked that it is due.
    pub(crate) fn remember(&mut self, value: u32, now: Nanos) {
        self.recent = value;
        self.taken = now;
    }

    /// PAWS (RFC 7323, 5.3 R1): whether `value` is older than what was seen.
    pub(crate) fn is_old(&self, value: u32, now: Nanos) -> bool {
        let behind = self.recent.wrapping_sub(value);
        behind != 0 && behind < 1 << 31 && now.saturating_sub(self.taken) < MAX_AGE
    }

    /// Whether `value` is later than what was seen.
    pub(crate) fn is_newer(&self, value: u32) -> bool {
        let ahead = value.wrapping_sub(self.recent);
        ahead != 0 && ahead < 1 << 31
    }

    /// The round trip an echoed value tells, unless it cannot be ours or it is
    /// longer ago than what was `retransmitted` last: then the echo may be of
    /// the first transmission, the acknowledgement of which was lost. Values are
    /// whole milliseconds, so it is too long by up to one.
    pub(crate) fn round_trip(
        &self,
        echo: u32,
        retransmitted: Option<Nanos>,
        now: Nanos,
    ) -> Option<Nanos> {
        let elapsed = self.value(now).wrapping_sub(echo);
        let round_trip = Nanos::from_millis(u64::from(elapsed).max(1));
        let is_recent = retransmitted
            .is_none_or(|at| round_trip <= now.saturating_sub(at) + Nanos::from_millis(1));
        (elapsed < 1 << 31 && is_recent).then_some(round_trip)
    }
}
