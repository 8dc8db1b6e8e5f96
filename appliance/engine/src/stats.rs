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
}
