//! `[control]`: the local socket that answers `wirepage stats`.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::findings::Findings;
use super::problem::Problem;
use crate::limits;

/// The control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Absolute, at most [`limits::SOCKET_PATH_BYTES_MAX`] bytes.
    pub socket: PathBuf,
}

/// Where the control socket is unless the configuration says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/wirepage/control.sock";

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawControl {
    socket: Option<Spanned<String>>,
}

pub(super) fn check(raw: RawControl, findings: &mut Findings) -> Option<Control> {
    let Some(field) = raw.socket else {
        return Some(Control {
            socket: PathBuf::from(DEFAULT_SOCKET),
        });
    };
    let span = Some(field.span());
    let value = field.into_inner();
    let reason = if !value.starts_with('/') {
        "it is not absolute; begin it with a slash"
    } else if value.len() > limits::SOCKET_PATH_BYTES_MAX {
        "a Unix socket path has at most 107 bytes; use a shorter one"
    } else if value.contains('\0') {
        "it contains NUL; remove it"
    } else if value.ends_with('/') {
        "it names a directory; add a file name"
    } else {
        return Some(Control {
            socket: PathBuf::from(value),
        });
    };
    findings.report(span, Problem::SocketPath { value, reason });
    None
}
