//! Setting up TLS: from the first byte of a handshake to records.

use core::time::Duration;

use net::{ConnectionId, RxBuffer};
use tls::{Handshake, TlsError};

use super::channel::Handshaking;
use super::{Channel, Rekey, Secure};
use crate::audit::Outcome;
use crate::engine::{Engine, Port};
use crate::limits::{HANDSHAKE_STEPS_PER_TURN, HANDSHAKE_TIME};
use crate::session::Peer;

/// First byte of a TLS record with a handshake message (RFC 8446, 5.1). As the first byte of an RPC record
/// it would announce a fragment of 369 MB, which nobody sends.
pub(crate) const HANDSHAKE_RECORD: u8 = 22;

impl<R: RxBuffer> Engine<R> {
    /// The first byte a client sends says whether it speaks TLS from there.
    pub(crate) fn decide_channel(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Port { stack, sessions } = &mut self.ports[port];
        let (Some(session), Some(first)) = (
            sessions.get_mut(connection),
            stack.peek(connection).and_then(<[u8]>::first),
        ) else {
            return;
        };
        if *first == HANDSHAKE_RECORD {
            session.channel = Channel::Agreed {
                direct: true,
                since: now,
            };
        } else {
            session.channel = Channel::Clear;
        }
    }

    /// A probe was answered with STARTTLS: nothing but a handshake may follow.
    pub(crate) fn secure_client(&mut self, client: gateway::ClientId, now: Duration) {
        let port = self.listen_port;
        if let Some(session) = self.ports[port].sessions.client_mut(client) {
            session.channel = Channel::Agreed {
                direct: false,
                since: now,
            };
        }
    }

    /// The origin is to be spoken to in TLS from now on.
    pub(crate) fn secure_origin(&mut self, origin: gateway::OriginId, now: Duration) {
        let port = self.origin.port;
        let Some(connection) = self.connection_of(origin) else {
            return;
        };
        let Some((settings, version)) = self
            .tls
            .as_ref()
            .and_then(|tls| Some((tls.origin.clone()?, tls.judgements.version())))
        else {
            return self.cut_off(port, connection, now);
        };
        match Handshake::connect(&settings.config, &settings.name) {
            Ok(handshake) => {
                if let Some(session) = self.ports[port].sessions.get_mut(connection) {
                    session.channel = Channel::Handshake(Box::new(Handshaking {
                        handshake,
                        direct: false,
                        since: now,
                        version,
                    }));
                }
                if let Some(tls) = &mut self.tls {
                    tls.handshakes.force();
                }
                self.step_handshake(port, connection, now);
            }
            Err(_) => self.cut_off(port, connection, now),
        }
    }

    /// Bytes of a handshake have arrived.
    pub(crate) fn queue_handshake(&mut self, port: usize, connection: ConnectionId) {
        let Some(session) = self.ports[port].sessions.get_mut(connection) else {
            return;
        };
        if let Some(tls) = &mut self.tls
            && !std::mem::replace(&mut session.queued, true)
        {
            tls.handshakes.push(port, connection);
        }
    }

    /// Gives handshakes their turn and ends those that take too long; whether there were any.
    pub(crate) fn advance_handshakes(&mut self, now: Duration) -> bool {
        let mut busy = self.end_slow_handshakes(now);
        for _ in 0..HANDSHAKE_STEPS_PER_TURN {
            busy |= self.next_handshake(now);
        }
        busy
    }

    /// The next one takes its turn; connections that are gone have none.
    fn next_handshake(&mut self, now: Duration) -> bool {
        while let Some((port, connection)) = self.tls.as_mut().and_then(|tls| tls.handshakes.pop())
        {
            if let Some(session) = self.ports[port].sessions.get_mut(connection) {
                session.queued = false;
                self.step_handshake(port, connection, now);
                return true;
            }
        }
        false
    }

    /// Ends the connections on which TLS is not set up in time, now and then.
    fn end_slow_handshakes(&mut self, now: Duration) -> bool {
        let Some(tls) = &mut self.tls else {
            return false;
        };
        if !tls.handshakes.is_sweep_due(now) {
            return false;
        }
        let mut busy = false;
        for port in 0..self.ports.len() {
            for slot in 0..self.ports[port].sessions.capacity() {
                let Some(session) = self.ports[port].sessions.at(slot) else {
                    continue;
                };
                let since = session.channel.opening_since();
                if since.is_some_and(|since| since.saturating_add(HANDSHAKE_TIME) <= now) {
                    let connection = session.connection;
                    self.counters.handshakes_timed_out += 1;
                    self.audit(port, connection, Outcome::TimedOut);
                    self.cut_off(port, connection, now);
                    busy = true;
                }
            }
        }
        busy
    }

