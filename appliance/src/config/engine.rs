//! `[engine]`: the poll loops.

use engine::Sealing;
use serde::Deserialize;
use toml::Spanned;

use super::Machine;
use super::findings::{Findings, Section};
use super::problem::Problem;
use crate::idle::IdleMode;
use crate::limits;

/// How the engines run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The cores, one engine on each.
    pub cores: Cores,
    /// What an engine does when there is nothing to do.
    pub idle: IdleMode,
    /// How file data goes out.
    pub tx: TxMode,
}

/// Cores of this machine, at least one, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

impl Cores {
    /// The core of the first engine.
    pub fn first(&self) -> usize {
        self.0.first().copied().unwrap_or_default()
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }
}

/// How file data goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxMode {
    /// Cache blocks are attached to mbufs.
    Attach,
    /// Cache blocks are copied into mbufs, for comparison.
    Copy,
}

impl TxMode {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Copy => "copy",
        }
    }

    /// How file data gets into a TLS record.
    pub fn sealing(self) -> Sealing {
        match self {
            Self::Attach => Sealing::OutOfPlace,
            Self::Copy => Sealing::CopyThenInPlace,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEngine {
    cores: Option<Spanned<Vec<Spanned<i64>>>>,
    idle: Option<Spanned<String>>,
    tx: Option<Spanned<String>>,
}

pub(super) fn check(
    raw: RawEngine,
    section: &Section,
    machine: &Machine,
    findings: &mut Findings,
) -> Option<Engine> {
    let cores = match raw.cores {
        Some(list) => check_cores(&list, section, machine, findings),
        None => Some(Cores(vec![machine.last_core()])),
    };
    let idle_modes = [IdleMode::Adaptive, IdleMode::Poll].map(|mode| (mode.word(), mode));
    let idle = findings.choice(section, "idle", raw.idle, IdleMode::Adaptive, &idle_modes);
    let tx_modes = [TxMode::Attach, TxMode::Copy].map(|mode| (mode.word(), mode));
    let tx = findings.choice(section, "tx", raw.tx, TxMode::Attach, &tx_modes);
    Some(Engine {
        cores: cores?,
        idle: idle?,
        tx: tx?,
    })
}

fn check_cores(
    list: &Spanned<Vec<Spanned<i64>>>,
    section: &Section,
    machine: &Machine,
    findings: &mut Findings,
) -> Option<Cores> {
    let count = list.get_ref().len();
    if count == 0 {
        let problem = Problem::ListLength {
            table: section.name,
            key: "cores",
            count,
            most: limits::CORES_MAX,
        };
        findings.report(Some(list.span()), problem);
        return None;
    }
    let mut cores = Vec::with_capacity(count);
    let mut wrong = false;
    for entry in list.get_ref() {
        let core = *entry.get_ref();
        let known = usize::try_from(core)
            .ok()
            .filter(|core| machine.has_core(*core));
        let problem = match known {
            Some(known) if cores.contains(&known) => Problem::CoreTwice { core },
            Some(known) => {
                cores.push(known);
                continue;
            }
            None => Problem::NoSuchCore {
                core,
                available: machine.cores_as_text(),
            },
        };
        findings.report(Some(entry.span()), problem);
        wrong = true;
    }
    if count > limits::CORES_MAX {
        findings.report(Some(list.span()), Problem::ManyCores { count });
        wrong = true;
    }
    (!wrong).then_some(Cores(cores))
}
