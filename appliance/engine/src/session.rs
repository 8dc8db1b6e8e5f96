//! What the engine knows of one connection: whose it is, and what waits to be
//! pulled by its send queue.

use core::net::SocketAddrV4;
use std::collections::VecDeque;
use std::time::Duration;

use gateway::{ClientId, Message, OriginId};
use net::{ConnectionId, Source};
use tls::TlsError;

use crate::limits;
use crate::payload::TxBytes;
use crate::secure::records::{NoRecord, Record};
use crate::secure::{Channel, Records};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Client(ClientId),
    Origin(OriginId),
}

/// One connection. This is the seam between TCP bytes and RPC: what arrives goes
/// to the gateway, as it is or out of TLS records, and messages are cut into what the
/// window takes.
///
/// The output queue needs no bound of its own: the gateway admits calls against
/// bounds that a message counts toward until the peer has acknowledged it.
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) peer: Peer,
    pub(crate) remote: SocketAddrV4,
    /// The gateway did not take everything that has arrived.
    pub(crate) stalled: bool,
    /// Close once everything was pulled; what still arrives is discarded.
    pub(crate) closing: bool,
    /// The peer has closed its sending side; the gateway is told when it has taken all that was sent.
    pub(crate) peer_closed: bool,
    /// The gateway knows (or itself decided) that this peer is gone.
    pub(crate) forgotten: bool,
    pub(crate) channel: Channel,
    /// Its handshake waits for its turn.
    pub(crate) queued: bool,
    /// Why nothing more can be sent, when that has turned out while sending.
    pub(crate) error: Option<TlsError>,
    /// It is in the log that it goes on in clear.
    pub(crate) logged: bool,
    /// Bytes of TLS itself that are sent as they are: a handshake, an alert that ends one.
    pub(crate) handshake_output: Vec<u8>,
    /// Of what was last put into transmit memory: what TCP has not taken.
    record: Option<Record>,
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
    pub(crate) fn new(
        connection: ConnectionId,
        peer: Peer,
        remote: SocketAddrV4,
        channel: Channel,
    ) -> Self {
        Self {
            connection,
            peer,
            remote,
            stalled: false,
            closing: false,
            peer_closed: false,
            forgotten: false,
            channel,
            queued: false,
            error: None,
            logged: false,
            handshake_output: Vec::new(),
            record: None,
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
        let has_control =
            matches!(&self.channel, Channel::Secure(secure) if secure.session.has_control());
        self.output.is_empty()
            && self.record.is_none()
            && self.handshake_output.is_empty()
            && !has_control
    }

    /// Sends nothing more of what the gateway wants sent.
    pub(crate) fn discard_output(&mut self) {
        self.output.clear();
    }

    fn pull(&mut self, room: usize, port: usize, records: Option<&mut Records>) -> Option<TxBytes> {
        let is_secure = matches!(self.channel, Channel::Secure(_));
        if self.record.is_none() && !is_secure && !self.output.is_empty() {
            return self.pull_clear(room);
        }
        let mut record = match self.record.take() {
            Some(record) => record,
            None => self.make_record(port, records?)?,
        };
        if record.bytes.len() <= room {
            self.pulled += record.bytes.len() as u64;
            return Some(TxBytes::record(record.bytes, record.charge));
        }
        self.pulled += room as u64;
        let first = record.bytes.split_to(room);
        self.record = Some(record);
        Some(TxBytes::record(first, None))
    }

    fn make_record(&mut self, port: usize, records: &mut Records) -> Option<Record> {
        let record = match self.next_record(records) {
            Ok(record) => record,
            Err(NoRecord::Nothing) => return None,
            Err(NoRecord::NoSlot) => {
                records.starved.push_back((port, self.connection));
                return None;
            }
            Err(NoRecord::Failed(error)) => {
                self.error = Some(*error);
                records.troubled.push_back((port, self.connection));
                return None;
            }
        };
        // What TLS adds waits for the peer as well.
        self.pushed += (record.bytes.len() - record.content_len) as u64;
        if let Channel::Secure(secure) = &mut self.channel
            && secure.wears_out()
        {
            records.troubled.push_back((port, self.connection));
        }
        Some(record)
    }

    fn pull_clear(&mut self, room: usize) -> Option<TxBytes> {
        let message = self.output.front_mut()?;
        let payload = message.take(room)?;
        self.pulled += payload.len() as u64;
        let mut charge = None;
        if message.is_empty() {
            charge = message.take_charge();
            self.output.pop_front();
        }
        Some(TxBytes::payload(payload, charge))
    }

    fn next_record(&mut self, records: &mut Records) -> Result<Record, NoRecord> {
        if !self.handshake_output.is_empty() {
            return records.clear(&mut self.handshake_output);
        }
        match &mut self.channel {
            Channel::Secure(secure) => records.next(secure, &mut self.output),
            _ => Err(NoRecord::Nothing),
        }
    }

    /// Whether it is in clear, and not in the log yet.
    pub(crate) fn is_unlogged(&self) -> bool {
        matches!(self.channel, Channel::Clear) && !self.logged
    }

    /// Whether it keeps a slot of transmit memory from others, when TCP has `unacknowledged` bytes.
    pub(crate) fn holds_slot(&self, unacknowledged: usize) -> bool {
        self.record.is_some() || unacknowledged > 0
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

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn at(&self, slot: usize) -> Option<&Session> {
        self.slots.get(slot)?.as_ref()
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

/// Where the stack of `port` pulls from.
pub(crate) struct Outbound<'a> {
    pub(crate) port: usize,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) records: Option<&'a mut Records>,
}

impl Source<TxBytes> for Outbound<'_> {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<TxBytes> {
        let session = self.sessions.get_mut(connection)?;
        session.pull(room, self.port, self.records.as_deref_mut())
    }
}
