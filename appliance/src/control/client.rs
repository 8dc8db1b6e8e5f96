//! The command line's end of the control socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::STATS_REQUEST;
use crate::limits;

/// Why there are no counters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// Nobody listens.
    #[error(
        "{}: no appliance answers here: start it with `wirepage run`, or name its control socket with \
         --socket or its configuration with --config", .0.display()
    )]
    NotRunning(PathBuf),
    /// The socket belongs to another user.
    #[error("{}: this control socket is another user's: ask as the user the appliance runs as", .0.display())]
    NotPermitted(PathBuf),
    /// It listens but does not answer properly in time.
    #[error("{}: the appliance does not answer: {source}", path.display())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The appliance answered that it cannot.
    #[error("{}: the appliance has no counters to give: {message}", path.display())]
    Appliance {
        /// The socket.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// Something else listens there.
    #[error("{}: what answers here is no appliance: it did not send a JSON object", .0.display())]
    NotAnAppliance(PathBuf),
}

/// Asks the appliance at `socket` for its counters: one JSON object, without a line end.
pub fn stats(socket: &Path) -> Result<String, StatsError> {
    let path = || socket.to_owned();
    let stream = UnixStream::connect(socket).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => StatsError::NotRunning(path()),
        ErrorKind::PermissionDenied => StatsError::NotPermitted(path()),
        _ => StatsError::NoAnswer {
            path: path(),
            source,
        },
    })?;
    let reply = exchange(stream).map_err(|source| StatsError::NoAnswer {
        path: path(),
        source,
    })?;
    let json: serde_json::Value =
        serde_json::from_str(&reply).map_err(|_| StatsError::NotAnAppliance(path()))?;
    let object = json
        .as_object()
        .ok_or_else(|| StatsError::NotAnAppliance(path()))?;
    match object.get("error") {
        Some(message) => Err(StatsError::Appliance {
            path: path(),
            message: message.as_str().unwrap_or_default().to_owned(),
        }),
        None => Ok(reply.trim_end().to_owned()),
    }
}

fn exchange(mut stream: UnixStream) -> io::Result<String> {
    stream.set_read_timeout(Some(limits::STATS_TIMEOUT))?;
    stream.set_write_timeout(Some(limits::STATS_TIMEOUT))?;
    stream.write_all(format!("{STATS_REQUEST}\n").as_bytes())?;
    let mut reply = String::new();
    stream
        .take(limits::CONTROL_REPLY_BYTES_MAX as u64)
        .read_to_string(&mut reply)?;
    if reply.ends_with('\n') {
        return Ok(reply);
    }
    Err(io::Error::new(
        ErrorKind::UnexpectedEof,
        "the answer is not complete",
    ))
}
