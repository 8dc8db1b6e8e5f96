//! Messages as they leave: a sequence of references to bytes that lie elsewhere.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use cache::BlockSlice;
use nfs::record::MARK_LEN;
use nfs::xdr::Reader;

use crate::charge::{Charge, HeldBuffers};
use crate::limits::META_PIECES_MAX;
use crate::meta::MetaSlice;

/// XDR padding comes from here and never from a block's bytes past its data.
static ZEROS: [u8; 3] = [0; 3];

/// One contiguous piece of a message.
#[derive(Debug)]
pub enum Payload {
    /// Headers, arguments, results.
    Meta(MetaSlice),
    /// File data, where it lies in the cache; this pins the block.
    Block(BlockSlice),
    /// XDR padding, at most 3 bytes.
    Zeros(usize),
}

impl Payload {
    /// Bytes in this piece.
    pub fn len(&self) -> usize {
        match self {
            Self::Meta(slice) => slice.len(),
            Self::Block(slice) => slice.len(),
            Self::Zeros(len) => *len,
        }
    }

    /// No bytes in this piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Meta(slice) => slice.bytes(),
            Self::Block(slice) => slice.as_slice(),
            Self::Zeros(len) => ZEROS.get(..*len).unwrap_or(&ZEROS),
        }
    }

    /// Cuts off the first `len` bytes, of which there must be as many.
    fn split_to(&mut self, len: usize) -> Self {
        if let Self::Block(slice) = self {
            return Self::Block(slice.split_to(len));
        }
        let first = self.share(0..len);
        *self = self.share(len..self.len());
        first
    }

    /// Another reference to `range` of the same bytes; `range` must lie within `0..len()`.
    pub fn share(&self, range: Range<usize>) -> Self {
        match self {
            Self::Meta(slice) => Self::Meta(slice.share(range)),
            Self::Block(slice) => Self::Block(slice.slice(range)),
            Self::Zeros(_) => Self::Zeros(range.len().min(ZEROS.len())),
        }
    }
}

/// One whole RPC message with its record mark, as a queue of [`Payload`]s.
///
/// Take pieces from the front with [`Message::take`] or [`Message::pop_front`] as the transport has
/// room. The [`Charge`] of the client it is for goes with the last of them, and is to be kept until that
/// is acknowledged: it is what stops a client that asks and never reads.
#[derive(Debug)]
pub struct Message {
    parts: VecDeque<Payload>,
    len: usize,
    home: Rc<SpareQueues>,
    charge: Option<Charge>,
    held: Option<HeldBuffers>,
}

impl Message {
    /// Bytes still in the message, record mark included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Everything has been taken.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next piece.
    pub fn front(&self) -> Option<&Payload> {
        self.parts.front()
    }

    /// Takes the next piece whole.
    pub fn pop_front(&mut self) -> Option<Payload> {
        let part = self.parts.pop_front()?;
        self.len -= part.len();
        Some(part)
    }

    /// Takes at most `room` bytes: the next piece, or the first `room` bytes of it.
    pub fn take(&mut self, room: usize) -> Option<Payload> {
        let front = self.parts.front_mut()?;
        if front.len() <= room {
            return self.pop_front();
        }
        if room == 0 {
            return None;
        }
        self.len -= room;
        Some(front.split_to(room))
    }

    /// What the reply counts as until the client has all of it; dropping it makes room for others.
    pub fn take_charge(&mut self) -> Option<Charge> {
        self.charge.take()
    }

    /// The pieces that are left.
    pub fn parts(&self) -> impl Iterator<Item = &Payload> {
        self.parts.iter()
    }

    /// The same bytes once more (references, no copy); not charged to anybody.
    pub(crate) fn share(&self) -> Self {
        let mut twin = SpareQueues::message(&self.home);
        for part in &self.parts {
            twin.push(part.share(0..part.len()));
        }
        twin
    }

    /// Keeps the metadata alone ([`mutant::Mutant::KeptUntilSent`]).
    pub(crate) fn forget_data(&mut self) {
        self.parts.retain(|part| matches!(part, Payload::Meta(_)));
    }

