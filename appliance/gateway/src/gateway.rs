//! The whole of it: what comes in, what goes out, in which order to call.

use core::time::Duration;
use std::net::SocketAddrV4;

use cache::Cache;

use crate::action::{Action, ClientId, OriginId};
use crate::config::{GatewayConfig, Seeds};
use crate::error::ConnectionError;
use crate::stats::GatewayStats;

/// What is known of a client when it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// Where it connects from.
    pub peer: SocketAddrV4,
    /// The port it connected to.
    pub local_port: u16,
}

/// All decisions of an NFSv3 caching gateway, without I/O.
///
/// Feed it with `client_*`, `origin_*` and `handle_timeout`; after each of them take what it wants done
/// with [`Gateway::poll_action`] until that gives `None`. Call [`Gateway::handle_timeout`] when
/// [`Gateway::poll_timeout`] has come. `now` is the time since some fixed start and never goes back.
#[derive(Debug)]
pub struct Gateway {
    config: GatewayConfig,
    cache: Cache,
}

impl Gateway {
    /// A gateway over `cache`. It starts by connecting to the origin.
    pub fn new(config: GatewayConfig, cache: Cache, seeds: Seeds) -> Self {
        let _ = seeds;
        Self { config, cache }
    }

    /// A client has connected.
    pub fn client_opened(&mut self, client: ClientId, info: ClientInfo, now: Duration) {
        let _ = (client, info, now, &self.config);
    }

    /// A client's connection is gone.
    pub fn client_closed(&mut self, client: ClientId, now: Duration) {
        let _ = (client, now);
    }

    /// Takes the next bytes a client sent and returns how many it took.
    ///
    /// Fewer than given is back-pressure: offer the rest again later (after other events, or when
    /// [`Gateway::poll_timeout`] says so).
    ///
    /// # Errors
    /// The connection must be closed.
    pub fn client_bytes(
        &mut self,
        client: ClientId,
        bytes: &[u8],
        now: Duration,
    ) -> Result<usize, ConnectionError> {
        let _ = (client, now);
        Ok(bytes.len())
    }

    /// A connection asked for with [`Action::OpenOrigin`] is established.
    pub fn origin_opened(&mut self, origin: OriginId, now: Duration) {
        let _ = (origin, now);
    }

    /// A connection to the origin could not be established, or is gone.
    pub fn origin_closed(&mut self, origin: OriginId, now: Duration) {
        let _ = (origin, now);
    }

    /// Takes the next bytes the origin sent; like [`Gateway::client_bytes`].
    ///
    /// # Errors
    /// The connection must be closed (and `origin_closed` called).
    pub fn origin_bytes(
        &mut self,
        origin: OriginId,
        bytes: &[u8],
        now: Duration,
    ) -> Result<usize, ConnectionError> {
        let _ = (origin, now);
        Ok(bytes.len())
    }

    /// The next thing to do, or `None` when there is nothing left for now.
    pub fn poll_action(&mut self) -> Option<Action> {
        None
    }

    /// When [`Gateway::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        let _ = now;
    }

    /// Reads no new calls from now on; those in flight are finished.
    pub fn drain(&mut self) {}

    /// No call is in flight.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// Counters and gauges.
    pub fn stats(&self) -> GatewayStats {
        GatewayStats::default()
    }

    /// The block cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}
