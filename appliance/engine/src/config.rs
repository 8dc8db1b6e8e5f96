//! What an engine is told at start.

use core::net::Ipv4Addr;

/// Configuration of one engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The interfaces, at most [`MAX_PORTS`](crate::limits::MAX_PORTS).
    pub ports: Vec<net::Config>,
    /// Where clients come in.
    pub listen: Listen,
    /// Where the origin is.
    pub origin: Origin,
}

/// Where clients come in.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Index into [`EngineConfig::ports`].
    pub port: usize,
    /// TCP ports that are answered, any program on each.
    pub tcp_ports: Vec<u16>,
}

/// Where the origin is.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Index into [`EngineConfig::ports`].
    pub port: usize,
    /// Its address.
    pub address: Ipv4Addr,
    /// Connect from ports below 1024, as servers that export `secure` demand.
    pub reserved_source_ports: bool,
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A port index points past the ports, or there are too many ports.
    #[error("port {0} does not exist")]
    NoSuchPort(usize),
    /// The stack refuses the interface's configuration.
    #[error("port {port}: {source}")]
    Port {
        /// Index of the port.
        port: usize,
        /// What is wrong with it.
        source: net::ConfigError,
    },
    /// The slots of transmit memory do not hold a TLS record.
    #[error("slots of {0} bytes hold no TLS record: {size} are needed", size = crate::limits::SLOT_SIZE)]
    SlotsTooSmall(usize),
    /// More listening ports than the stack has room for.
    #[error("cannot listen on TCP port {0}: too many listening ports")]
    TooManyListeners(u16),
}
