//! Where TLS records are made: slots of transmit memory, and the memory around them.

use std::collections::VecDeque;

use cache::{BlockMut, BlockSlice, Slots};
use gateway::{Charge, Message, Payload};
use mutant::Mutant;
use net::ConnectionId;
use tls::TlsError;
use tls::limits::{CONTENT, CONTROL_RECORD, OPENED, RECORD, SEALED_OVERHEAD};

use super::Sealing;
use super::channel::Secure;
use crate::limits::{SLOT_HEADROOM, SLOTS_RESERVED};

/// Bytes in transmit memory that are to be sent: one record or several.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) bytes: BlockSlice,
    /// How many bytes of messages are in it.
    pub(crate) content_len: usize,
    /// Of the message that ends with it.
    pub(crate) charge: Option<Charge>,
}

/// Why there is no record.
#[derive(Debug)]
pub(crate) enum NoRecord {
    /// There is nothing to send.
    Nothing,
    /// All slots are taken: to be tried again.
    NoSlot,
    /// The connection cannot go on. Boxed, so that what nearly never happens is not moved about with each record.
    Failed(Box<TlsError>),
}

/// The memory records are made in, of one engine.
pub(crate) struct Records {
    slots: Slots,
    sealing: Sealing,
    /// RPC heads on their way into a record of their own.
    staging: Box<[u8]>,
    /// A received record whose bytes lie in several pieces.
    pub(crate) linear: Box<[u8]>,
    /// The content of a received record.
    pub(crate) opened: Box<[u8]>,
    /// Connections, with their port, that found no slot.
    pub(crate) starved: VecDeque<(usize, ConnectionId)>,
    /// Connections, with their port, to look at after sending: they cannot go on, or their
    /// keys are worn out.
    pub(crate) troubled: VecDeque<(usize, ConnectionId)>,
    /// Bytes of file data sealed.
    pub(crate) sealed_bytes: u64,
    /// Bytes of file data copied to be sealed.
    pub(crate) copied_bytes: u64,
}

/// What goes into one record.
struct Content {
    /// File data, where it lies; `None` if it is in the staging memory.
    block: Option<BlockSlice>,
    len: usize,
    /// The message ends with it.
    ends: bool,
    /// Of that message, if it has one.
    charge: Option<Charge>,
}

