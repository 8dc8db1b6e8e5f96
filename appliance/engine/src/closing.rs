//! How connections end: at once, or when what is owed has been sent.

use std::time::Duration;

use gateway::ClientId;
use net::{ConnectionId, RxBuffer};

use crate::engine::{Engine, Port};
use crate::session::Peer;

impl<R: RxBuffer> Engine<R> {
    pub(crate) fn close_client(&mut self, client: ClientId, now: Duration) {
        if let Some(session) = self.ports[self.listen_port].sessions.client_mut(client) {
            let connection = session.connection;
            self.forget(self.listen_port, connection, now);
            self.close_when_flushed(self.listen_port, connection);
        }
    }

    pub(crate) fn reset_client(&mut self, client: ClientId, now: Duration) {
        if let Some(session) = self.ports[self.listen_port].sessions.client_mut(client) {
            let connection = session.connection;
            self.cut_off(self.listen_port, connection, now);
        }
    }

    /// Ends a connection at once: there is nothing more to be said on it.
    pub(crate) fn cut_off(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        self.ports[port].stack.abort(connection);
        self.forget(port, connection, now);
        self.end_session(port, connection);
    }

    /// Acts on the peer's FIN when everything before it was taken. What came of a record that is not whole
    /// never was.
    pub(crate) fn finish_if_closed(
        &mut self,
        port: usize,
        connection: ConnectionId,
        now: Duration,
    ) {
        if let Some(session) = self.ports[port].sessions.get_mut(connection)
            && std::mem::take(&mut session.peer_closed)
        {
            self.finish(port, connection, now);
        }
    }

    /// Everything a peer that sends no more has sent was taken. A client gets the replies it is still
    /// owed, after which the gateway has the connection closed; of the origin nothing more is wanted.
    pub(crate) fn finish(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Some(session) = self.ports[port].sessions.get(connection) else {
            return;
        };
        match session.peer {
            _ if session.forgotten => {}
            Peer::Client(client) => {
                self.gateway.client_finished(client, now);
                self.run_actions(now);
                return;
            }
            Peer::Origin(_) => self.forget(port, connection, now),
        }
        self.close_when_flushed(port, connection);
    }

    /// Tells the gateway that the peer is gone, once.
    pub(crate) fn forget(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return;
        };
        if std::mem::replace(&mut session.forgotten, true) {
            return;
        }
        // A connection is not over as long as something of it is unread.
        let len = stack.received_len(connection);
        stack.consume(connection, len);
        match session.peer {
            Peer::Client(client) => self.gateway.client_closed(client, now),
            Peer::Origin(origin) => {
                self.origins.retain(|&(id, _)| id != origin);
                self.gateway.origin_closed(origin, now);
            }
        }
    }

    pub(crate) fn close_when_flushed(&mut self, port: usize, connection: ConnectionId) {
        if let Some(session) = self.ports[port].sessions.get_mut(connection)
            && !session.closing
        {
            session.closing = true;
            self.closing.push_back((port, connection));
        }
    }

    pub(crate) fn close_flushed(&mut self, now: Duration) {
        for _ in 0..self.closing.len() {
            let Some((port, connection)) = self.closing.pop_front() else {
                break;
            };
            let Some(session) = self.ports[port].sessions.get(connection) else {
                continue;
            };
            if session.is_flushed() && self.has_said_goodbye(port, connection) {
                self.ports[port].stack.close(connection, now);
            } else {
                self.closing.push_back((port, connection));
            }
        }
    }
}
