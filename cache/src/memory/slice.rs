//! A pin on a part of a block.

use core::ops::Range;
use std::fmt;

use super::block::Pin;
use super::wire::WireRef;
use crate::limits::MAX_LOAN;

/// A pin on a range of an immutable block: what answers and calls are built from.
///
/// It can be made smaller, never larger, so bytes outside of the range it was made
/// with cannot be reached through it (invariant I9).
pub struct BlockSlice {
    pin: Pin,
    start: u32,
    len: u32,
}

impl BlockSlice {
    /// The bytes `range` of `whole`, which lies within the block that `pin` holds
    /// frozen; `range` counts from the start of `whole`.
    ///
    /// # Panics
    /// If `range` reaches out of `whole`.
    pub(super) fn new(pin: Pin, whole: Range<usize>, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= whole.len(),
            "range {range:?} of {} bytes",
            whole.len()
        );
        // A block has at most 1 MiB, so both fit.
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the block size")]
        let (start, len) = ((whole.start + range.start) as u32, range.len() as u32);
        Self { pin, start, len }
    }

    fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }

    /// Bytes of the slice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the slice has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of the slice.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: slices are made of frozen blocks only, and the pin keeps it so.
        let bytes = unsafe { self.pin.bytes() };
        &bytes[self.range()]
    }

    /// One more pin on the same bytes.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            pin: self.pin.share(),
            start: self.start,
            len: self.len,
        }
    }

    /// A pin on the bytes `range` of this slice.
    ///
    /// # Panics
    /// If `range` does not lie within the slice.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self::new(self.pin.share(), self.range(), range)
    }

    /// Cuts off the first `len` bytes as a slice of their own: one more pin.
    ///
    /// # Panics
    /// If the slice has fewer bytes.
    #[must_use]
    pub fn split_to(&mut self, len: usize) -> Self {
        let first = self.slice(0..len);
        self.start += first.len;
        self.len -= first.len;
        first
    }

    /// Lends the bytes `range` of this slice to a wire: one wire reference.
    ///
    /// # Panics
    /// If `range` does not lie within the slice or is longer than 65,535 bytes.
    #[must_use]
    pub fn lend(&self, range: Range<usize>) -> WireRef {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "range {range:?} of {} bytes",
            self.len()
        );
        assert!(range.len() <= MAX_LOAN, "a loan of {} bytes", range.len());
        // Both are within one block; the loan's length was just checked.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded by the checks above"
        )]
        let (start, len) = (range.start as u32, range.len() as u16);
        WireRef::new(self.pin.header(), self.start + start, len)
    }
}

impl fmt::Debug for BlockSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockSlice")
            .field("block", &self.pin.header().index())
            .field("range", &self.range())
            .finish()
    }
}
