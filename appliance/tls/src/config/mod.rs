//! What the operator decides, checked once: settings in, configurations for any number of
//! handshakes out.

mod check;
mod client;
mod hooks;
mod provider;
mod server;
mod verifier;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

pub use client::{ClientConfig, ClientSettings};
pub use server::{ClientCertificates, ServerConfig, ServerSettings};

pub(crate) use provider::{negotiated_suite, record_cipher};

use crate::error::ConfigError;

/// What to do about the application protocol "sunrpc", which RFC 9289 section 4.3 demands. Linux
/// and FreeBSD clients do not offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// A peer that does not speak of protocols at all is accepted; a wrong protocol is not.
    Lenient,
    /// Without "sunrpc" there is no session.
    Strict,
}

/// The protocol name of RFC 9289 section 8.2.
pub(crate) const SUNRPC: &[u8] = b"sunrpc";

/// The time of day, from the caller.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that asks `now` for the time since 1970-01-01T00:00:00Z.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Time since 1970.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock at {:?}", self.now())
    }
}

/// Where secrets of sessions go, for debugging: whoever reads them reads everything.
#[derive(Clone)]
pub struct KeyLog(Arc<dyn Fn(&str) + Send + Sync>);

impl KeyLog {
    /// Gives `write` each line of a key log file as Wireshark reads it, without its line end.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    fn write(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

/// The keys that encrypt session tickets. Share one among all cores, so that a client resumes
/// wherever it lands. Tickets of other keys are ignored: after a change of trust anchors,
/// revocation lists or policy make new ones, so that every client shows its certificate again.
#[derive(Clone)]
pub struct Tickets(Arc<dyn rustls::server::ProducesTickets>);

impl Tickets {
    /// Fresh random keys, which roll over every six hours (by the system's clock).
    ///
    /// # Errors
    /// The random number generator failed.
    pub fn new() -> Result<Self, ConfigError> {
        rustls::crypto::aws_lc_rs::Ticketer::new()
            .map(Self)
            .map_err(|error| ConfigError::Library(error.to_string()))
    }

    /// Keys of the caller's own: for simulations, as [`ServerConfig::with_provider`].
    #[must_use]
    pub fn with_producer(producer: Arc<dyn rustls::server::ProducesTickets>) -> Self {
        Self(producer)
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}
