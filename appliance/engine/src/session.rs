//! What the engine knows of one connection: whose it is, and what waits to be
//! pulled by its send queue.

use std::collections::VecDeque;
use std::time::Duration;

use gateway::{ClientId, Message, OriginId};
use net::{ConnectionId, Source};

use crate::limits;
use crate::payload::TxBytes;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Client(ClientId),
    Origin(OriginId),
}

/// One connection. This is the seam between TCP bytes and RPC: what arrives goes
/// to the gateway as it is, and messages are cut into what the window takes.
///
/// The output queue needs no bound of its own: the gateway admits calls against
/// bounds that a message counts toward until the peer has acknowledged it.
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) peer: Peer,
    /// The gateway did not take everything that has arrived.
    pub(crate) stalled: bool,
    /// Close once everything was pulled; what still arrives is discarded.
    pub(crate) closing: bool,
    /// The peer has closed its sending side; the gateway is told when it has taken all that was sent.
    pub(crate) peer_closed: bool,
    /// The gateway knows (or itself decided) that this peer is gone.
    pub(crate) forgotten: bool,
    output: VecDeque<Message>,
    /// Bytes ever put into it.
    pushed: u64,
    /// Bytes of them that TCP has taken.
    pulled: u64,
    progress: Progress,
}

/// How far the peer has come with what is sent to it.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// As many bytes have to be acknowledged for it to be progress.
    goal: u64,
    /// When it last made progress.
    at: Duration,
}

impl Session {
    pub(crate) fn new(connection: ConnectionId, peer: Peer) -> Self {
        Self {
            connection,
            peer,
            stalled: false,
            closing: false,
            peer_closed: false,
            forgotten: false,
            output: VecDeque::new(),
            pushed: 0,
            pulled: 0,
            progress: Progress::default(),
        }
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.pushed += message.len() as u64;
        self.output.push_back(message);
    }

    /// Whether everything was pulled.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    fn pull(&mut self, room: usize) -> Option<TxBytes> {
        let message = self.output.front_mut()?;
        let payload = message.take(room)?;
        self.pulled += payload.len() as u64;
        let mut charge = None;
        if message.is_empty() {
            charge = message.take_charge();
            self.output.pop_front();
        }
        Some(TxBytes(payload, charge))
    }

    /// Since when the peer makes no progress with what waits for it, `unacknowledged` bytes of which TCP
    /// has; `None` if it does.
    pub(crate) fn stalled_since(
        &mut self,
        unacknowledged: usize,
        now: Duration,
    ) -> Option<Duration> {
        let acknowledged = self.pulled.saturating_sub(unacknowledged as u64);
        if acknowledged < self.progress.goal {
            return Some(self.progress.at);
        }
        self.progress = Progress {
            goal: self.pushed.min(acknowledged + limits::PROGRESS_BYTES),
            at: now,
        };
        None
    }
}

/// The sessions of one port, by the slot of their connection.
pub(crate) struct Sessions {
    slots: Vec<Option<Session>>,
    count: usize,
}

impl Sessions {
    pub(crate) fn new(capacity: usize) -> Self {
        let mut slots = Vec::new();
        slots.resize_with(capacity, || None);
        Self { slots, count: 0 }
    }

    pub(crate) fn insert(&mut self, session: Session) {
        if let Some(slot) = self.slots.get_mut(session.connection.index()) {
            self.count += usize::from(slot.is_none());
            *slot = Some(session);
        }
    }

    pub(crate) fn get(&self, connection: ConnectionId) -> Option<&Session> {
        let session = self.slots.get(connection.index())?.as_ref()?;
        (session.connection == connection).then_some(session)
    }

    pub(crate) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        let session = self.slots.get_mut(connection.index())?.as_mut()?;
        (session.connection == connection).then_some(session)
    }

    /// The session of `client`, whose id names its slot.
    pub(crate) fn client_mut(&mut self, client: ClientId) -> Option<&mut Session> {
        let session = self.slots.get_mut(slot_of(client))?.as_mut()?;
        (session.peer == Peer::Client(client)).then_some(session)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) -> Option<Session> {
        self.get(connection)?;
        self.count -= 1;
        self.slots.get_mut(connection.index())?.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().flatten()
    }
}

/// Names the client on `connection`: a serial number that never comes again, and
/// the slot, so that no table is needed to find the session.
pub(crate) fn client_id(serial: u32, connection: ConnectionId) -> ClientId {
    ClientId((u64::from(serial) << 32) | (connection.index() as u64 & 0xffff_ffff))
}

fn slot_of(client: ClientId) -> usize {
    usize::try_from(client.0 & 0xffff_ffff).unwrap_or(usize::MAX)
}

impl Source<TxBytes> for Sessions {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<TxBytes> {
        self.get_mut(connection)?.pull(room)
    }
}
