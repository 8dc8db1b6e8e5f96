//! The engine's turn: events, bytes to the gateway, its actions back.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use cache::{Cache, Slots};
use gateway::{Action, ClientId, ClientInfo, Gateway, OriginId};
use net::{ConnectionId, Event, FrameSink, RxBuffer, RxChecksums, Stack};

use crate::audit::{Audit, Outcome};
use crate::config::{EngineConfig, EngineError, Origin};
use crate::limits;
use crate::payload::TxBytes;
use crate::roster::{Endpoints, Roster};
use crate::secure::{Channel, Security, Tls};
use crate::session::{Outbound, Peer, Session, Sessions, client_id};
use crate::source_ports::SourcePorts;
use crate::stats::{EngineStats, SecurityStats};

/// One interface and the sessions on it.
pub(crate) struct Port<R: RxBuffer> {
    pub(crate) stack: Stack<R, TxBytes>,
    pub(crate) sessions: Sessions,
}

/// One core of the appliance.
///
/// One turn of its owner's loop is: [`Engine::handle_frame`] for what the NICs
/// received, [`Engine::advance`], [`Engine::poll_transmit`] for every port.
/// `now` is the time since an arbitrary start and never goes back.
pub struct Engine<R: RxBuffer> {
    pub(crate) ports: Vec<Port<R>>,
    pub(crate) gateway: Gateway,
    pub(crate) listen_port: usize,
    tcp_ports: Vec<u16>,
    pub(crate) origin: Origin,
    /// `None`: every connection goes in clear.
    pub(crate) tls: Option<Box<Tls>>,
    pub(crate) audits: VecDeque<Audit>,
    pub(crate) counters: SecurityStats,
    source_ports: SourcePorts,
    /// Connections to the origin, as the gateway names them.
    pub(crate) origins: Vec<(OriginId, ConnectionId)>,
    /// Sessions whose bytes the gateway did not take yet.
    stalled: VecDeque<(usize, ConnectionId)>,
    /// Sessions to close once they are flushed.
    pub(crate) closing: VecDeque<(usize, ConnectionId)>,
    /// Serial number of the client that came last.
    last_client: u32,
    /// When clients that make no progress are looked for next.
    pub(crate) sweep_at: Duration,
    /// Clients found to make none.
    pub(crate) resetting: Vec<ClientId>,
    pub(crate) stalled_clients_closed: u64,
    roster: Roster,
}

impl<R: RxBuffer> Engine<R> {
    /// Builds the stacks and starts listening.
    ///
    /// # Errors
    /// When a port index points nowhere or a stack refuses its configuration.
    pub fn new(
        config: EngineConfig,
        gateway: Gateway,
        security: Option<Security>,
    ) -> Result<Self, EngineError> {
        let count = config.ports.len().min(limits::MAX_PORTS);
        for index in [
            config.ports.len().saturating_sub(1),
            config.listen.port,
            config.origin.port,
        ] {
            if index >= count {
                return Err(EngineError::NoSuchPort(index));
            }
        }
        let mut ports = Vec::with_capacity(count);
        let mut capacities = Vec::with_capacity(count);
        for (port, config) in config.ports.into_iter().enumerate() {
            let capacity = config.limits.connections;
            let stack = Stack::new(config).map_err(|source| EngineError::Port { port, source })?;
            ports.push(Port {
                stack,
                sessions: Sessions::new(capacity),
            });
            capacities.push(capacity);
        }
        for &tcp_port in &config.listen.tcp_ports {
            if !ports[config.listen.port].stack.listen(tcp_port) {
                return Err(EngineError::TooManyListeners(tcp_port));
            }
        }
        let tls = match security {
            Some(security) if security.slots.slot_size() < limits::SLOT_SIZE => {
                return Err(EngineError::SlotsTooSmall(security.slots.slot_size()));
            }
            security => security.map(|security| Box::new(Tls::new(security))),
        };
        Ok(Self {
            ports,
            gateway,
            tls,
            audits: VecDeque::with_capacity(limits::AUDIT_QUEUE),
            counters: SecurityStats::default(),
            listen_port: config.listen.port,
            tcp_ports: config.listen.tcp_ports,
            source_ports: SourcePorts::new(config.origin.reserved_source_ports),
            origin: config.origin,
            origins: Vec::new(),
            stalled: VecDeque::new(),
            closing: VecDeque::new(),
            last_client: 0,
            sweep_at: Duration::ZERO,
            resetting: Vec::new(),
            stalled_clients_closed: 0,
            roster: Roster::new(&capacities),
        })
    }

