//! New certificates, trust and rules while connections are open.

use core::time::Duration;

use gateway::{Export, ExportsMoved};
use net::{ConnectionId, RxBuffer};

use super::{Admission, Channel, OriginTls, RekeyPolicy, client_security};
use crate::audit::Outcome;
use crate::engine::Engine;
use crate::limits::{JUDGEMENT_SLOTS_PER_TURN, JUDGEMENTS_PER_TURN};
use crate::session::Peer;

/// Who is trusted, and with what.
#[derive(Debug, Clone)]
pub struct Trust {
    /// As in [`Security::server`](super::Security::server).
    pub server: Option<tls::ServerConfig>,
    /// As in [`Security::origin`](super::Security::origin).
    pub origin: Option<OriginTls>,
    /// As in [`Security::admission`](super::Security::admission).
    pub admission: Vec<Admission>,
}

/// What may change while the engine runs.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Without TLS from the start it is of no consequence.
    pub trust: Trust,
    /// As many as there are of [`Trust::admission`]; see [`Gateway::reload`](gateway::Gateway::reload).
    pub exports: Vec<Export>,
    /// As in [`Security::rekey`](super::Security::rekey), for sessions from now on.
    pub rekey: RekeyPolicy,
}

impl<R: RxBuffer> Engine<R> {
    /// Takes new certificates, trust anchors, revocation lists and rules: for calls and handshakes from now on,
    /// and for the peers of open sessions, which are held against them once more in the turns that follow,
    /// [`JUDGEMENTS_PER_TURN`] in each. No call of a session is read before that. Those that are trusted
    /// no more end; all others go on (RFC 9289, 5.2).
    ///
    /// # Errors
    /// The exports are others than before. Nothing has changed.
    pub fn reload(&mut self, policy: Policy, now: Duration) -> Result<(), ExportsMoved> {
        let Policy {
            trust,
            exports,
            rekey,
        } = policy;
        let offers_tls = self.tls.is_some() && trust.server.is_some();
        self.gateway.reload(exports, offers_tls, now)?;
        if let Some(tls) = &mut self.tls {
            tls.server = trust.server;
            tls.origin = trust.origin;
            tls.admission = trust.admission;
            tls.rekey = rekey;
            tls.judgements.begin();
        }
        Ok(())
    }

    /// Holds some of the sessions that were there at the last reload against what it has brought; whether there
    /// may be more.
    pub(crate) fn judge_sessions(&mut self, now: Duration) -> bool {
        for _ in 0..JUDGEMENTS_PER_TURN {
            let Some((port, connection)) = self.next_unjudged() else {
                break;
            };
            if self.judge(port, connection, now) {
                self.tell_client(port, connection, now);
                self.run_actions(now);
                self.deliver(port, connection, now);
            }
        }
        self.tls.as_ref().is_some_and(|tls| tls.judgements.is_due())
    }

    /// Whether nothing may be read of a session yet; it has its turn before those that have nothing to say.
    pub(crate) fn awaits_judgement(&mut self, port: usize, connection: ConnectionId) -> bool {
        let Some(tls) = &mut self.tls else {
            return false;
        };
        let session = self.ports[port].sessions.get_mut(connection);
        let Some(Channel::Secure(secure)) = session.map(|session| &mut session.channel) else {
            return false;
        };
        let is_unjudged = secure.version != tls.judgements.version();
        if is_unjudged
            && std::mem::replace(&mut secure.asked_in, tls.judgements.version())
                != tls.judgements.version()
        {
            tls.judgements.asking.push_back((port, connection));
        }
        is_unjudged
    }

    fn next_unjudged(&mut self) -> Option<(usize, ConnectionId)> {
        while let Some((port, connection)) = self.tls.as_mut()?.judgements.asking.pop_front() {
            if self.is_unjudged(port, connection.index()).is_some() {
                return Some((port, connection));
            }
        }
        let (mut port, mut slot) = self.tls.as_mut()?.judgements.sweep.take()?;
        for _ in 0..JUDGEMENT_SLOTS_PER_TURN {
            let capacity = self.ports.get(port)?.sessions.capacity();
            if slot >= capacity {
                (port, slot) = (port + 1, 0);
                continue;
            }
            let unjudged = self.is_unjudged(port, slot);
            slot += 1;
            if let Some(connection) = unjudged {
                self.tls.as_mut()?.judgements.sweep = Some((port, slot));
                return Some((port, connection));
            }
        }
        self.tls.as_mut()?.judgements.sweep = Some((port, slot));
        None
    }

    /// The session in a slot, if it was not judged since the last reload.
    fn is_unjudged(&self, port: usize, slot: usize) -> Option<ConnectionId> {
        let version = self.tls.as_ref()?.judgements.version();
        let session = self.ports.get(port)?.sessions.at(slot)?;
        let is_unjudged =
            matches!(&session.channel, Channel::Secure(secure) if secure.version != version);
        (is_unjudged && !session.forgotten).then_some(session.connection)
    }

    /// Sessions that were not judged since the last reload.
    pub(crate) fn unjudged_sessions(&self) -> usize {
        let is_due = self.tls.as_ref().is_some_and(|tls| tls.judgements.is_due());
        let ports = if is_due { self.ports.len() } else { 0 };
        let slots = (0..ports).flat_map(|port| {
            let capacity = self.ports[port].sessions.capacity();
            (0..capacity).map(move |slot| (port, slot))
        });
        slots
            .filter(|(port, slot)| self.is_unjudged(*port, *slot).is_some())
            .count()
    }

    /// Holds a session against what is trusted now; ends it if it is not.
    pub(crate) fn judge(&mut self, port: usize, connection: ConnectionId, now: Duration) -> bool {
        let Some(tls) = &self.tls else {
            return false;
        };
        let Some(session) = self.ports[port].sessions.get_mut(connection) else {
            return false;
        };
        let Channel::Secure(secure) = &mut session.channel else {
            return false;
        };
        secure.version = tls.judgements.version();
        let certificate = secure.peer.as_ref();
        let is_trusted = match session.peer {
            Peer::Client(_) => tls
                .server
                .as_ref()
                .is_some_and(|server| server.recheck(certificate).is_ok()),
            Peer::Origin(_) => tls
                .origin
                .as_ref()
                .is_some_and(|origin| origin.config.recheck(&origin.name, certificate).is_ok()),
        };
        if !is_trusted {
            let lost = certificate.cloned();
            session.discard_output();
            self.audit(port, connection, Outcome::TrustLost(lost));
            self.forget(port, connection, now);
            self.close_when_flushed(port, connection);
            self.run_actions(now);
        }
        is_trusted
    }

    /// Tells the gateway what a client's certificate is good for.
    pub(crate) fn tell_client(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Some(session) = self.ports[port].sessions.get(connection) else {
            return;
        };
        if let (Peer::Client(client), Channel::Secure(secure), Some(tls)) =
            (session.peer, &session.channel, &self.tls)
        {
            let security = client_security(&tls.admission, secure.peer.as_ref(), secure.direct);
            self.gateway.client_secured(client, security, now);
        }
    }
}