impl Records {
    pub(crate) fn new(slots: Slots, sealing: Sealing) -> Self {
        let memory = |len| vec![0; len].into_boxed_slice();
        Self {
            slots,
            sealing,
            staging: memory(CONTENT),
            linear: memory(RECORD),
            opened: memory(OPENED),
            starved: VecDeque::new(),
            troubled: VecDeque::new(),
            sealed_bytes: 0,
            copied_bytes: 0,
        }
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// What is left when the engine ends.
    pub(crate) fn into_slots(self) -> Slots {
        self.slots
    }

    /// Bytes as they are, at most a slot full, taken from the front of `bytes`.
    pub(crate) fn clear(&mut self, bytes: &mut Vec<u8>) -> Result<Record, NoRecord> {
        let len = bytes.len().min(RECORD);
        let written = self.write(|room| {
            let (Some(room), Some(bytes)) = (room.get_mut(..len), bytes.get(..len)) else {
                return Err(TlsError::NoRoom);
            };
            room.copy_from_slice(bytes);
            Ok(len)
        });
        let record = written?;
        bytes.drain(..len);
        Ok(Record {
            bytes: record,
            content_len: 0,
            charge: None,
        })
    }

    /// The next bytes of a connection: what the session has to say itself, or as many records of the next message of
    /// `output` as a slot holds.
    pub(crate) fn next(
        &mut self,
        secure: &mut Secure,
        output: &mut VecDeque<Message>,
    ) -> Result<Record, NoRecord> {
        if secure.session.has_control() {
            return Ok(Record {
                bytes: self.write(|room| Ok(secure.session.take_control(room)))?,
                content_len: 0,
                charge: None,
            });
        }
        if output.is_empty() {
            return Err(NoRecord::Nothing);
        }
        // Before anything is taken out of the queue.
        if !self.slots.has_more_than(SLOTS_RESERVED) {
            return Err(NoRecord::NoSlot);
        }
        let mut slot = self.slots.take().ok_or(NoRecord::NoSlot)?;
        let mut room = room_of(&mut slot);
        let (mut len, mut content_len) = (0, 0);
        let charge = loop {
            let most = CONTENT.min(room.len().saturating_sub(SEALED_OVERHEAD));
            let content = self.next_content(output, most).ok_or(NoRecord::Nothing)?;
            let sealed = self.seal(secure, &content, room);
            let sealed = sealed.map_err(|error| NoRecord::Failed(Box::new(error)))?;
            len += sealed;
            content_len += content.len;
            room = room.get_mut(sealed..).unwrap_or_default();
            if content.ends || !holds_next(room, output) {
                break content.charge;
            }
        };
        Ok(Record {
            bytes: slot.freeze().into_slice(SLOT_HEADROOM..SLOT_HEADROOM + len),
            content_len,
            charge,
        })
    }

    fn seal(
        &mut self,
        secure: &mut Secure,
        content: &Content,
        room: &mut [u8],
    ) -> Result<usize, TlsError> {
        let Some(data) = &content.block else {
            let staged = self.staging.get(..content.len).unwrap_or_default();
            return secure.session.seal(staged, room);
        };
        if mutant::is_on(Mutant::SealedAgain) && !self.slots.has_more_than(SLOTS_RESERVED) {
            self.seal_block(secure, data, room)?;
        }
        self.seal_block(secure, data, room)
    }

    fn seal_block(
        &mut self,
        secure: &mut Secure,
        data: &BlockSlice,
        room: &mut [u8],
    ) -> Result<usize, TlsError> {
        self.sealed_bytes += data.len() as u64;
        if self.sealing == Sealing::OutOfPlace {
            return secure.session.seal(data.as_slice(), room);
        }
        self.copied_bytes += data.len() as u64;
        let content = room
            .get_mut(tls::limits::HEADER..)
            .and_then(|room| room.get_mut(..data.len()))
            .ok_or(TlsError::NoRoom)?;
        content.copy_from_slice(data.as_slice());
        secure.session.seal_in_place(data.len(), room)
    }

    /// Takes the content of one record, at most `most` bytes, out of `output`: file data by itself, up to the end of
    /// its block, or what of a message is before the next file data or its end.
    fn next_content(&mut self, output: &mut VecDeque<Message>, most: usize) -> Option<Content> {
        let message = output.front_mut()?;
        let mut content = Content {
            block: None,
            len: 0,
            ends: false,
            charge: None,
        };
        while content.len < most {
            let is_block = matches!(message.front(), Some(Payload::Block(_)));
            if is_block && content.len > 0 {
                break;
            }
            let Some(taken) = message.take(most - content.len) else {
                break;
            };
            let end = content.len + taken.len();
            if let Payload::Block(data) = taken {
                content.block = Some(data);
                content.len = end;
                break;
            }
            if let Some(room) = self.staging.get_mut(content.len..end) {
                room.copy_from_slice(taken.bytes());
            }
            content.len = end;
        }
        if message.is_empty() {
            content.ends = true;
            content.charge = message.take_charge();
            output.pop_front();
        }
        (content.len > 0).then_some(content)
    }

    /// Fills a slot; what was written is immutable from then on.
    fn write(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, TlsError>,
    ) -> Result<BlockSlice, NoRecord> {
        let mut slot = self.slots.take().ok_or(NoRecord::NoSlot)?;
        let len = match write(room_of(&mut slot)) {
            Ok(len) => len,
            Err(error) => return Err(NoRecord::Failed(Box::new(error))),
        };
        let written = SLOT_HEADROOM..SLOT_HEADROOM + len;
        Ok(slot.freeze().into_slice(written))
    }
}

/// Where records are written in a slot.
fn room_of(slot: &mut BlockMut) -> &mut [u8] {
    let room = slot.as_mut_slice().get_mut(SLOT_HEADROOM..);
    room.unwrap_or_default()
}

/// Whether what would be the next record, if it began a slot, fits into `room`: it is not made smaller to fit, as that
/// would make more of them.
fn holds_next(room: &[u8], output: &VecDeque<Message>) -> bool {
    let next = output.front().and_then(Message::front);
    next.is_some_and(|next| next.len().min(CONTENT) + SEALED_OVERHEAD <= room.len())
}

const _: () = assert!(CONTROL_RECORD <= RECORD);