    /// Looks at what has arrived of one handshake.
    fn step_handshake(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        if !self.begin_handshake(port, connection, now) {
            return;
        }
        let result = self.feed_handshake(port, connection);
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return;
        };
        let Channel::Handshake(state) = &mut session.channel else {
            return;
        };
        session.handshake_output.append(state.handshake.output());
        let is_complete = state.handshake.is_complete();
        stack.wake(connection);
        match result {
            Err(error) => self.fail_handshake(port, connection, &error, now),
            Ok(()) if is_complete => {
                self.finish_handshake(port, connection, now);
            }
            Ok(()) if session.peer_closed => {
                let error = TlsError::UnexpectedMessage("the connection ended in the handshake");
                self.fail_handshake(port, connection, &error, now);
            }
            Ok(()) => {}
        }
    }

    /// Makes sure that the handshake has begun; `false` when it cannot now, or not at all.
    fn begin_handshake(&mut self, port: usize, connection: ConnectionId, now: Duration) -> bool {
        let Port { stack, sessions } = &mut self.ports[port];
        let (Some(session), Some(tls)) = (sessions.get_mut(connection), &mut self.tls) else {
            return false;
        };
        let Channel::Agreed { direct, since } = session.channel else {
            return matches!(session.channel, Channel::Handshake(_));
        };
        match stack.peek(connection).and_then(<[u8]>::first) {
            None if session.peer_closed => {
                self.cut_off(port, connection, now);
                return false;
            }
            None => return false,
            Some(&HANDSHAKE_RECORD) => {}
            // Clear bytes after the probe are not answered (RFC 9289, 4.1).
            Some(_) => {
                self.counters.clear_bytes_after_probe += 1;
                self.audit(port, connection, Outcome::ClearAfterProbe);
                self.cut_off(port, connection, now);
                return false;
            }
        }
        let Some(server) = &tls.server else {
            self.cut_off(port, connection, now);
            return false;
        };
        if !tls.handshakes.begin() {
            session.queued = true;
            tls.handshakes.wait(port, connection);
            return false;
        }
        match Handshake::accept(server) {
            Ok(handshake) => {
                let state = Handshaking {
                    handshake,
                    direct,
                    since,
                    version: tls.judgements.version(),
                };
                session.channel = Channel::Handshake(Box::new(state));
                true
            }
            Err(_) => {
                tls.handshakes.end();
                self.cut_off(port, connection, now);
                false
            }
        }
    }

    /// Hands over what has arrived, up to the end of the handshake.
    fn feed_handshake(&mut self, port: usize, connection: ConnectionId) -> Result<(), TlsError> {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return Ok(());
        };
        let Channel::Handshake(state) = &mut session.channel else {
            return Ok(());
        };
        while !state.handshake.is_complete()
            && let Some(bytes) = stack.peek(connection)
        {
            let consumed = state.handshake.handle(bytes)?;
            stack.consume(connection, consumed);
            if consumed == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The handshake is over: what comes now are records.
    fn finish_handshake(&mut self, port: usize, connection: ConnectionId, now: Duration) {
        let Some(session) = self.ports[port].sessions.get_mut(connection) else {
            return;
        };
        let Channel::Handshake(state) = std::mem::replace(&mut session.channel, Channel::Failed)
        else {
            return;
        };
        if let Some(tls) = &mut self.tls {
            tls.handshakes.end();
        }
        let (direct, version) = (state.direct, state.version);
        let (secure, established) = match state.handshake.finish() {
            Ok(finished) => finished,
            Err(error) => return self.fail_handshake(port, connection, &error, now),
        };
        let rekey = self
            .tls
            .as_ref()
            .map_or(Rekey::Auto, |tls| match session.peer {
                Peer::Client(_) => tls.rekey.clients,
                Peer::Origin(_) => tls.rekey.origin,
            });
        let updates_keys = match rekey {
            Rekey::Auto => established.sunrpc,
            Rekey::Update => true,
            Rekey::Reconnect => false,
        };
        session.channel = Channel::Secure(Box::new(Secure {
            session: secure,
            delivered: 0,
            updates_keys,
            renewing: false,
            retiring: false,
            direct,
            peer: established.peer.clone(),
            version,
            asked_in: version,
        }));
        let peer = session.peer;
        self.counters.handshakes += 1;
        self.counters.handshakes_resumed += u64::from(established.resumed);
        self.audit(
            port,
            connection,
            Outcome::Established {
                established,
                direct,
            },
        );
        // Something else may be trusted by now than when it began.
        let current = self.tls.as_ref().map(|tls| tls.judgements.version());
        if current != Some(version) && !self.judge(port, connection, now) {
            return;
        }
        match peer {
            Peer::Client(_) => self.tell_client(port, connection, now),
            Peer::Origin(origin) => self.gateway.origin_secured(origin, now),
        }
        self.run_actions(now);
        // Records may have come together with the end of the handshake.
        self.deliver(port, connection, now);
    }

    /// The handshake has failed: the alert is sent, and then the connection closed.
    fn fail_handshake(
        &mut self,
        port: usize,
        connection: ConnectionId,
        error: &TlsError,
        now: Duration,
    ) {
        let Some(session) = self.ports[port].sessions.get_mut(connection) else {
            return;
        };
        let previous = std::mem::replace(&mut session.channel, Channel::Failed);
        session.discard_output();
        if let (Channel::Handshake(_), Some(tls)) = (previous, &mut self.tls) {
            tls.handshakes.end();
        }
        self.counters.handshakes_failed += 1;
        self.audit(port, connection, Outcome::Failed(error.to_string()));
        self.forget(port, connection, now);
        self.close_when_flushed(port, connection);
    }
}
