//! What the engine knows of one connection: whose it is, and what waits to be
//! pulled by its send queue.

use std::collections::VecDeque;

use gateway::{ClientId, Message, OriginId};
use net::{ConnectionId, Source};

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
/// bounds that a message counts toward for as long as it is in this queue.
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
        }
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.output.push_back(message);
    }

    /// Whether everything was pulled.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    fn pull(&mut self, room: usize) -> Option<TxBytes> {
        let message = self.output.front_mut()?;
        let payload = message.take(room);
        if message.is_empty() {
            self.output.pop_front();
        }
        payload.map(TxBytes)
    }
}

/// The sessions of one port, by the slot of their connection.
pub(crate) struct Sessions {
    slots: Vec<Option<Session>>,
}

impl Sessions {
    pub(crate) fn new(capacity: usize) -> Self {
        let mut slots = Vec::new();
        slots.resize_with(capacity, || None);
        Self { slots }
    }

    pub(crate) fn insert(&mut self, session: Session) {
        if let Some(slot) = self.slots.get_mut(session.connection.index()) {
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
        self.slots.get_mut(connection.index())?.take()
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
