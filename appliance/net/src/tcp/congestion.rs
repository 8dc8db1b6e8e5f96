//! The congestion window: slow start, congestion avoidance and the reaction to
//! losses (RFC 5681, 6582, 6928, 3042, 9438). All in bytes.

use crate::nanos::Nanos;

use super::cubic::{BETA_TENTHS, Cubic};
use crate::config::CongestionControl;
use crate::limits::MAX_CONGESTION_WINDOW;

/// Initial window in segments (RFC 6928).
const INITIAL_SEGMENTS: usize = 10;

/// Duplicate acknowledgements that count as a loss (RFC 5681, 3.2).
const DUPLICATE_THRESHOLD: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Congestion {
    mss: usize,
    window: usize,
    threshold: usize,
    /// Bytes acknowledged in congestion avoidance towards the next segment.
    credit: usize,
    duplicates: u32,
    in_recovery: bool,
    /// Recovery is steered by selective acknowledgements (RFC 6675): the window
    /// is compared with what is in flight, so it is not inflated.
    selective: bool,
    /// Growth by CUBIC, or by Reno without it.
    cubic: Option<Cubic>,
}

/// New bytes were acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub bytes: usize,
    /// What is still out.
    pub flight: usize,
    /// All that was sent when recovery began is covered.
    pub everything: bool,
    /// The window was what limited the sender; otherwise it does not grow.
    pub limited: bool,
    pub now: Nanos,
    /// The smoothed round trip.
    pub round_trip: Nanos,
}

/// What an acknowledgement calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    None,
    /// Send the first unacknowledged segment again.
    RetransmitFirst,
}

impl Congestion {
    /// Without selective acknowledgements it is always NewReno: CUBIC is for
    /// windows that NewReno's recovery cannot keep anyway.
    pub(crate) fn new(mss: usize, selective: bool, control: CongestionControl) -> Self {
        Self {
            mss,
            window: INITIAL_SEGMENTS * mss,
            threshold: MAX_CONGESTION_WINDOW,
            credit: 0,
            duplicates: 0,
            in_recovery: false,
            selective,
            cubic: (selective && control == CongestionControl::Cubic).then(Cubic::default),
        }
    }

    /// Bytes that may be in flight. The first two duplicates let a new segment
    /// out each (limited transmit, RFC 3042).
    pub(crate) fn window(&self) -> usize {
        if self.in_recovery {
            self.window
        } else {
            self.window + self.duplicates.min(DUPLICATE_THRESHOLD - 1) as usize * self.mss
        }
    }

    /// The path carries other segments than before; the window stays, in bytes.
    pub(crate) fn set_mss(&mut self, mss: usize) {
        self.mss = mss;
    }

    pub(crate) fn in_recovery(&self) -> bool {
        self.in_recovery
    }

    pub(crate) fn on_acked(&mut self, acked: &Acked) -> Reaction {
        self.duplicates = 0;
        if self.in_recovery {
            return self.on_acked_in_recovery(acked.bytes, acked.flight, acked.everything);
        }
        if !acked.limited {
            if let Some(cubic) = &mut self.cubic {
                cubic.pause();
            }
            return Reaction::None;
        }
        let grown = if self.window < self.threshold {
            self.window + acked.bytes
        } else if let Some(cubic) = &mut self.cubic {
            let (now, round_trip) = (acked.now, acked.round_trip);
            cubic.grown(self.window, acked.bytes, self.mss, now, round_trip)
        } else {
            self.credit += acked.bytes;
            if self.credit < self.window {
                return Reaction::None;
            }
            self.credit -= self.window;
            self.window + self.mss
        };
        self.window = grown.min(MAX_CONGESTION_WINDOW);
        Reaction::None
    }

    /// Notes a loss with `flight` bytes out: slow start ends at a part of that.
    fn reduce_threshold(&mut self, flight: usize) {
        let part = match &mut self.cubic {
            None => flight / 2,
            Some(cubic) => {
                cubic.on_loss(self.window);
                flight / 10 * BETA_TENTHS
            }
        };
        self.threshold = part.max(2 * self.mss);
        self.credit = 0;
    }

    fn on_acked_in_recovery(&mut self, acked: usize, flight: usize, everything: bool) -> Reaction {
        if everything {
            // RFC 6675 leaves the window where it was; RFC 6582, 3.2 step 3, full
            // acknowledgement, option 1 deflates it so that there is no burst.
            self.window = if self.selective {
                self.threshold
            } else {
                self.threshold.min(flight.max(self.mss) + self.mss)
            };
            self.in_recovery = false;
            return Reaction::None;
        }
        if self.selective {
            return Reaction::None;
        }
        // Partial acknowledgement: deflate by what left the network.
        self.window = self.window.saturating_sub(acked);
        if acked >= self.mss {
            self.window += self.mss;
        }
        self.window = self.window.max(self.mss);
        Reaction::RetransmitFirst
    }

    /// A duplicate acknowledgement with `flight` bytes out. Recovery starts at
    /// the third, if `may_recover`: not for losses of an earlier recovery
    /// (RFC 6582, 3.2 step 2).
    pub(crate) fn on_duplicate(&mut self, flight: usize, may_recover: bool) -> Reaction {
        if self.in_recovery {
            self.window = (self.window + self.mss).min(MAX_CONGESTION_WINDOW);
            return Reaction::None;
        }
        self.duplicates = self.duplicates.saturating_add(1);
        if self.duplicates != DUPLICATE_THRESHOLD || !may_recover {
            return Reaction::None;
        }
        self.reduce_threshold(flight);
        self.window = self.threshold + DUPLICATE_THRESHOLD as usize * self.mss;
        self.credit = 0;
        self.in_recovery = true;
        Reaction::RetransmitFirst
    }

