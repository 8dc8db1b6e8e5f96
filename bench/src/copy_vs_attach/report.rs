//! What was measured, as a table and as JSON.

use std::fmt;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::{Machine, Spread};

/// One size from one place, both ways, in ticks for a payload.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// `frames`, `virtio`, or the cipher.
    pub kind: &'static str,
    /// Where payloads come from.
    pub place: &'static str,
    /// Bytes of a payload.
    pub len: usize,
    /// Copied; under TLS copied and then sealed in place.
    pub copy: Spread,
    /// Attached; under TLS sealed in one pass.
    pub attach: Spread,
}

/// All of them, with what they have to be read with.
#[derive(Debug)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Of DPDK.
    pub dpdk: String,
    /// Whether memory was hugepages.
    pub hugepages: bool,
    /// The core that was measured on.
    pub core: u16,
    /// What.
    pub cells: Vec<Cell>,
}

impl Report {
    /// Everything, with the commit it was measured at.
    pub fn to_json(&self) -> Json {
        let spread = |spread: &Spread| {
            let round = |ticks: f64| (ticks * 10.0).round() / 10.0;
            json!({
                "min": round(spread.min),
                "p10": round(spread.p10),
                "median": round(spread.median),
                "rounds": spread.rounds,
            })
        };
        let cells = self.cells.iter().map(|cell| {
            json!({
                "kind": cell.kind,
                "source": cell.place,
                "bytes": cell.len,
                "copy_ticks": spread(&cell.copy),
                "attach_ticks": spread(&cell.attach),
            })
        });
        json!({
            "commit": commit(),
            "cpu": self.machine.cpu,
            "load": self.machine.load,
            "tsc_hz": self.machine.tsc_hz,
            "core_cycles_per_tick": (self.machine.core_per_tsc * 100.0).round() / 100.0,
            "dpdk": self.dpdk,
            "configuration": {
                "core": self.core,
                "pages": self.pages(),
                "sources": super::PLACES.iter().map(|(place, bytes)| json!({ "name": place, "bytes": bytes })).collect::<Vec<_>>(),
            },
            "cells": cells.collect::<Vec<_>>(),
        })
    }

    /// Nanoseconds of so many ticks.
    pub fn nanoseconds(&self, ticks: f64) -> f64 {
        ticks * 1e9 / self.machine.tsc_hz as f64
    }

    fn pages(&self) -> &'static str {
        if self.hugepages {
            "hugepages"
        } else {
            "ordinary pages"
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {}, {}, load {}; nanoseconds for a payload, fastest rounds",
            self.machine.cpu,
            self.dpdk,
            self.pages(),
            self.machine.load,
        )?;
        writeln!(
            f,
            "{:<12} {:<5} {:>9} {:>12} {:>12} {:>7}",
            "", "from", "bytes", "copy", "attach", "ratio"
        )?;
        for cell in &self.cells {
            writeln!(
                f,
                "{:<12} {:<5} {:>9} {:>12.0} {:>12.0} {:>7.2}",
                cell.kind,
                cell.place,
                cell.len,
                self.nanoseconds(cell.copy.min),
                self.nanoseconds(cell.attach.min),
                cell.copy.min / cell.attach.min,
            )?;
        }
        Ok(())
    }
}

/// The commit of the working directory, and whether it is more than that.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}
