//! The comparison as Markdown.

use std::fmt::Write as _;

use serde_json::Value;

use super::{LOADS, PeersError};

/// One load on one server.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The server.
    pub server: &'static str,
    /// What `bench load` told.
    pub report: Value,
    /// CPU seconds of every process that serves.
    pub cpu: Vec<(String, f64)>,
    /// Of Wirepage: seconds of turns that did anything.
    pub busy_seconds: Option<f64>,
    /// CPU seconds of the virtual switch, which polls.
    pub switch_seconds: Option<f64>,
}

/// Everything measured.
#[derive(Debug)]
pub struct Report {
    machine: Vec<String>,
    seconds: f64,
    rows: Vec<(&'static str, Measured)>,
    failures: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(machine: Vec<String>, seconds: f64) -> Self {
        Self {
            machine,
            seconds,
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// One more.
    pub fn add(&mut self, load: &'static str, measured: Measured) {
        self.rows.push((load, measured));
    }

    /// A server that could not be measured.
    pub fn fail(&mut self, server: &str, error: &PeersError) {
        let reason = error.to_string();
        let last = reason.lines().rfind(|line| !line.trim().is_empty());
        self.failures
            .push(format!("{server}: {}", last.unwrap_or_default()));
    }

    /// The report.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "# Wirepage and its peers under the same load\n\n\
             Made by `cargo run --release -p bench -- peers` (see [bench/README.md](../README.md)); configurations\n\
             are in [bench/peers](../peers). CPU seconds are those of /proc/PID/stat, of every process that serves,\n\
             the origin included, over the whole run.\n\n",
        );
        for line in &self.machine {
            let _ = writeln!(text, "- {line}");
        }
        for load in &LOADS {
            let _ = write!(
                text,
                "\n## {}\n\n`bench load --seconds {} {}`\n\n{HEADER}",
                load.name,
                self.seconds,
                load.arguments.join(" ")
            );
            for (name, measured) in &self.rows {
                if *name == load.name {
                    text.push_str(&row(measured));
                }
            }
        }
        if !self.failures.is_empty() {
            text.push_str("\n## Not measured\n\n");
            for failure in &self.failures {
                let _ = writeln!(text, "- {failure}");
            }
        }
        text
    }
}

const HEADER: &str = "\
| server | calls/s | MiB/s | p50 µs | p99 µs | p99.9 µs | CPU s per GiB | CPU s per 1,000 calls | CPU s of each | busy s | switch s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |
";

fn row(measured: &Measured) -> String {
    let report = &measured.report;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let latency = |key: &str| number(&report["latency_us"][key]);
    let cpu: f64 = measured.cpu.iter().map(|(_, seconds)| seconds).sum();
    let gib = number(&report["data_bytes"]) / f64::from(1 << 30);
    let calls = number(&report["calls"]) / 1000.0;
    let each: Vec<_> = measured
        .cpu
        .iter()
        .map(|(name, seconds)| format!("{name} {seconds:.2}"))
        .collect();
    let optional = |seconds: Option<f64>| match seconds {
        Some(seconds) => format!("{seconds:.2}"),
        None => "–".to_owned(),
    };
    format!(
        "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.4} | {} | {} | {} |\n",
        measured.server,
        number(&report["calls_per_second"]),
        number(&report["mib_per_second"]),
        latency("p50"),
        latency("p99"),
        latency("p999"),
        cpu / gib,
        cpu / calls,
        each.join(", "),
        optional(measured.busy_seconds),
        optional(measured.switch_seconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_cost_by_byte_and_by_call() {
        let measured = Measured {
            server: "somebody",
            report: serde_json::json!({
                "calls": 4000, "data_bytes": 1_u64 << 31, "calls_per_second": 500.0, "mib_per_second": 256.0,
                "latency_us": {"p50": 10.0, "p99": 20.0, "p999": 30.0}
            }),
            cpu: vec![("one".to_owned(), 1.0), ("two".to_owned(), 0.5)],
            busy_seconds: None,
            switch_seconds: Some(8.0),
        };
        assert_eq!(
            row(&measured),
            "| somebody | 500 | 256 | 10 | 20 | 30 | 0.75 | 0.3750 | one 1.00, two 0.50 | – | 8.00 |\n"
        );
    }

    #[test]
    fn every_load_has_a_table_and_failures_are_told() {
        let mut report = Report::new(vec!["Machine: a small one".to_owned()], 8.0);
        report.fail("nobody", &PeersError::NoProcess("origin".to_owned()));
        let text = report.markdown();
        for load in &LOADS {
            assert!(text.contains(load.name), "{text}");
        }
        assert!(
            text.contains("- nobody: no origin runs in the lab\n"),
            "{text}"
        );
    }
}
