//! Security decisions for the log (RFC 9289, 7.3 requires one for every connection).

use core::net::SocketAddrV4;

use gateway::ClientId;
use net::{ConnectionId, RxBuffer};
use tls::{Established, PeerIdentity};

use crate::engine::Engine;
use crate::limits;
use crate::session::Peer;

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

impl<R: RxBuffer> Engine<R> {
    /// Notes a decision for the log.
    pub(crate) fn audit(&mut self, port: usize, connection: ConnectionId, outcome: Outcome) {
        let Some(session) = self.ports[port].sessions.get(connection) else {
            return;
        };
        if self.audits.len() >= limits::AUDIT_QUEUE {
            self.counters.audits_lost += 1;
            return;
        }
        self.audits.push_back(Audit {
            remote: session.remote,
            is_origin: matches!(session.peer, Peer::Origin(_)),
            outcome,
        });
    }

    /// A client goes on in clear.
    pub(crate) fn log_clear(&mut self, client: Option<ClientId>) {
        let port = self.listen_port;
        let session = client.and_then(|client| self.ports[port].sessions.client_mut(client));
        if let Some(session) = session {
            session.logged = true;
            let connection = session.connection;
            self.audit(port, connection, Outcome::Clear);
        }
    }
}
