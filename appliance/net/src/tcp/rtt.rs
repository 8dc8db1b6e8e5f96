//! The retransmission time-out (RFC 6298).

use crate::nanos::Nanos;

use crate::limits::{INITIAL_RTO, MAX_RTO, MIN_RTO};

/// Round-trip estimate and the time-out that follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RttEstimator {
    smoothed: Option<Nanos>,
    variation: Nanos,
    base: Nanos,
    backoff: u32,
}

impl Default for RttEstimator {
    fn default() -> Self {
        Self {
            smoothed: None,
            variation: Nanos::ZERO,
            base: Nanos::of(INITIAL_RTO),
            backoff: 0,
        }
    }
}

impl RttEstimator {
    /// Takes the round trip of something sent once only (Karn), or one measured
    /// by timestamps. Ends the back-off: RFC 6298, 5.7's note.
    pub(crate) fn sample(&mut self, rtt: Nanos) {
        // RFC 6298, 2.2 and 2.3: alpha 1/8, beta 1/4.
        let smoothed = match self.smoothed {
            None => {
                self.variation = rtt / 2;
                rtt
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(rtt)) / 4;
                (smoothed * 7 + rtt) / 8
            }
        };
        self.smoothed = Some(smoothed);
        self.base = (smoothed + self.variation * 4).clamp(Nanos::of(MIN_RTO), Nanos::of(MAX_RTO));
        self.backoff = 0;
    }

    /// RTO, backed off as often as it fired.
    pub(crate) fn timeout(&self) -> Nanos {
        let backed_off = self.base * (1 << self.backoff.min(16));
        backed_off.min(Nanos::of(MAX_RTO))
    }

    /// The smoothed round trip; before the first sample the time-out.
    pub(crate) fn smoothed(&self) -> Nanos {
        self.smoothed.unwrap_or(self.base)
    }

    /// RFC 6298, 5.5.
    pub(crate) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::RttEstimator;
    use crate::limits::{MAX_RTO, MIN_RTO};
    use crate::nanos::Nanos;

    #[test]
    fn starts_with_one_second() {
        assert_eq!(RttEstimator::default().timeout(), Nanos::from_secs(1));
    }

    #[test]
    fn the_first_sample_counts_three_times() {
        let mut rtt = RttEstimator::default();
        rtt.sample(Nanos::from_millis(400));
        assert_eq!(rtt.timeout(), Nanos::from_millis(1200));
    }

    #[test]
    fn a_short_round_trip_stays_at_the_floor() {
        let mut rtt = RttEstimator::default();
        rtt.sample(Nanos::from_nanos(50_000));
        assert_eq!(rtt.timeout(), MIN_RTO);
    }

    #[test]
    fn backs_off_to_the_ceiling_and_a_sample_ends_it() {
        let mut rtt = RttEstimator::default();
        rtt.sample(Nanos::from_nanos(50_000));
        rtt.back_off();
        assert_eq!(rtt.timeout(), MIN_RTO * 2);
        for _ in 0..100 {
            rtt.back_off();
        }
        assert_eq!(rtt.timeout(), MAX_RTO);
        rtt.sample(Nanos::from_nanos(50_000));
        assert_eq!(rtt.timeout(), MIN_RTO);
    }
}
