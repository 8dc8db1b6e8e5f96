//! The end of a TLS connection, or of its keys.

use core::time::Duration;

use net::{ConnectionId, RxBuffer};
use tls::TlsError;

use super::Channel;
use crate::audit::Outcome;
use crate::engine::{Engine, Port};
use crate::session::Peer;

impl<R: RxBuffer> Engine<R> {
    /// Looks after connections of which something turned out while they were sending.
    pub(crate) fn attend_troubled(&mut self, now: Duration) {
        while let Some((port, connection)) = self
            .tls
            .as_mut()
            .and_then(|tls| tls.records.troubled.pop_front())
        {
            let Some(session) = self.ports[port].sessions.get_mut(connection) else {
                continue;
            };
            if let Some(error) = session.error.take() {
                self.fail_session(port, connection, error, now);
            } else {
                self.renew_keys(port, connection, now);
            }
        }
    }

    /// The keys of a connection have protected as many records as they should.
    fn renew_keys(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return;
        };
        let peer = session.peer;
        let Channel::Secure(secure) = &mut session.channel else {
            return;
        };
        if secure.updates_keys {
            // A session that is closing needs no new keys.
            let _ = secure.session.request_key_update(tls::PeerKeys::Update);
            secure.renewing = false;
            self.counters.key_updates += 1;
            stack.wake(connection);
            return;
        }
        self.counters.connections_retired += 1;
        match peer {
            // Nothing more is read: what was asked for and not answered is asked for again on the
            // connection that the client makes next.
            Peer::Client(client) => {
                secure.retiring = true;
                self.gateway.client_finished(client, now);
            }
            Peer::Origin(origin) => self.gateway.origin_retiring(origin, now),
        }
        self.run_actions(now);
    }

    /// The peer broke TLS, or we can go on with it no more: it is told why, and that is the end.
    pub(crate) fn fail_session(
        &mut self,
        port: usize,
        connection: ConnectionId,
        error: TlsError,
        now: Duration,
    ) {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return;
        };
        session.discard_output();
        stack.wake(connection);
        self.counters.sessions_failed += 1;
        self.audit(port, connection, Outcome::Failed(error.to_string()));
        self.forget(port, connection, now);
        self.close_when_flushed(port, connection);
    }

    /// Whether TLS has said goodbye on a flushed connection, or there is none; if not it does now.
    pub(crate) fn has_said_goodbye(&mut self, port: usize, connection: ConnectionId) -> bool {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return true;
        };
        let Channel::Secure(secure) = &mut session.channel else {
            return true;
        };
        secure.session.close();
        let is_done = !secure.session.has_control();
        if !is_done {
            stack.wake(connection);
        }
        is_done
    }
}
