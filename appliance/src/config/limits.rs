//! `[limits]`: what one client may hold, and for how long.

use core::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Section};
use crate::limits;

/// Bounds on clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Client connections at a time.
    pub connections: usize,
    /// Calls remembered because they must not be executed twice.
    pub duplicates: usize,
    /// Time without a call after which a connection is closed.
    pub client_idle: Duration,
    /// Time that the rest of a call may stay away.
    pub call_silence: Duration,
    /// Time that a call may take to arrive.
    pub call_time: Duration,
    /// Time that a client may take nothing of its replies.
    pub reply_stall: Duration,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    connections: Option<Spanned<i64>>,
    duplicates: Option<Spanned<i64>>,
    client_idle_seconds: Option<Spanned<i64>>,
    call_silence_seconds: Option<Spanned<i64>>,
    call_time_seconds: Option<Spanned<i64>>,
    reply_stall_seconds: Option<Spanned<i64>>,
}

pub(super) fn check(raw: RawLimits, section: &Section, findings: &mut Findings) -> Option<Limits> {
    let defaults = gateway::Limits::default();
    let mut seconds = |key, field, default: Duration| {
        let range = limits::CLIENT_SECONDS;
        let seconds = findings.number(section, key, field, default.as_secs(), range)?;
        Some(Duration::from_secs(seconds))
    };
    let client_idle = seconds(
        "client_idle_seconds",
        raw.client_idle_seconds,
        defaults.client_idle,
    );
    let call_silence = seconds(
        "call_silence_seconds",
        raw.call_silence_seconds,
        defaults.record_silence,
    );
    let call_time = seconds(
        "call_time_seconds",
        raw.call_time_seconds,
        defaults.record_time,
    );
    let reply_stall = seconds(
        "reply_stall_seconds",
        raw.reply_stall_seconds,
        defaults.reply_stall,
    );
    let connections = findings.number(
        section,
        "connections",
        raw.connections,
        defaults.clients as u64,
        limits::CLIENT_CONNECTIONS,
    );
    let duplicates = findings.number(
        section,
        "duplicates",
        raw.duplicates,
        defaults.duplicates as u64,
        limits::DUPLICATES,
    );
    Some(Limits {
        connections: usize::try_from(connections?).ok()?,
        duplicates: usize::try_from(duplicates?).ok()?,
        client_idle: client_idle?,
        call_silence: call_silence?,
        call_time: call_time?,
        reply_stall: reply_stall?,
    })
}