    /// Makes the address of every port known to its link.
    pub fn announce(&mut self) {
        for port in &mut self.ports {
            port.stack.announce();
        }
    }

    /// Lets the peer of a connection that an earlier run had find out that it is gone; see
    /// [`Stack::probe_forgotten`]. False when it is none that a port of ours could have had.
    pub fn probe_forgotten(&mut self, connection: &Endpoints, now: Duration) -> bool {
        let &Endpoints { local, remote } = connection;
        self.ports
            .iter_mut()
            .find(|port| port.stack.config().address == *local.ip())
            .is_some_and(|port| port.stack.probe_forgotten(remote, local.port(), now))
    }

    /// Whether peers of an earlier run are still being told.
    #[must_use]
    pub fn is_probing_forgotten(&self) -> bool {
        self.ports
            .iter()
            .any(|port| port.stack.is_probing_forgotten())
    }

    /// How many slots connections may be in, over all ports.
    #[must_use]
    pub fn connection_slots(&self) -> usize {
        self.roster.slots()
    }

    /// A slot whose connection has changed, below [`Engine::connection_slots`], and the connection in it now:
    /// what a journal needs.
    pub fn poll_connection_change(&mut self) -> Option<(usize, Option<Endpoints>)> {
        self.roster.poll_change()
    }

    /// Takes one received frame of `port`: `head` with all headers, then the rest.
    pub fn handle_frame(
        &mut self,
        port: usize,
        head: R,
        tail: impl Iterator<Item = R>,
        checksums: RxChecksums,
        now: Duration,
    ) {
        if let Some(port) = self.ports.get_mut(port) {
            port.stack.handle_frame(head, tail, checksums, now);
        }
    }

    /// Runs timers, events and the gateway's actions until nothing is left to do
    /// now; whether anything was done. That a timer came up by itself is nothing.
    pub fn advance(&mut self, now: Duration) -> bool {
        self.handle_timeouts(now);
        let mut busy = false;
        for port in 0..self.ports.len() {
            while let Some(event) = self.ports[port].stack.poll_event() {
                self.handle_event(port, event, now);
                busy = true;
            }
        }
        busy |= self.judge_sessions(now);
        busy |= self.advance_handshakes(now);
        self.wake_starved(now);
        busy |= self.run_actions(now);
        for _ in 0..self.stalled.len().min(limits::STALLED_PER_TURN) {
            let Some((port, connection)) = self.stalled.pop_front() else {
                break;
            };
            if let Some(session) = self.ports[port].sessions.get_mut(connection) {
                session.stalled = false;
                busy |= self.deliver(port, connection, now);
            }
        }
        busy
    }

    /// Sends what is due on `port` until nothing is or the sink is full.
    pub fn poll_transmit(
        &mut self,
        port: usize,
        now: Duration,
        sink: &mut impl FrameSink<TxBytes>,
    ) {
        // First, so that goodbyes and new keys go out at once.
        self.attend_troubled(now);
        self.close_flushed(now);
        let Some(Port { stack, sessions }) = self.ports.get_mut(port) else {
            return;
        };
        let records = self.tls.as_mut().map(|tls| &mut tls.records);
        let mut source = Outbound {
            port,
            sessions,
            records,
        };
        stack.poll_transmit(now, &mut source, sink);
        self.note_starved(now);
    }

