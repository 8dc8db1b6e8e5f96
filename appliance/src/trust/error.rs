//! Why certificates, keys or lists cannot be used.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::limits;

/// Why certificates, keys or lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("{}: cannot read it: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Anybody may read a private key.
    #[error(
        "{}: everybody on this machine may use this private key (mode {mode:03o}): run chmod 600 on it, and \
         think of renewing it", path.display()
    )]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in a file cannot be used.
    #[error("{} ({table}): {source}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The table that names it.
        table: &'static str,
        /// What is wrong with it, and the remedy.
        source: tls::ConfigError,
    },
    /// The files of a table cannot be used together.
    #[error("{table}: {source}")]
    Refused {
        /// The table.
        table: &'static str,
        /// Why not.
        source: tls::ConfigError,
    },
    /// The file for secrets cannot be written.
    #[error("{}: cannot open this [tls] key_log: {source}", path.display())]
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why nothing new was taken.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that it names is.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The appliance was started without TLS, and there is no memory for records.
    #[error(
        "an [[export]] accepts TLS now, and none did when the appliance was started: its records need memory, \
         so restart it, or write security = \"none\""
    )]
    NoRecordMemory,
    /// Too many exports have come and gone.
    #[error(
        "there have been more than {} different [[export]] paths since the appliance was started: restart it",
        limits::EXPORTS_MAX
    )]
    TooManyExports,
}
