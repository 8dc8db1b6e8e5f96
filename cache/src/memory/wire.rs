//! One reference of the wire to a range of a block.

use core::ffi::c_void;
use core::mem;
use core::ptr::NonNull;
use std::fmt;

use extbuf::{Loan, LoanParts};

use super::header::BlockHeader;

/// One wire reference: bytes of a block that a NIC may read until it is released.
///
/// It needs no pin: the pins of the block may all go while the wire still reads it.
/// Dropping it releases it; [`Loan::into_parts`] passes that duty to the caller.
pub struct WireRef {
    header: NonNull<BlockHeader>,
    offset: u32,
    len: u16,
}

// SAFETY: a wire reference only ever does one atomic subtraction on the header.
unsafe impl Send for WireRef {}

impl WireRef {
    /// Takes one wire reference on `offset..offset + len`, which lie in the block of
    /// `header`; the caller has a pin on it.
    pub(super) fn new(header: &BlockHeader, offset: u32, len: u16) -> Self {
        debug_assert!(offset as usize + usize::from(len) <= header.size());
        header.lend();
        Self {
            header: NonNull::from(header),
            offset,
            len,
        }
    }

    /// Bytes lent.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether no byte is lent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for WireRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireRef")
            .field("offset", &self.offset)
            .field("len", &self.len)
            .finish()
    }
}

impl Drop for WireRef {
    fn drop(&mut self) {
        // SAFETY: this value owns one wire reference and ends here.
        unsafe { BlockHeader::release(self.header) }
    }
}

/// The callback of every loan: drops the wire reference (invariant I2).
unsafe extern "C" fn release(_address: *mut c_void, opaque: *mut c_void) {
    let Some(header) = NonNull::new(opaque.cast::<BlockHeader>()) else {
        return;
    };
    // SAFETY: `opaque` is what `into_parts` gave out together with the wire
    // reference it forgot, and the loan's contract has it called once.
    unsafe { BlockHeader::release(header) }
}

// SAFETY: until `release` the wire count of the block is above zero. While it is,
// the block is not claimed from the pool and not thawed, so nobody writes it, and
// the arena does not free its memory. The arena checked at its making that a block
// is contiguous in IO address space. `release` is one atomic subtraction.
unsafe impl Loan for WireRef {
    fn into_parts(self) -> LoanParts {
        // SAFETY: the wire reference keeps the header alive.
        let header = unsafe { self.header.as_ref() };
        // SAFETY: `offset` lies in the block, see `new`.
        let address = unsafe { header.data().add(self.offset as usize) };
        let parts = LoanParts {
            address,
            len: self.len,
            iova: header.iova() + u64::from(self.offset),
            release,
            opaque: self.header.as_ptr().cast(),
        };
        mem::forget(self);
        parts
    }
}
