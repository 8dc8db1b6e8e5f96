//! TLS that is the same in every run: for the appliances our own, for their peers rustls' ordinary connections.

mod peer;
mod provider;
mod tickets;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
use rustls::time_provider::TimeProvider;

use crate::options::Options;

pub(crate) use peer::{PeerTls, Tunnel};
pub(crate) use provider::{provider, seed};

/// How connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Clear,
    /// TLS, asked for by a probe (RFC 9289).
    StartTls,
    /// TLS from the first byte.
    Direct,
}

impl Protection {
    pub(crate) fn of(option: u64) -> Self {
        match option {
            0 => Self::Clear,
            1 => Self::StartTls,
            _ => Self::Direct,
        }
    }
}

/// Every appliance's certificate and the origin's name both of these.
pub(crate) const APPLIANCE_NAME: &str = "appliance.test";
pub(crate) const ORIGIN_NAME: &str = "origin.test";

/// The time of day, in 2033.
const TODAY: Duration = Duration::from_secs(2_000_000_000);

pub(crate) const AUTHORITY: &[u8] = include_bytes!("../../certificates/ca.pem");
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("../../certificates/server.pem");
pub(crate) const KEY: &[u8] = include_bytes!("../../certificates/server-key.pem");

pub(crate) fn clock() -> tls::Clock {
    tls::Clock::new(|| TODAY)
}

#[derive(Debug)]
struct Today;

impl TimeProvider for Today {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(TODAY))
    }
}

/// What a server makes its session tickets with, if it gives any: keys of its own, which its next process does not
/// know.
pub(crate) fn tickets(options: &Options) -> Option<Arc<dyn ProducesTickets>> {
    (options.tickets == 1).then(|| Arc::new(tickets::Seeded::new()) as Arc<dyn ProducesTickets>)
}