    /// When [`Engine::advance`] wants to be called even if nothing arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.ports
            .iter()
            .filter_map(|port| port.stack.poll_timeout())
            .chain(self.gateway.poll_timeout())
            .chain(self.sweep_timeout())
            .chain(self.tls.as_ref().map(|tls| tls.timeout()))
            .min()
    }

    /// Whether anything waits for memory that transmitted frames may still refer to. NICs let go of them when they
    /// like, perhaps never: then they are to be asked, after [`Engine::poll_transmit`].
    #[must_use]
    pub fn waits_for_room(&self) -> bool {
        let lacks_slots = |tls: &Tls| !tls.records.starved.is_empty();
        self.gateway.waits_for_room() || self.tls.as_deref().is_some_and(lacks_slots)
    }

    /// Takes no new connections and reads no new calls from now on.
    pub fn drain(&mut self) {
        for &tcp_port in &self.tcp_ports {
            self.ports[self.listen_port].stack.unlisten(tcp_port);
        }
        self.gateway.drain();
    }

    /// Whether every call is settled and every reply acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.gateway.is_idle()
            && self.ports.iter().all(|port| {
                port.sessions.iter().all(|session| {
                    session.is_flushed() && port.stack.unacknowledged(session.connection) == 0
                })
            })
    }

    /// Closes every connection; [`Engine::poll_transmit`] sends TLS's goodbyes and the FINs, as long as it sends
    /// anything.
    pub fn close_all(&mut self, now: Duration) {
        for port in 0..self.ports.len() {
            for slot in 0..self.ports[port].sessions.capacity() {
                let Some(session) = self.ports[port].sessions.at(slot) else {
                    continue;
                };
                let connection = session.connection;
                if self.has_said_goodbye(port, connection) {
                    self.ports[port].stack.close(connection, now);
                } else {
                    self.close_when_flushed(port, connection);
                }
            }
        }
    }

    /// Ends every connection and returns the cache and the transmit memory, in which only
    /// references held by the wire (or leaked) are left.
    #[must_use]
    pub fn into_memory(self) -> (Cache, Option<Slots>) {
        drop(self.ports);
        let slots = self.tls.map(|tls| tls.records.into_slots());
        (self.gateway.into_cache(), slots)
    }

    /// What was decided about the security of a connection, for the log; the oldest first.
    pub fn poll_audit(&mut self) -> Option<Audit> {
        self.audits.pop_front()
    }

    /// Counters of all parts.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            cache: self.gateway.cache().stats(),
            gateway: self.gateway.stats(),
            ports: self.ports.iter().map(|port| *port.stack.stats()).collect(),
            clients: self
                .ports
                .iter()
                .flat_map(|port| port.sessions.iter())
                .filter(|session| matches!(session.peer, Peer::Client(_)))
                .count(),
            origin_connections: self.origins.len(),
            stalled: self.stalled.len(),
            stalled_clients_closed: self.stalled_clients_closed,
            security: self.security_stats(),
        }
    }

    fn handle_timeouts(&mut self, now: Duration) {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        for port in &mut self.ports {
            if due(port.stack.poll_timeout()) {
                port.stack.handle_timeout(now);
            }
        }
        if due(self.gateway.poll_timeout()) {
            self.gateway.handle_timeout(now);
        }
        if due(self.sweep_timeout()) {
            self.reset_stalled(now);
        }
    }

    fn handle_event(&mut self, port: usize, event: Event, now: Duration) {
        match event {
            Event::Accepted {
                connection,
                local_port,
                remote,
            } => {
                self.last_client = self.last_client.wrapping_add(1);
                let client = client_id(self.last_client, connection);
                let offers_tls = self.tls.as_ref().is_some_and(|tls| tls.server.is_some());
                let channel = if offers_tls {
                    Channel::Undecided
                } else {
                    Channel::Clear
                };
                let session = Session::new(connection, Peer::Client(client), remote, channel);
                self.begin_session(port, local_port, session);
                let info = ClientInfo {
                    peer: remote,
                    local_port,
                };
                self.gateway.client_opened(client, info, now);
            }
            Event::Connected { connection } => {
                if let Some(origin) = self.origin_of(port, connection) {
                    if self.tls.as_ref().is_none_or(|tls| tls.origin.is_none()) {
                        self.audit(port, connection, Outcome::Clear);
                    }
                    self.gateway.origin_opened(origin, now);
                }
            }
            Event::Readable { connection } => {
                self.deliver(port, connection, now);
            }
            Event::PeerClosed { connection } => {
                if let Some(session) = self.ports[port].sessions.get_mut(connection) {
                    session.peer_closed = true;
                }
                self.deliver(port, connection, now);
            }
            Event::Closed { connection, .. } => {
                self.forget(port, connection, now);
                self.end_session(port, connection);
            }
        }
        self.run_actions(now);
    }

    /// Hands received bytes to whom they are for until it takes no more; whether it took
    /// any.
    pub(crate) fn deliver(&mut self, port: usize, connection: ConnectionId, now: Duration) -> bool {
        let Port { stack, sessions } = &mut self.ports[port];
        let Some(session) = sessions.get_mut(connection) else {
            return false;
        };
        if session.forgotten {
            let len = stack.received_len(connection);
            stack.consume(connection, len);
            return false;
        }
        if matches!(session.channel, Channel::Undecided) {
            self.decide_channel(port, connection, now);
        }
        if self.awaits_judgement(port, connection) {
            return false;
        }
        let Some(session) = self.ports[port].sessions.get_mut(connection) else {
            return false;
        };
        match session.channel {
            Channel::Agreed { .. } | Channel::Handshake(_) => {
                self.queue_handshake(port, connection);
                false
            }
            Channel::Secure(_) => {
                let progress = self.deliver_records(port, connection, now);
                self.finish_records(port, connection, now);
                progress
            }
            Channel::Undecided | Channel::Clear | Channel::Failed => {
                self.deliver_clear(port, connection, now)
            }
        }
    }

    fn deliver_clear(&mut self, port: usize, connection: ConnectionId, now: Duration) -> bool {
        let mut progress = false;
        loop {
            let Port { stack, sessions } = &mut self.ports[port];
            let Some(session) = sessions.get_mut(connection) else {
                return progress;
            };
            if session.stalled || session.forgotten {
                return progress;
            }
            if session.channel.is_opening() {
                // The bytes just taken were the last ones in clear.
                return self.deliver(port, connection, now) || progress;
            }
            let Some(bytes) = stack.peek(connection) else {
                self.finish_if_closed(port, connection, now);
                return progress;
            };
            let given = bytes.len();
            let taken = match session.peer {
                Peer::Client(client) => self.gateway.client_bytes(client, bytes, now),
                Peer::Origin(origin) => self.gateway.origin_bytes(origin, bytes, now),
            };
            match taken {
                Ok(taken) => {
                    progress |= taken > 0;
                    stack.consume(connection, taken);
                    self.run_actions(now);
                    if taken < given && !self.is_opening(port, connection) {
                        self.stall(port, connection);
                    }
                }
                Err(_) => {
                    self.cut_off(port, connection, now);
                    self.run_actions(now);
                }
            }
        }
    }

    fn is_opening(&self, port: usize, connection: ConnectionId) -> bool {
        let session = self.ports[port].sessions.get(connection);
        session.is_some_and(|session| session.channel.is_opening())
    }

    /// The gateway did not take all that has arrived: it is offered again later.
    pub(crate) fn stall(&mut self, port: usize, connection: ConnectionId) {
        if let Some(session) = self.ports[port].sessions.get_mut(connection)
            && !std::mem::replace(&mut session.stalled, true)
        {
            self.stalled.push_back((port, connection));
        }
    }

    pub(crate) fn run_actions(&mut self, now: Duration) -> bool {
        let mut busy = false;
        // A client with its first reply in clear.
        let mut in_clear = None;
        while let Some(action) = self.gateway.poll_action() {
            busy = true;
            match &action {
                // It was the reply to a probe.
                Action::SecureClient { client } if in_clear == Some(*client) => in_clear = None,
                _ => self.log_clear(in_clear.take()),
            }
            match action {
                Action::SendToClient { client, message } => {
                    let Port { stack, sessions } = &mut self.ports[self.listen_port];
                    let session = sessions.client_mut(client);
                    in_clear = session
                        .is_some_and(|session| session.is_unlogged())
                        .then_some(client);
                    if let Some(session) = sessions.client_mut(client) {
                        session.push(message);
                        stack.wake(session.connection);
                    }
                }
                Action::SendToOrigin { origin, message } => {
                    if let Some(connection) = self.connection_of(origin) {
                        let Port { stack, sessions } = &mut self.ports[self.origin.port];
                        if let Some(session) = sessions.get_mut(connection) {
                            session.push(message);
                            stack.wake(connection);
                        }
                    }
                }
                Action::CloseClient { client } => self.close_client(client, now),
                Action::ResetClient { client } => self.reset_client(client, now),
                Action::SecureClient { client } => self.secure_client(client, now),
                Action::SecureOrigin { origin } => self.secure_origin(origin, now),
                Action::OpenOrigin { origin, port } => self.open_origin(origin, port, now),
                Action::ResetOrigin { origin } => {
                    if let Some(connection) = self.connection_of(origin) {
                        self.origins.retain(|&(id, _)| id != origin);
                        self.ports[self.origin.port].stack.abort(connection);
                        self.end_session(self.origin.port, connection);
                    }
                }
                Action::CloseOrigin { origin } => {
                    if let Some(connection) = self.connection_of(origin) {
                        self.origins.retain(|&(id, _)| id != origin);
                        if let Some(session) =
                            self.ports[self.origin.port].sessions.get_mut(connection)
                        {
                            session.forgotten = true;
                        }
                        self.close_when_flushed(self.origin.port, connection);
                    }
                }
            }
        }
        self.log_clear(in_clear);
        busy
    }

    fn open_origin(&mut self, origin: OriginId, tcp_port: u16, now: Duration) {
        let remote = SocketAddrV4::new(self.origin.address, tcp_port);
        let port = self.origin.port;
        for _ in 0..self.source_ports.count() {
            let local_port = self.source_ports.next();
            match self.ports[port].stack.connect(remote, local_port, now) {
                Ok(connection) => {
                    let peer = Peer::Origin(origin);
                    let session = Session::new(connection, peer, remote, Channel::Clear);
                    self.begin_session(port, local_port, session);
                    self.origins.push((origin, connection));
                    return;
                }
                Err(net::ConnectError::InUse) => {}
                Err(_) => break,
            }
        }
        self.gateway.origin_closed(origin, now);
    }

    fn begin_session(&mut self, port: usize, local_port: u16, session: Session) {
        let Port { stack, sessions } = &mut self.ports[port];
        let endpoints = Endpoints {
            local: SocketAddrV4::new(stack.config().address, local_port),
            remote: session.remote,
        };
        self.roster
            .set(port, session.connection.index(), Some(endpoints));
        sessions.insert(session);
    }

    pub(crate) fn end_session(&mut self, port: usize, connection: ConnectionId) {
        let Some(session) = self.ports[port].sessions.remove(connection) else {
            return;
        };
        self.roster.set(port, connection.index(), None);
        if let (Channel::Handshake(_), Some(tls)) = (session.channel, &mut self.tls) {
            tls.handshakes.end();
        }
    }

    fn origin_of(&self, port: usize, connection: ConnectionId) -> Option<OriginId> {
        match self.ports[port].sessions.get(connection)?.peer {
            Peer::Origin(origin) => Some(origin),
            Peer::Client(_) => None,
        }
    }

    pub(crate) fn connection_of(&self, origin: OriginId) -> Option<ConnectionId> {
        self.origins
            .iter()
            .find(|&&(id, _)| id == origin)
            .map(|&(_, connection)| connection)
    }
}
