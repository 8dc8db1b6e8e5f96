//! Records of the peer: opened, then settled.

use super::{KeySchedule, Session};
use crate::alert::Alert;
use crate::error::TlsError;
use crate::limits;
use crate::record::{ContentType, protected_len};

/// A record that was opened and has not been settled.
#[derive(Debug)]
#[must_use = "a record that is not settled is opened again"]
pub struct Opened {
    content_type: ContentType,
    len: usize,
    sequence: u64,
}

impl Opened {
    /// Length of the content in bytes, at the start of what [`Session::open`] wrote.
    #[must_use]
    pub fn content_len(&self) -> usize {
        self.len
    }

    /// Whether the content is data of the application, and not a message for
    /// [`Session::settle`].
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.content_type == ContentType::ApplicationData
    }
}

/// What a settled record has meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its content is data of the application (maybe of no length).
    Data,
    /// The peer's records use new keys from now on.
    KeyUpdated,
    /// The same, and the peer wants us to update ours: [`Session::take_control`].
    UpdateRequested,
    /// The peer sends no more (`close_notify`).
    Closed,
    /// Nothing the caller has to know (a session ticket, part of a message, a warning).
    Nothing,
}

/// What has been learned from the peer's records.
#[derive(Debug)]
pub(super) struct Inbound {
    closed: bool,
    /// Part of a message that continues in the next record.
    pub(super) message: Vec<u8>,
    /// Records without data the peer may still send.
    allowance: u32,
    /// Data records since the allowance last grew.
    data_records: u32,
    /// Answers to our own requests, which are not held against the peer.
    expected_key_updates: u32,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            closed: false,
            message: Vec::new(),
            allowance: limits::CONTROL_ALLOWANCE,
            data_records: 0,
            expected_key_updates: 0,
        }
    }
}

impl Inbound {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the peer was asked for new keys and has not answered.
    pub(super) fn expects_key_update(&self) -> bool {
        self.expected_key_updates > 0
    }

    pub(super) fn expect_key_update(&mut self) {
        self.expected_key_updates = self.expected_key_updates.saturating_add(1);
    }

    /// A `KeyUpdate` that answers a request of ours is free.
    pub(super) fn charge_key_update(&mut self) -> Result<(), TlsError> {
        match self.expected_key_updates.checked_sub(1) {
            Some(left) => {
                self.expected_key_updates = left;
                Ok(())
            }
            None => self.charge(),
        }
    }

    /// Each record or message without data costs one of the allowance.
    pub(super) fn charge(&mut self) -> Result<(), TlsError> {
        self.allowance = self
            .allowance
            .checked_sub(1)
            .ok_or(TlsError::TooManyControlRecords)?;
        Ok(())
    }

    fn credit_data(&mut self) {
        self.data_records = self.data_records.saturating_add(1);
        if self.data_records >= limits::DATA_PER_CONTROL {
            self.data_records = 0;
            self.allowance = self
                .allowance
                .saturating_add(1)
                .min(limits::CONTROL_ALLOWANCE);
        }
    }
}

impl Session {
    /// Length of the whole record in bytes, as its header says: at most [`limits::RECORD`].
    ///
    /// # Errors
    /// A record without protection, or one that is too long or too short (then the session is
    /// over); why the session has failed.
    pub fn record_len(&mut self, header: [u8; limits::HEADER]) -> Result<usize, TlsError> {
        self.check_alive()?;
        let len = protected_len(header);
        self.note_failure(len)
    }

    /// Verifies the next record, which must be whole, and decrypts it to the start of `out`, which
    /// must be at least `record.len() - 21` bytes long. Behind the content `out` is overwritten
    /// with its type and padding, up to that length. Nothing else changes: as long as it has not
    /// been settled the same record may be opened again, to another place or at another time.
    ///
    /// # Errors
    /// [`TlsError::NoRoom`], [`TlsError::Misuse`], [`TlsError::ClosedByPeer`]; a record that does
    /// not authenticate or whose header is wrong (`out` then holds nothing of it, and the session
    /// is over); why the session has failed.
    pub fn open(&mut self, record: &[u8], out: &mut [u8]) -> Result<Opened, TlsError> {
        self.check_alive()?;
        if self.inbound.closed {
            return Err(TlsError::ClosedByPeer);
        }
        if self.read_records_left() == 0 {
            return self.note_failure(Err(TlsError::KeyExhausted));
        }
        let opened = self.receive.open(record, out);
        let (content_type, len) = self.note_failure(opened)?;
        Ok(Opened {
            content_type,
            len,
            sequence: self.receive.sequence(),
        })
    }

    /// Consumes the record last opened and acts on it. `content` is what [`Session::open`] wrote,
    /// [`Opened::content_len`] bytes of it; for data it is not looked at and may be empty.
    ///
    /// # Errors
    /// A message that may not come, or too many of those without data (then the session is over);
    /// [`TlsError::Misuse`] if another record was settled since; why the session has failed.
    pub fn settle(&mut self, opened: Opened, content: &[u8]) -> Result<Event, TlsError> {
        self.check_alive()?;
        if opened.sequence != self.receive.sequence() {
            return Err(TlsError::Misuse("the record is not the one last opened"));
        }
        if !opened.is_data() && content.len() != opened.len {
            return Err(TlsError::Misuse("the content is not the record's"));
        }
        let event = self.act_on(&opened, content);
        self.note_failure(event)
    }

    fn act_on(&mut self, opened: &Opened, content: &[u8]) -> Result<Event, TlsError> {
        self.receive.advance()?;
        // RFC 8446 section 5.1: the parts of a message follow each other without anything else.
        if opened.content_type != ContentType::Handshake && !self.inbound.message.is_empty() {
            return Err(TlsError::UnexpectedMessage(
                "another record between the parts of a message",
            ));
        }
        match opened.content_type {
            ContentType::ApplicationData if opened.len == 0 => {
                self.inbound.charge()?;
                Ok(Event::Data)
            }
            ContentType::ApplicationData => {
                self.inbound.credit_data();
                Ok(Event::Data)
            }
            ContentType::Alert => self.handle_alert(content),
            ContentType::Handshake => self.handle_handshake(content),
        }
    }

    /// RFC 8446 section 6: one alert in a record, whose level says nothing.
    fn handle_alert(&mut self, content: &[u8]) -> Result<Event, TlsError> {
        let description = match content {
            [] => return Err(TlsError::UnexpectedMessage("an empty alert record")),
            [_level, description] => description,
            _ => return Err(TlsError::Decode("a record that is not one alert")),
        };
        match Alert(*description) {
            Alert::CLOSE_NOTIFY => {
                self.inbound.closed = true;
                Ok(Event::Closed)
            }
            Alert::USER_CANCELED => {
                self.inbound.charge()?;
                Ok(Event::Nothing)
            }
            alert => Err(TlsError::AlertReceived(alert)),
        }
    }

    /// The peer's keys are new from its next record on.
    pub(super) fn update_receive(&mut self) -> Result<(), TlsError> {
        self.receive = self.key_schedule.next_receive()?;
        Ok(())
    }

    pub(super) fn take_ticket(&mut self, ticket: &[u8]) -> Result<(), TlsError> {
        let KeySchedule::Client(kernel) = &mut self.key_schedule else {
            return Err(TlsError::UnexpectedMessage("a session ticket of a client"));
        };
        kernel
            .handle_new_session_ticket(ticket)
            .map_err(|_| TlsError::Decode("a session ticket that cannot be read"))
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self.key_schedule, KeySchedule::Server(_))
    }
}
