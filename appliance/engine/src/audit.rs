//! Security decisions for the log (RFC 9289, 7.3 requires one for every connection).

use core::net::SocketAddrV4;

use tls::{Established, PeerIdentity};

/// What was decided about one connection.
#[derive(Debug)]
pub struct Audit {
    /// The other end.
    pub remote: SocketAddrV4,
    /// Whether the other end is the origin, and not a client.
    pub is_origin: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a connection.
#[derive(Debug)]
pub enum Outcome {
    /// It goes on in clear.
    Clear,
    /// It speaks TLS.
    Established {
        /// How.
        established: Established,
        /// From its first byte, without a probe.
        direct: bool,
    },
    /// It was ended, for this reason.
    Failed(String),
    /// Setting up TLS took too long.
    TimedOut,
    /// Other than a handshake followed the probe.
    ClearAfterProbe,
    /// Who it has proved to be is trusted no more.
    TrustLost(Option<PeerIdentity>),
}