    /// Appends a piece; empty ones are left out.
    pub(crate) fn push(&mut self, part: Payload) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push_back(part);
        }
    }

    /// Writes the record mark and the xid at the front, which nobody else may refer to yet; `false` if
    /// the front is no such buffer.
    pub(crate) fn set_record(&mut self, xid: u32) -> bool {
        let record_len = self.len.saturating_sub(MARK_LEN);
        self.set_record_of_len(record_len, xid)
    }

    /// As [`Message::set_record`], with the length the record will have in the end.
    pub(crate) fn set_record_of_len(&mut self, record_len: usize, xid: u32) -> bool {
        let Ok(record_len) = u32::try_from(record_len) else {
            return false;
        };
        let Some(Payload::Meta(front)) = self.parts.front_mut() else {
            return false;
        };
        let Some(bytes) = front.bytes_mut() else {
            return false;
        };
        let Some((mark, rest)) = bytes.split_first_chunk_mut::<4>() else {
            return false;
        };
        let Some((place, _)) = rest.split_first_chunk_mut::<4>() else {
            return false;
        };
        *mark = nfs::record::mark(record_len);
        *place = xid.to_be_bytes();
        true
    }

    /// The record mark and the first `len` bytes of the record, which must all lie in the first part.
    pub(crate) fn head(&self, len: usize) -> &[u8] {
        let first = self.parts.front().map_or(&[][..], Payload::bytes);
        first.get(..MARK_LEN + len).unwrap_or_default()
    }

    /// Overwrites bytes of the record at `position`; they must lie in the first part, to which nobody else
    /// may refer yet.
    pub(crate) fn patch(&mut self, position: usize, bytes: &[u8]) {
        let start = MARK_LEN + position;
        if let Some(Payload::Meta(front)) = self.parts.front_mut()
            && let Some(place) = front.bytes_mut()
            && let Some(place) = place.get_mut(start..start + bytes.len())
        {
            place.copy_from_slice(bytes);
        }
    }

    /// Puts `head`, which has room for the record mark, in the place of the first `len` bytes of the record,
    /// which must all lie in the first part.
    pub(crate) fn replace_head(&mut self, len: usize, head: MetaSlice) {
        self.take(MARK_LEN + len);
        self.len += head.len();
        self.parts.push_front(Payload::Meta(head));
    }

    /// Reads the record, whose first part must be a buffer that begins with the mark.
    pub(crate) fn read_record(&self, read: impl FnOnce(&mut Reader<'_>)) {
        let mut segments = [&[][..]; META_PIECES_MAX];
        for (segment, part) in segments.iter_mut().zip(&self.parts) {
            *segment = part.bytes();
        }
        if let Some(first) = segments.first_mut() {
            *first = first.get(MARK_LEN..).unwrap_or_default();
        }
        read(&mut Reader::new(&segments));
    }

    /// Appends `range` of the bytes of `other`, by reference.
    pub(crate) fn push_range(&mut self, other: &Message, range: Range<usize>) {
        let mut start = 0;
        for part in &other.parts {
            let end = start + part.len();
            let from = range.start.max(start);
            let to = range.end.min(end);
            if from < to {
                self.push(part.share(from - start..to - start));
            }
            start = end;
        }
    }

    /// Lets `charge` last as long as this message, or whoever takes it.
    pub(crate) fn carry(&mut self, charge: Charge) {
        self.charge = Some(charge);
    }

    /// Lets the share of its buffers last as long as this message.
    pub(crate) fn hold(&mut self, held: HeldBuffers) {
        self.held = Some(held);
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.parts.clear();
        self.home.put(std::mem::take(&mut self.parts));
    }
}

/// Recycled queues, so that a message costs no allocation.
#[derive(Debug, Default)]
pub(crate) struct SpareQueues {
    spare: RefCell<Vec<VecDeque<Payload>>>,
    bound: usize,
}

impl SpareQueues {
    /// Keeps at most `bound` queues.
    pub(crate) fn new(bound: usize) -> Rc<Self> {
        Rc::new(Self {
            spare: RefCell::new(Vec::with_capacity(bound)),
            bound,
        })
    }

    /// An empty message.
    pub(crate) fn message(this: &Rc<Self>) -> Message {
        Message {
            parts: this.spare.borrow_mut().pop().unwrap_or_default(),
            len: 0,
            home: Rc::clone(this),
            charge: None,
            held: None,
        }
    }

    fn put(&self, queue: VecDeque<Payload>) {
        let mut spare = self.spare.borrow_mut();
        if queue.capacity() > 0 && spare.len() < self.bound {
            spare.push(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MetaPool;

    fn message(bytes: &[u8], padding: usize) -> Message {
        let pool = MetaPool::new(1, 0);
        let mut buffer = pool.small().expect("one is there");
        buffer.append(bytes);
        let mut message = SpareQueues::message(&SpareQueues::new(4));
        message.push(Payload::Meta(buffer.freeze()));
        message.push(Payload::Zeros(padding));
        message
    }

    #[test]
    fn take_splits_at_the_room_there_is() {
        let mut message = message(b"abcdef", 2);
        assert_eq!(message.len(), 8);
        assert!(message.take(0).is_none());
        assert_eq!(message.take(4).expect("bytes").bytes(), b"abcd");
        assert_eq!(message.take(100).expect("bytes").bytes(), b"ef");
        assert_eq!(message.take(1).expect("bytes").bytes(), b"\0");
        assert_eq!(message.take(9).expect("bytes").bytes(), b"\0");
        assert!(message.is_empty());
        assert!(message.take(9).is_none());
    }

    #[test]
    fn a_shared_message_has_the_same_bytes_at_the_same_place() {
        let message = message(b"xyz", 1);
        let twin = message.share();
        assert_eq!(twin.len(), 4);
        let (Some(Payload::Meta(a)), Some(Payload::Meta(b))) = (message.front(), twin.front())
        else {
            panic!("both start with the header");
        };
        assert!(std::ptr::eq(a.bytes(), b.bytes()));
    }
}
