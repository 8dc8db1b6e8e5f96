//! What is shown while a run goes on.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::options::Shape;
use super::tally::Tally;
use super::workload::Kind;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(1);

/// A line on standard error every second: over the last one on a terminal, below it elsewhere.
#[derive(Debug)]
pub struct Progress<'a> {
    shape: &'a Shape,
    next: Duration,
    calls: u64,
    is_terminal: bool,
}

impl<'a> Progress<'a> {
    /// Nothing shown yet.
    pub fn new(shape: &'a Shape) -> Self {
        Self {
            shape,
            next: EVERY,
            calls: 0,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Shows how things are, if it is time to.
    pub fn tell(&mut self, now: Duration, tally: &Tally) {
        if self.shape.quiet || now < self.next {
            return;
        }
        self.next += EVERY;
        let calls = tally.all_calls();
        let line = if calls == 0 {
            format!("{:3} s: warming up", now.as_secs())
        } else {
            let latency = tally.all_latencies();
            let reads = tally.calls(Kind::Read);
            format!(
                "{:3} s: {:7} calls/s, {reads} READs so far, p50 {:.0} µs, p99 {:.0} µs, max {:.0} µs",
                now.as_secs(),
                calls - self.calls,
                latency.p50,
                latency.p99,
                latency.max
            )
        };
        self.calls = calls;
        let (before, after) = if self.is_terminal {
            ("\r\x1b[K", "")
        } else {
            ("", "\n")
        };
        // Whoever does not read it does not want it.
        let _ = write!(std::io::stderr(), "{before}{line}{after}");
    }

    /// Leaves the last line standing.
    pub fn end(&self) {
        if self.is_terminal && !self.shape.quiet && self.next > EVERY {
            eprintln!();
        }
    }
}
