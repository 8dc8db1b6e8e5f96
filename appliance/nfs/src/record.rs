//! Record marking on a byte stream (RFC 5531 section 11).
//!
//! A record is one RPC message, cut into any number of fragments; each fragment begins with a
//! four-byte mark: the top bit says whether it is the record's last, the rest is its length.

use crate::limits;

/// Length of a record mark in bytes.
pub const MARK_LEN: usize = 4;

const LAST_FRAGMENT: u32 = 1 << 31;

/// The mark of a record sent as a single fragment of `len` bytes, which must be below 2³¹; above,
/// the top bit is lost.
#[must_use]
pub const fn mark(len: u32) -> [u8; MARK_LEN] {
    (len | LAST_FRAGMENT).to_be_bytes()
}

/// The length of a record of a single fragment, by its mark; `None` if there are more fragments.
#[must_use]
pub const fn whole_len(mark: [u8; MARK_LEN]) -> Option<usize> {
    let mark = u32::from_be_bytes(mark);
    if mark & LAST_FRAGMENT == 0 {
        return None;
    }
    Some((mark & !LAST_FRAGMENT) as usize)
}

/// What a peer may send as one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// Longest record in bytes, marks not counted.
    pub record: u32,
    /// Most fragments of one record, those of zero length counted.
    pub fragments: u32,
}

impl Default for RecordLimits {
    fn default() -> Self {
        RecordLimits {
            record: limits::RECORD,
            fragments: limits::FRAGMENTS,
        }
    }
}

/// The peer broke the record limits. The stream cannot be read any further: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The fragments of a record announce more bytes than the limit.
    #[error("a record is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: u32,
    },
    /// A record comes in more fragments than the limit.
    #[error("a record comes in more than {limit} fragments")]
    TooManyFragments {
        /// The limit in fragments.
        limit: u32,
    },
}

/// A part of a record, its marks stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Bytes of the record. Empty only when `end_of_record` is set.
    pub bytes: &'a [u8],
    /// Whether the record ends after these bytes.
    pub end_of_record: bool,
}

/// Strips record marks from one direction of a connection, buffering nothing but a mark cut in
/// two.
///
/// Call [`RecordReader::next`] with the bytes that arrived, drop as many as it says it consumed,
/// and repeat with the rest until none is left. Limits are checked on the mark, before any byte
/// that it announces.
#[derive(Clone, Debug)]
pub struct RecordReader {
    limits: RecordLimits,
    mark: u32,
    mark_received: usize,
    fragment_remaining: u32,
    last_fragment: bool,
    record_announced: u32,
    fragments: u32,
}

impl RecordReader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub const fn new(limits: RecordLimits) -> Self {
        RecordReader {
            limits,
            mark: 0,
            mark_received: 0,
            fragment_remaining: 0,
            last_fragment: false,
            record_announced: 0,
            fragments: 0,
        }
    }

    /// Takes bytes from the front of `input`: how many were consumed, marks included, and the
    /// piece of the record found among them. Without a piece all of `input` was consumed. To
    /// take less at once, pass less.
    ///
    /// # Errors
    /// [`RecordError`] when the peer breaks the limits, again on every later call.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Piece<'a>>), RecordError> {
        let mut rest = input;
        let piece = self.piece(&mut rest)?;
        Ok((input.len().saturating_sub(rest.len()), piece))
    }

    /// How many of the next bytes belong to the record one after the other, without a mark among them.
    #[must_use]
    pub const fn contiguous(&self) -> usize {
        self.fragment_remaining as usize
    }

    /// Passes over `len` bytes that somebody else has taken, at most [`Self::contiguous`] of them; whether
    /// the record ends with them.
    pub fn pass(&mut self, len: usize) -> bool {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let before = self.fragment_remaining;
        self.fragment_remaining = before.saturating_sub(len);
        let ends = before > 0 && self.fragment_remaining == 0 && self.last_fragment;
        if ends {
            self.end_record();
        }
        ends
    }

    /// Whether the stream stands between two records, where a peer may close it.
    #[must_use]
    pub const fn is_between_records(&self) -> bool {
        self.fragments == 0 && self.mark_received == 0
    }

    fn piece<'a>(&mut self, rest: &mut &'a [u8]) -> Result<Option<Piece<'a>>, RecordError> {
        while self.fragment_remaining == 0 {
            let Some((byte, tail)) = rest.split_first() else {
                return Ok(None);
            };
            if self.mark_received < MARK_LEN {
                self.mark = self.mark.wrapping_shl(8) | u32::from(*byte);
                self.mark_received = self.mark_received.saturating_add(1);
                *rest = tail;
            }
            if self.mark_received == MARK_LEN {
                self.begin_fragment()?;
                if self.fragment_remaining == 0 && self.last_fragment {
                    self.end_record();
                    return Ok(Some(Piece {
                        bytes: &[],
                        end_of_record: true,
                    }));
                }
            }
        }
        if rest.is_empty() {
            return Ok(None);
        }
        let wanted = self.fragment_remaining as usize;
        let (bytes, tail) = rest.split_at_checked(wanted).unwrap_or((*rest, &[]));
        *rest = tail;
        // No wider than what it is taken from, which has 32 bits.
        let taken = u32::try_from(bytes.len()).unwrap_or(self.fragment_remaining);
        self.fragment_remaining = self.fragment_remaining.saturating_sub(taken);
        let end_of_record = self.fragment_remaining == 0 && self.last_fragment;
        if end_of_record {
            self.end_record();
        }
        Ok(Some(Piece {
            bytes,
            end_of_record,
        }))
    }

    fn begin_fragment(&mut self) -> Result<(), RecordError> {
        let RecordLimits { record, fragments } = self.limits;
        let len = self.mark & !LAST_FRAGMENT;
        if len > record.saturating_sub(self.record_announced) {
            return Err(RecordError::TooLong { limit: record });
        }
        if self.fragments >= fragments {
            return Err(RecordError::TooManyFragments { limit: fragments });
        }
        self.record_announced = self.record_announced.saturating_add(len);
        self.fragments = self.fragments.saturating_add(1);
        self.fragment_remaining = len;
        self.last_fragment = self.mark & LAST_FRAGMENT != 0;
        self.mark_received = 0;
        Ok(())
    }

    const fn end_record(&mut self) {
        self.record_announced = 0;
        self.fragments = 0;
        self.last_fragment = false;
    }
}
