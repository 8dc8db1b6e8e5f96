//! Counters of one engine, as its owner publishes them.

/// Counters of all parts of an engine.
#[derive(Clone, Debug)]
pub struct EngineStats {
    /// Of the cache.
    pub cache: cache::CacheStats,
    /// Of the gateway.
    pub gateway: gateway::GatewayStats,
    /// Of the stacks, by port.
    pub ports: Vec<net::Stats>,
    /// Clients connected.
    pub clients: usize,
    /// Connections to the origin, those being opened included.
    pub origin_connections: usize,
    /// Sessions whose bytes wait for memory or for their turn.
    pub stalled: usize,
    /// Connections reset because a client did not take its replies.
    pub stalled_clients_closed: u64,
    /// Of TLS.
    pub security: SecurityStats,
}

/// Counters of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecurityStats {
    /// Handshakes finished.
    pub handshakes: u64,
    /// Of these, with a ticket of an earlier session.
    pub handshakes_resumed: u64,
    /// Handshakes that failed.
    pub handshakes_failed: u64,
    /// Handshakes that took too long.
    pub handshakes_timed_out: u64,
    /// Handshakes under way.
    pub handshakes_under_way: usize,
    /// Sessions that were not held against what is trusted now yet.
    pub sessions_unjudged: usize,
    /// Connections that sent other than a handshake after the probe.
    pub clear_bytes_after_probe: u64,
    /// Sessions ended because the peer broke the protocol, or a key was worn out.
    pub sessions_failed: u64,
    /// Sessions whose peer sent FIN without saying goodbye.
    pub truncations: u64,
    /// Our own key updates.
    pub key_updates: u64,
    /// Connections replaced before their keys were worn out.
    pub connections_retired: u64,
    /// Bytes of file data sealed.
    pub sealed_bytes: u64,
    /// Bytes of file data copied in order to be sealed.
    pub copied_bytes: u64,
    /// Bytes of file data opened straight into their block.
    pub opened_in_place_bytes: u64,
    /// Slots of transmit memory in use.
    pub slots_in_use: usize,
    /// References of the wire to slots.
    pub slot_wire_references: u64,
    /// Security decisions that came too fast for the log.
    pub audits_lost: u64,
}
