//! What a run has seen: calls, bytes, latencies.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::caller::Done;
use super::workload::Kind;

/// Longest latency that is told apart, in nanoseconds: two minutes.
const LATENCY_MAX: u64 = 120_000_000_000;

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// Counts and latencies of calls.
#[derive(Debug)]
pub struct Tally {
    latencies: [Histogram<u64>; 3],
    /// Calls that were still waiting when the run was given up.
    pub unanswered: u64,
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub calls: u64,
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX, DIGITS).expect("sensible bounds")
}

impl Tally {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            latencies: [empty(), empty(), empty()],
            unanswered: 0,
        }
    }

    /// A call was answered.
    pub fn add(&mut self, done: Done) {
        self.record(done.kind, done.latency);
    }

    /// A call was not answered so far, for this long.
    pub fn give_up(&mut self, kind: Kind, waited: Duration) {
        self.unanswered += 1;
        self.record(kind, waited);
    }

    fn record(&mut self, kind: Kind, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latencies[kind as usize].saturating_record(nanoseconds);
    }

    /// Calls of a kind.
    pub fn calls(&self, kind: Kind) -> u64 {
        self.latencies[kind as usize].len()
    }

    /// Calls of all kinds.
    pub fn all_calls(&self) -> u64 {
        self.latencies.iter().map(Histogram::len).sum()
    }

    /// Latencies of one kind.
    pub fn latency(&self, kind: Kind) -> Latency {
        summary(&self.latencies[kind as usize])
    }

    /// Latencies of all calls.
    pub fn all_latencies(&self) -> Latency {
        summary(&self.sum())
    }

    /// Latencies of all calls as they would have been, had each place for a call in flight brought one in every
    /// mean latency whether the one before was answered or not: what a closed loop leaves out while it waits
    /// (coordinated omission) is filled in.
    pub fn corrected(&self) -> Latency {
        let sum = self.sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean of numbers that fit"
        )]
        let interval = sum.mean() as u64;
        summary(&sum.clone_correct(interval))
    }

    fn sum(&self) -> Histogram<u64> {
        let mut sum = empty();
        for latencies in &self.latencies {
            sum.add(latencies).expect("the same bounds");
        }
        sum
    }
}

fn summary(latencies: &Histogram<u64>) -> Latency {
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let at = |percentile| microseconds(latencies.value_at_percentile(percentile));
    Latency {
        calls: latencies.len(),
        min: microseconds(latencies.min()),
        mean: latencies.mean() / 1000.0,
        p50: at(50.0),
        p90: at(90.0),
        p99: at(99.0),
        p999: at(99.9),
        max: microseconds(latencies.max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latencies: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::new();
        for latency in latencies {
            let latency = Duration::from_micros(latency);
            tally.add(Done {
                kind: Kind::Read,
                latency,
            });
        }
        tally
    }

    #[test]
    fn percentiles_are_those_of_the_calls() {
        let latency = tally(1..=1000).latency(Kind::Read);
        assert_eq!(latency.calls, 1000);
        for (percentile, wanted) in [
            (latency.min, 1.0),
            (latency.p50, 500.0),
            (latency.p90, 900.0),
            (latency.p99, 990.0),
            (latency.max, 1000.0),
        ] {
            assert!((percentile - wanted).abs() <= wanted / 500.0, "{latency:?}");
        }
        assert_eq!(tally(1..=1000).calls(Kind::Write), 0);
    }

    #[test]
    fn a_stall_weighs_as_many_calls_as_it_held_back() {
        let seen = tally(std::iter::repeat_n(100, 9999).chain([1_000_000]));
        assert!(seen.all_latencies().p99 < 101.0);
        let corrected = seen.corrected();
        assert!(corrected.p90 > 101.0, "{corrected:?}");
        assert!(corrected.calls > 12_000, "{corrected:?}");
    }

    #[test]
    fn calls_given_up_count_with_the_time_they_waited() {
        let mut tally = tally([10]);
        tally.give_up(Kind::Write, Duration::from_secs(3));
        assert_eq!((tally.unanswered, tally.all_calls()), (1, 2));
        assert!(tally.all_latencies().max > 2_990_000.0);
    }
}
