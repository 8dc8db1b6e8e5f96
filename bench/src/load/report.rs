//! What a run tells in the end.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::options::Shape;
use super::run::Outcome;
use super::tally::Latency;
use super::workload::Kind;

/// One run, as JSON tells it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub load: Shape,
    /// Seconds measured.
    pub seconds: f64,
    /// Calls that were due in them.
    pub calls: u64,
    /// Of these, without a reply 5 s after the end.
    pub unanswered: u64,
    /// Calls a second.
    pub calls_per_second: f64,
    /// Bytes of READ and WRITE data.
    pub data_bytes: u64,
    /// MiB of data a second.
    pub mib_per_second: f64,
    /// CPU seconds of the load generator itself.
    pub client_cpu_seconds: f64,
    /// Microseconds from when calls were due to their replies.
    pub latency_us: Latency,
    /// The same with what a closed loop leaves out filled in; in an open loop nothing is left out.
    pub latency_corrected_us: Latency,
    /// Microseconds by procedure, for those that were called.
    pub by_procedure_us: BTreeMap<&'static str, Latency>,
}

impl Report {
    /// Of a run of this shape.
    pub fn new(shape: &Shape, outcome: &Outcome) -> Self {
        let tally = &outcome.tally;
        let calls = tally.all_calls();
        let answered = calls - tally.unanswered;
        let data_calls = tally.calls(Kind::Read) + tally.calls(Kind::Write);
        let data_bytes = data_calls.min(answered) * u64::from(shape.size);
        let per_second = |count: u64| count as f64 / outcome.seconds;
        let latency_us = tally.all_latencies();
        let called = |kind: &Kind| tally.calls(*kind) > 0;
        Self {
            load: shape.clone(),
            seconds: outcome.seconds,
            calls,
            unanswered: tally.unanswered,
            calls_per_second: per_second(answered),
            data_bytes,
            mib_per_second: per_second(data_bytes) / f64::from(1 << 20),
            client_cpu_seconds: outcome.cpu_seconds,
            latency_us,
            latency_corrected_us: match shape.rate {
                Some(_) => latency_us,
                None => tally.corrected(),
            },
            by_procedure_us: Kind::ALL
                .into_iter()
                .filter(called)
                .map(|kind| (kind.name(), tally.latency(kind)))
                .collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:.0} calls/s, {:.1} MiB/s for {} s; {} calls unanswered; load generator: {:.2} CPU s",
            self.calls_per_second,
            self.mib_per_second,
            self.seconds,
            self.unanswered,
            self.client_cpu_seconds
        )?;
        writeln!(
            out,
            "{:>12} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "µs", "calls", "min", "p50", "p90", "p99", "p99.9", "max"
        )?;
        let rows = [
            ("all", self.latency_us),
            ("corrected", self.latency_corrected_us),
        ];
        let by_procedure = self.by_procedure_us.iter().map(|(name, row)| (*name, *row));
        for (name, row) in rows.into_iter().chain(by_procedure) {
            writeln!(
                out,
                "{name:>12} {:>10} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
                row.calls, row.min, row.p50, row.p90, row.p99, row.p999, row.max
            )?;
        }
        Ok(())
    }
}
