//! RACK (RFC 8985, 6.2): a transmission is lost once something sent later was
//! delivered and the time for reordering is over. Time orders retransmissions
//! too, so that a lost one is noticed without a time-out.

use crate::nanos::Nanos;

use super::scoreboard::Transmission;
use super::sequence::Seq;
use crate::limits::MIN_ROUND_TRIP_AGE;

/// Segments delivered later that count as a loss while the network is not known
/// to reorder (RFC 5681, 3.2; RFC 8985's DupThresh).
pub(super) const DUPLICATE_THRESHOLD: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub(super) struct Rack {
    /// When the transmission that was sent last of all delivered was sent, and
    /// its end (RACK.xmit_ts and RACK.end_seq).
    latest: Option<(Nanos, Seq)>,
    /// Its round trip.
    round_trip: Nanos,
    /// The shortest round trip and when it was seen.
    shortest: Option<(Nanos, Nanos)>,
    /// The highest number delivered, plus one; and before this acknowledgement.
    delivered: Seq,
    delivered_before: Seq,
    /// Something sent once was delivered after something sent later.
    reordering: bool,
}

impl Rack {
    pub(super) fn new(first: Seq) -> Self {
        Self {
            latest: None,
            round_trip: Nanos::ZERO,
            shortest: None,
            delivered: first,
            delivered_before: first,
            reordering: false,
        }
    }

    /// The highest number delivered, plus one.
    pub(super) fn delivered(&self) -> Seq {
        self.delivered
    }

    pub(super) fn round_trip(&self) -> Nanos {
        self.round_trip
    }

    /// An acknowledgement arrives: what it reports has no order within itself.
    pub(super) fn begin(&mut self) {
        self.delivered_before = self.delivered;
    }

    /// Steps 1 to 3 for one transmission.
    pub(super) fn on_delivered(&mut self, transmission: &Transmission, now: Nanos) {
        let round_trip = now.saturating_sub(transmission.sent);
        if !transmission.retransmitted {
            self.reordering |=
                self.delivered_before.at_least(transmission.end) && self.latest.is_some();
            let stale = self.shortest.is_none_or(|(shortest, seen)| {
                round_trip <= shortest || now.saturating_sub(seen) > MIN_ROUND_TRIP_AGE
            });
            if stale {
                self.shortest = Some((round_trip, now));
            }
        } else if self
            .shortest
            .is_some_and(|(shortest, _)| round_trip < shortest)
        {
            // It answers an earlier transmission.
            return;
        }
        self.delivered = self.delivered.later_of(transmission.end);
        if self.is_later(transmission) {
            self.round_trip = round_trip;
            self.latest = Some((transmission.sent, transmission.end));
        }
    }

    /// Whether `transmission` was sent after all that is delivered.
    fn is_later(&self, transmission: &Transmission) -> bool {
        self.latest.is_none_or(|(sent, end)| {
            transmission.sent > sent
                || (transmission.sent == sent && transmission.end.is_after(end))
        })
    }

    /// Whether something sent after `transmission` was delivered.
    pub(super) fn overtook(&self, transmission: &Transmission) -> bool {
        self.latest.is_some_and(|(sent, end)| {
            sent > transmission.sent
                || (sent == transmission.sent && end.is_after(transmission.end))
        })
    }

    /// Step 4: how long what was overtaken may still be under way; none when
    /// nothing was ever seen reordered and there is `evidence` of loss.
    pub(super) fn reordering_window(&self, evidence: bool, smoothed: Nanos) -> Nanos {
        if !self.reordering && evidence {
            return Nanos::ZERO;
        }
        let shortest = self.shortest.map_or(smoothed, |(shortest, _)| shortest);
        (shortest / 4).min(smoothed)
    }
}
