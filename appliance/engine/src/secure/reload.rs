//! New certificates, trust and rules while connections are open.

use core::time::Duration;

use net::RxBuffer;

use super::{Admission, Channel, OriginTls, client_security};
use crate::audit::Outcome;
use crate::engine::Engine;
use crate::session::Peer;

/// What may change while the engine runs.
#[derive(Debug, Clone)]
pub struct Trust {
    /// As in [`Security::server`](super::Security::server).
    pub server: Option<tls::ServerConfig>,
    /// As in [`Security::origin`](super::Security::origin).
    pub origin: Option<OriginTls>,
    /// As in [`Security::admission`](super::Security::admission).
    pub admission: Vec<Admission>,
}

impl<R: RxBuffer> Engine<R> {
    /// Takes new certificates, trust anchors, revocation lists and rules: for handshakes from now on, and for
    /// the peers of open sessions, which are held against them once more. Sessions that are trusted no
    /// more end; all others go on (RFC 9289, 5.2). Without TLS from the start there is nothing to change.
    pub fn reload(&mut self, trust: Trust, now: Duration) {
        let Some(tls) = &mut self.tls else {
            return;
        };
        tls.server.clone_from(&trust.server);
        tls.origin.clone_from(&trust.origin);
        tls.admission.clone_from(&trust.admission);
        for port in 0..self.ports.len() {
            for slot in 0..self.ports[port].sessions.capacity() {
                self.recheck(port, slot, &trust, now);
            }
        }
        self.run_actions(now);
    }

    fn recheck(&mut self, port: usize, slot: usize, trust: &Trust, now: Duration) {
        let Some(session) = self.ports[port].sessions.at(slot) else {
            return;
        };
        let Channel::Secure(secure) = &session.channel else {
            return;
        };
        let (connection, certificate) = (session.connection, secure.peer.as_ref());
        let is_trusted = match session.peer {
            Peer::Client(_) => trust
                .server
                .as_ref()
                .is_some_and(|server| server.recheck(certificate).is_ok()),
            Peer::Origin(_) => trust
                .origin
                .as_ref()
                .is_some_and(|origin| origin.config.recheck(&origin.name, certificate).is_ok()),
        };
        if !is_trusted {
            let lost = certificate.cloned();
            self.audit(port, connection, Outcome::TrustLost(lost));
            if let Some(session) = self.ports[port].sessions.get_mut(connection) {
                session.discard_output();
            }
            self.forget(port, connection, now);
            self.close_when_flushed(port, connection);
            return;
        }
        if let Peer::Client(client) = session.peer {
            let security = client_security(&trust.admission, certificate, secure.direct);
            self.gateway.client_secured(client, security, now);
        }
    }
}
