//! When calls are due.

use std::time::Duration;

use super::options::Shape;

/// When calls are due.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When there is a place for them.
    Closed,
    /// Evenly spaced in time, whatever becomes of them.
    Open {
        /// Nanoseconds between two.
        interval: f64,
        /// Calls made so far.
        made: u64,
    },
}

impl Pace {
    /// As `shape` says.
    pub fn new(shape: &Shape) -> Self {
        match shape.rate {
            None => Pace::Closed,
            Some(rate) => Pace::Open {
                interval: 1e9 / rate,
                made: 0,
            },
        }
    }

    /// Whether it follows the replies.
    pub fn is_closed(&self) -> bool {
        matches!(self, Pace::Closed)
    }

    /// When the next call is due, if that is before `until`. In a closed loop nobody can tell.
    pub fn due(&self, until: Duration) -> Option<Duration> {
        let Pace::Open { interval, made } = self else {
            return None;
        };
        // Not a sum of intervals: their errors would add up.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a run has fewer calls and nanoseconds than 2^53"
        )]
        let due = Duration::from_nanos((*made as f64 * interval) as u64);
        (due < until).then_some(due)
    }

    /// Takes the call that is due before `until`.
    pub fn take(&mut self, until: Duration) -> Option<Duration> {
        let due = self.due(until)?;
        if let Pace::Open { made, .. } = self {
            *made += 1;
        }
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_is_due_whatever_happens() {
        let mut pace = Pace::Open {
            interval: 1e9 / 3000.0,
            made: 0,
        };
        let until = Duration::from_secs(10);
        let mut calls = 0;
        while pace.take(until).is_some() {
            calls += 1;
        }
        assert_eq!(calls, 30_000);
        assert_eq!(pace.due(until), None);
    }
}
