//! A metadata message being put together: from a connection piece by piece, then patched and sent on.

use std::rc::Rc;

use nfs::record::MARK_LEN;

use crate::charge::{HeldBuffers, Holder};
use crate::limits::META_PIECES_MAX;
use crate::message::{Message, Payload, SpareQueues};
use crate::meta::{MetaMut, MetaPool};

/// One small buffer and as many large ones after it as the message needs.
///
/// The first one leaves room for the record mark. Positions count from the record's first byte, the mark
/// left out.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    parts: Vec<MetaMut>,
    len: usize,
    /// The share of the buffers of whoever sends it.
    held: Option<HeldBuffers>,
}

impl Chain {
    /// Room for `pieces` buffers is made now, for more when they are needed.
    pub(crate) fn new(pieces: usize) -> Self {
        Self {
            parts: Vec::with_capacity(pieces),
            len: 0,
            held: None,
        }
    }

    /// Whether any byte of a record, or of its mark, has come.
    pub(crate) fn is_started(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Bytes of the record so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes sure that there is room, and returns how much; 0 when the pool has no buffer left or the
    /// message is as long as any may be.
    pub(crate) fn make_room(&mut self, pool: &MetaPool) -> usize {
        if let Some(last) = self.parts.last()
            && last.room() > 0
        {
            return last.room();
        }
        if self.parts.len() >= META_PIECES_MAX {
            return 0;
        }
        let part = if self.parts.is_empty() {
            pool.small().map(|mut first| {
                first.append(&[0; MARK_LEN]);
                first
            })
        } else {
            pool.large()
        };
        part.map_or(0, |part| {
            let room = part.room();
            self.parts.push(part);
            room
        })
    }

    /// As [`Chain::make_room`], with the buffers counted against `holder`'s share; 0 also when it has that.
    pub(crate) fn make_room_of(&mut self, pool: &MetaPool, holder: &Rc<Holder>) -> usize {
        let needs_more = self.parts.last().is_none_or(|last| last.room() == 0);
        if needs_more {
            let granted = match &mut self.held {
                Some(held) => held.tails() >= self.parts.len() || held.extend(),
                None => {
                    self.held = Holder::buffers(holder);
                    self.held.is_some()
                }
            };
            if !granted {
                return 0;
            }
        }
        self.make_room(pool)
    }

    /// Appends bytes for which there is room.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if let Some(last) = self.parts.last_mut() {
            self.len += last.append(bytes);
        }
    }

    /// The beginning of the record, as much of it as lies in the first buffer.
    pub(crate) fn head(&self) -> &[u8] {
        self.parts
            .first()
            .and_then(|first| first.bytes().get(MARK_LEN..))
            .unwrap_or_default()
    }

    /// The whole record as segments, laid out in `segments`.
    pub(crate) fn segments<'a, 'b>(
        &'a self,
        segments: &'b mut [&'a [u8]; META_PIECES_MAX],
    ) -> &'b [&'a [u8]] {
        let mut count = 0;
        for (segment, part) in segments.iter_mut().zip(&self.parts) {
            *segment = part.bytes();
            count += 1;
        }
        if let Some(first) = segments.first_mut() {
            *first = first.get(MARK_LEN..).unwrap_or_default();
        }
        segments.get(..count).unwrap_or_default()
    }

    /// Overwrites bytes at `position`; they must lie in the first buffer, as all that is ever patched does.
    pub(crate) fn patch(&mut self, position: usize, bytes: &[u8]) {
        let start = position + MARK_LEN;
        if let Some(first) = self.parts.first_mut()
            && let Some(place) = first.bytes_mut().get_mut(start..start + bytes.len())
        {
            place.copy_from_slice(bytes);
        }
    }

    /// Cuts the record to its first `len` bytes, which must all lie in the first buffer.
    pub(crate) fn truncate_to_head(&mut self, len: usize) {
        self.parts.truncate(1);
        if let Some(first) = self.parts.first_mut() {
            first.truncate(len + MARK_LEN);
            self.len = len.min(self.len);
        }
    }

    /// The record as a message; its mark is still to be written ([`Message::set_record`]).
    pub(crate) fn take(&mut self, queues: &Rc<SpareQueues>) -> Message {
        let mut message = SpareQueues::message(queues);
        for part in self.parts.drain(..) {
            message.push(Payload::Meta(part.freeze()));
        }
        if let Some(held) = self.held.take() {
            message.hold(held);
        }
        self.len = 0;
        message
    }

    pub(crate) fn clear(&mut self) {
        self.parts.clear();
        self.len = 0;
        self.held = None;
    }
}
