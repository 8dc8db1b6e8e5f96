//! Ordinary memory, for tests and machines without hugepages.

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use extbuf::Region;

use crate::error::ArenaError;

/// Bytes of an ordinary page.
const PAGE_SIZE: usize = 4096;

/// Memory from the heap, zeroed, on page boundaries. A NIC cannot read it.
#[derive(Debug)]
pub struct HeapMemory {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned and not tied to a thread; the heap frees anywhere.
unsafe impl Send for HeapMemory {}

impl HeapMemory {
    /// At least `len` bytes, rounded up to whole pages.
    ///
    /// # Errors
    /// If `len` is zero or beyond the address space, or memory is short.
    pub fn allocate(len: usize) -> Result<Self, ArenaError> {
        let invalid = ArenaError::InvalidLength { len };
        let Some(rounded) = len.checked_next_multiple_of(PAGE_SIZE) else {
            return Err(invalid);
        };
        let Ok(layout) = Layout::from_size_align(rounded, PAGE_SIZE) else {
            return Err(invalid);
        };
        if rounded == 0 {
            return Err(invalid);
        }
        // SAFETY: the layout's size is not zero, as just checked.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base).ok_or(ArenaError::OutOfMemory { len: rounded })?;
        Ok(Self { base, layout })
    }
}

impl Drop for HeapMemory {
    fn drop(&mut self) {
        // SAFETY: `base` came from `alloc_zeroed` with this very layout.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

// SAFETY: the allocation is mapped, writable and zeroed until `drop`; its pointer is
// given to nobody but through this trait; the address does not depend on where this
// value lies. Pages are 4096 bytes and the base is on one.
unsafe impl Region for HeapMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.layout.size()
    }

    fn page_size(&self) -> usize {
        PAGE_SIZE
    }
}
