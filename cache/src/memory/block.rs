//! Handles on whole blocks: one that writes, and shared ones that read.

use core::ops::Range;
use core::ptr::NonNull;
use core::slice;
use std::fmt;

use super::header::BlockHeader;
use super::slice::BlockSlice;
use crate::state::BlockEvent;

/// One pin on a block. It keeps header and bytes alive, whatever becomes of the
/// arena.
pub(super) struct Pin(NonNull<BlockHeader>);

// SAFETY: a pin reads immutable fields and atomics of the header, and bytes that
// nobody writes while they are shared; the counts are atomic.
unsafe impl Send for Pin {}
// SAFETY: as above; `&Pin` gives nothing but reads and atomic operations.
unsafe impl Sync for Pin {}

impl Pin {
    /// Owns a pin that was already counted.
    ///
    /// # Safety
    /// `header` is a header of an arena, and the caller passes on one pin on it.
    pub(super) unsafe fn from_counted(header: NonNull<BlockHeader>) -> Self {
        Self(header)
    }

    pub(super) fn header(&self) -> &BlockHeader {
        // SAFETY: the arena frees its headers only while nothing is pinned.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn share(&self) -> Self {
        self.header().pin();
        Self(self.0)
    }

    /// The bytes of the block.
    ///
    /// # Safety
    /// Nobody writes the block while the slice is in use.
    pub(super) unsafe fn bytes(&self) -> &[u8] {
        let header = self.header();
        // SAFETY: the region's contract makes the block mapped and initialised; the
        // pin keeps the region; the caller excludes writers.
        unsafe { slice::from_raw_parts(header.data().as_ptr(), header.size()) }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // SAFETY: this value owns one pin and ends here.
        unsafe { BlockHeader::unpin(self.0) }
    }
}

/// The only handle on a block, and the only one that can write it.
///
/// A fresh one holds whatever the block held before: only bytes written since may
/// be shown to anybody (invariant I9). Dropping it gives the block back.
///
/// There cannot be two:
///
/// ```compile_fail,E0599
/// fn copy(block: &cache::BlockMut) -> cache::BlockMut {
///     block.clone()
/// }
/// ```
///
/// and freezing takes it away:
///
/// ```compile_fail,E0382
/// fn write_on(mut block: cache::BlockMut) {
///     let shared = block.freeze();
///     block.as_mut_slice()[0] = 1;
/// }
/// ```
pub struct BlockMut {
    pin: Pin,
}

impl BlockMut {
    /// Owns a block in state `Filling`.
    ///
    /// # Safety
    /// `pin` is the block's only pin, the index does not hold the block, and it has
    /// no wire reference.
    pub(super) unsafe fn from_pin(pin: Pin) -> Self {
        Self { pin }
    }

    /// All bytes of the block.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: this is the only handle, and writing needs it exclusively.
        unsafe { self.pin.bytes() }
    }

    /// All bytes of the block, writable.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let header = self.pin.header();
        header.accesses().write();
        // SAFETY: mapped and initialised by the region's contract, kept by the pin;
        // no other pin, link or wire reference exists while a `BlockMut` does, so
        // `&mut self` is exclusive access to the bytes.
        unsafe { slice::from_raw_parts_mut(header.data().as_ptr(), header.size()) }
    }

    /// Makes the block immutable, so that it can be shared, published and lent.
    #[must_use]
    pub fn freeze(self) -> BlockRef {
        self.pin.header().step(BlockEvent::Freeze);
        BlockRef { pin: self.pin }
    }
}

impl fmt::Debug for BlockMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockMut")
            .field(&self.pin.header().index())
            .finish()
    }
}

/// A pin on an immutable block.
///
/// There is no way to write through it:
///
/// ```compile_fail,E0594
/// fn write(block: &mut cache::BlockRef) {
///     block.as_slice()[0] = 1;
/// }
/// ```
///
/// nor to copy it without counting:
///
/// ```compile_fail,E0599
/// fn copy(block: &cache::BlockRef) -> cache::BlockRef {
///     block.clone()
/// }
/// ```
pub struct BlockRef {
    pin: Pin,
}

impl BlockRef {
    /// Owns a pin on a frozen block.
    ///
    /// # Safety
    /// The block is immutable: private, cached or unlinked.
    pub(super) unsafe fn from_pin(pin: Pin) -> Self {
        Self { pin }
    }

    pub(super) fn header(&self) -> &BlockHeader {
        self.pin.header()
    }

    /// One more pin on the same block.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            pin: self.pin.share(),
        }
    }

    /// All bytes of the block, valid or not.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the block is frozen; it is written again only after every pin
        // but one is gone, and then through that one, by value.
        unsafe { self.pin.bytes() }
    }

    /// A pin on the bytes `range` of the block.
    ///
    /// # Panics
    /// If `range` does not lie within the block.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> BlockSlice {
        self.share().into_slice(range)
    }

    /// This pin, narrowed to the bytes `range` of the block.
    ///
    /// # Panics
    /// If `range` does not lie within the block.
    #[must_use]
    pub fn into_slice(self, range: Range<usize>) -> BlockSlice {
        let whole = 0..self.pin.header().size();
        BlockSlice::new(self.pin, whole, range)
    }

    /// The block as writable again, if this is its only pin, the index does not
    /// hold it and no wire reads it (invariant I3).
    ///
    /// # Errors
    /// Gives the pin back unchanged otherwise.
    pub fn try_into_mut(self) -> Result<BlockMut, Self> {
        let header = self.pin.header();
        if !header.is_unique() {
            return Err(self);
        }
        header.step(BlockEvent::Thaw);
        // SAFETY: `is_unique` saw this pin alone, no link and no wire reference;
        // each of them could only come from this pin, which is owned here.
        Ok(unsafe { BlockMut::from_pin(self.pin) })
    }
}

impl fmt::Debug for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockRef")
            .field(&self.pin.header().index())
            .finish()
    }
}
