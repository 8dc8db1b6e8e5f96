//! `[eal]`: how the DPDK environment is brought up.

use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Section};
use super::problem::Problem;
use crate::limits;

/// How EAL is initialised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eal {
    /// Memory EAL reserves at start, in MiB: cache (if it lies there), packet pools and EAL itself.
    pub memory_mib: u32,
    /// Prefix of EAL's runtime files, so that several DPDK processes do not meet.
    pub file_prefix: Option<String>,
    /// The least important messages of EAL and its drivers that reach standard error.
    pub log_level: EalLogLevel,
    /// What device addresses are.
    pub iova: IovaMode,
    /// Whether EAL's memory is hugepages. Ordinary pages do for virtual devices only.
    pub hugepages: bool,
}

/// What the addresses given to devices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IovaMode {
    /// EAL decides from its buses and privileges.
    Auto,
    /// Physical addresses.
    Physical,
    /// Virtual addresses.
    Virtual,
}

/// Importance of EAL's messages, from least talkative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EalLogLevel {
    /// Errors only.
    Error,
    /// And warnings.
    Warning,
    /// And what is unusual but right.
    Notice,
    /// And progress.
    Info,
    /// Everything.
    Debug,
}

impl EalLogLevel {
    const ALL: [(&str, Self); 5] = [
        ("error", Self::Error),
        ("warning", Self::Warning),
        ("notice", Self::Notice),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];
}

impl IovaMode {
    /// The word in the configuration, which for `pa` and `va` is also EAL's.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Physical => "pa",
            Self::Virtual => "va",
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEal {
    memory_mib: Option<Spanned<i64>>,
    file_prefix: Option<Spanned<String>>,
    log_level: Option<Spanned<String>>,
    iova: Option<Spanned<String>>,
    hugepages: Option<bool>,
}

/// `needed_mib` is what everything else in the configuration asks of EAL's memory; `None` when that is
/// not known because something there is wrong.
pub(super) fn check(
    raw: RawEal,
    section: &Section,
    needed_mib: Option<u32>,
    findings: &mut Findings,
) -> Option<Eal> {
    let memory_span = raw.memory_mib.as_ref().map(Spanned::span);
    let memory_mib = findings.number(
        section,
        "memory_mib",
        raw.memory_mib,
        needed_mib.unwrap_or(limits::EAL_BASE_MIB),
        limits::SIZE_MIB,
    );
    if let (Some(memory_mib), Some(needed_mib)) = (memory_mib, needed_mib)
        && memory_mib < needed_mib
    {
        findings.report(
            memory_span,
            Problem::MemoryTooSmall {
                memory_mib,
                needed_mib,
            },
        );
        return None;
    }
    let file_prefix = check_file_prefix(raw.file_prefix, findings);
    let log_level = findings.choice(
        section,
        "log_level",
        raw.log_level,
        EalLogLevel::Warning,
        &EalLogLevel::ALL,
    );
    let hugepages = raw.hugepages.unwrap_or(true);
    let iova_span = raw.iova.as_ref().map(Spanned::span);
    let choices =
        [IovaMode::Auto, IovaMode::Physical, IovaMode::Virtual].map(|mode| (mode.word(), mode));
    let iova = findings.choice(section, "iova", raw.iova, IovaMode::Auto, &choices);
    if iova == Some(IovaMode::Physical) && !hugepages {
        findings.report(iova_span, Problem::PhysicalWithoutHugepages);
    }
    Some(Eal {
        memory_mib: memory_mib?,
        file_prefix: file_prefix?,
        log_level: log_level?,
        iova: iova?,
        hugepages,
    })
}

/// The outer `None` means that there is a prefix and it is unusable.
#[expect(
    clippy::option_option,
    reason = "checked and absent are different things here"
)]
fn check_file_prefix(
    field: Option<Spanned<String>>,
    findings: &mut Findings,
) -> Option<Option<String>> {
    let Some(field) = field else {
        return Some(None);
    };
    let value = field.get_ref();
    let right_length = (1..=limits::FILE_PREFIX_BYTES_MAX).contains(&value.len());
    if right_length
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    {
        return Some(Some(field.into_inner()));
    }
    findings.report(
        Some(field.span()),
        Problem::FilePrefix {
            value: value.clone(),
        },
    );
    None
}
