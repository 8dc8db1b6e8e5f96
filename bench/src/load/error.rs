//! Why load could not be put on a server.

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use super::caller::ReplyError;

/// See the variants.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server is not there.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where it should be.
        address: SocketAddrV4,
        /// What the kernel says.
        source: io::Error,
    },
    /// A connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The server ended a connection.
    #[error("the server closed a connection with {0} calls in flight")]
    Closed(usize),
    /// A reply is not what it must be.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// The server does not speak TLS.
    #[error("the server does not offer TLS (RFC 9289); is it --tls direct?")]
    NoTls,
    /// TLS failed.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The file of the CA cannot be used.
    #[error("--ca {path}: {reason}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// TLS without a CA.
    #[error("--tls needs --ca FILE: the CA that signed the server's certificate")]
    NoAuthority,
    /// The name is none.
    #[error("--name {0}: not a name or an address")]
    Name(String),
    /// A call of the preparation was not answered as it must be.
    #[error("{call} failed: {reason}")]
    Preparation {
        /// Which.
        call: &'static str,
        /// What came back.
        reason: String,
    },
    /// Nothing came back for long.
    #[error("no reply for {seconds} s, with {in_flight} calls in flight")]
    Silence {
        /// How long.
        seconds: u64,
        /// How many calls wait.
        in_flight: usize,
    },
    /// A number that makes no sense.
    #[error("--{0}: not a sensible number")]
    Number(&'static str),
    /// The report could not be written.
    #[error("the report: {0}")]
    Report(#[from] serde_json::Error),
}