    /// A loss was found with `flight` bytes out (RFC 6675, 5 step 4.2).
    pub(crate) fn on_loss(&mut self, flight: usize) {
        self.reduce_threshold(flight);
        self.window = self.threshold;
        self.credit = 0;
        self.in_recovery = true;
    }

    /// A probe repaired a loss before it was found (RFC 8985, 7.4.2).
    pub(crate) fn on_repaired_loss(&mut self) {
        self.reduce_threshold(self.window);
        self.window = self.threshold;
        self.credit = 0;
    }

    /// The retransmission timer fired with `flight` bytes out; `repeated` when
    /// it did so before for the same data (RFC 5681, 3.1, equation 4).
    pub(crate) fn on_timeout(&mut self, flight: usize, repeated: bool) {
        if !repeated {
            self.reduce_threshold(flight);
        }
        self.window = self.mss;
        self.credit = 0;
        self.duplicates = 0;
        self.in_recovery = false;
    }

    /// Nothing was sent for longer than the time-out: what is known about the
    /// path is stale (RFC 5681, 4.1).
    pub(crate) fn on_idle(&mut self) {
        self.window = self.window.min(INITIAL_SEGMENTS * self.mss);
    }
}

#[cfg(test)]
mod tests {
    use super::{Acked, Congestion, Reaction};
    use crate::config::CongestionControl;
    use crate::nanos::Nanos;

    const MSS: usize = 1000;

    fn acked(bytes: usize, flight: usize, everything: bool, limited: bool) -> Acked {
        Acked {
            bytes,
            flight,
            everything,
            limited,
            now: Nanos::from_secs(1),
            round_trip: Nanos::from_millis(10),
        }
    }

    #[test]
    fn cubic_keeps_seven_tenths() {
        let mut congestion = Congestion::new(MSS, true, CongestionControl::Cubic);
        congestion.on_loss(20 * MSS);
        assert_eq!(congestion.window(), 14 * MSS);
    }

    #[test]
    fn without_selective_acknowledgements_cubic_is_newreno() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::Cubic);
        for _ in 0..3 {
            congestion.on_duplicate(20 * MSS, true);
        }
        congestion.on_acked(&acked(20 * MSS, 20 * MSS, true, true));
        assert_eq!(congestion.window(), 10 * MSS);
    }

    #[test]
    fn slow_start_doubles_the_window_in_a_round_trip() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::NewReno);
        for _ in 0..10 {
            congestion.on_acked(&acked(MSS, 0, false, true));
        }
        assert_eq!(congestion.window(), 20 * MSS);
    }

    #[test]
    fn a_window_that_was_not_used_does_not_grow() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::NewReno);
        congestion.on_acked(&acked(MSS, 0, false, false));
        assert_eq!(congestion.window(), 10 * MSS);
    }

    #[test]
    fn avoidance_adds_one_segment_per_window() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::NewReno);
        congestion.on_timeout(8 * MSS, false);
        for _ in 0..3 {
            congestion.on_acked(&acked(MSS, 0, false, true));
        }
        assert_eq!(congestion.window(), 4 * MSS);
        for _ in 0..4 {
            congestion.on_acked(&acked(MSS, 0, false, true));
        }
        assert_eq!(congestion.window(), 5 * MSS);
    }

    #[test]
    fn three_duplicates_halve_and_the_full_acknowledgement_ends_recovery() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::NewReno);
        assert_eq!(congestion.on_duplicate(10 * MSS, true), Reaction::None);
        assert_eq!(congestion.window(), 11 * MSS);
        assert_eq!(congestion.on_duplicate(10 * MSS, true), Reaction::None);
        assert_eq!(
            congestion.on_duplicate(10 * MSS, true),
            Reaction::RetransmitFirst
        );
        assert_eq!(congestion.window(), 8 * MSS);
        assert_eq!(
            congestion.on_acked(&acked(2 * MSS, 8 * MSS, false, true)),
            Reaction::RetransmitFirst
        );
        assert_eq!(
            congestion.on_acked(&acked(8 * MSS, 0, true, true)),
            Reaction::None
        );
        assert_eq!(congestion.window(), 2 * MSS);
        assert!(!congestion.in_recovery());
    }

    #[test]
    fn with_selective_acknowledgements_a_loss_halves_without_inflation() {
        let mut congestion = Congestion::new(MSS, true, CongestionControl::NewReno);
        congestion.on_loss(20 * MSS);
        assert_eq!(congestion.window(), 10 * MSS);
        congestion.on_acked(&acked(4 * MSS, 12 * MSS, false, true));
        assert_eq!(congestion.window(), 10 * MSS);
        congestion.on_acked(&acked(8 * MSS, 12 * MSS, true, true));
        assert_eq!(congestion.window(), 10 * MSS);
        assert!(!congestion.in_recovery());
    }

    #[test]
    fn a_second_timeout_of_the_same_data_keeps_the_threshold() {
        let mut congestion = Congestion::new(MSS, false, CongestionControl::NewReno);
        congestion.on_timeout(20 * MSS, false);
        congestion.on_timeout(MSS, true);
        for _ in 0..9 {
            congestion.on_acked(&acked(MSS, 0, false, true));
        }
        assert_eq!(congestion.window(), 10 * MSS);
    }
}
