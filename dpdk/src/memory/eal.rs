//! Memory reserved from the EAL.

use super::MemoryError;
use crate::{Eal, errno, limits};
use std::ffi::{CString, c_int};
use std::io;
use std::ptr::NonNull;

/// `SOCKET_ID_ANY`: memory of the calling thread's node first, then of any.
const ANY_SOCKET: c_int = -1;

/// Largest common page of memory that is aligned to it: blocks of a power of two up to
/// this never cross a page.
const ALIGNMENT: u32 = 2 << 20;

/// A stretch of EAL memory with one owner, given back when it is dropped.
///
/// It is the only memory every kind of port can send from. It is not contiguous in
/// IO address space beyond a page: ask [`Eal::virt2iova`] for each block.
#[derive(Debug)]
pub struct EalMemory {
    zone: NonNull<dpdk_sys::rte_memzone>,
    base: NonNull<u8>,
    len: usize,
    page_size: usize,
    _eal: Eal,
}

// SAFETY: the zone has one owner, and reserving and freeing zones takes the EAL's own lock,
// so it may be freed by another thread than the one that reserved it.
unsafe impl Send for EalMemory {}

// SAFETY: a shared reference gives out an address and two numbers only.
unsafe impl Sync for EalMemory {}

impl Eal {
    /// Reserves `len` bytes, aligned to 2 MiB, under a name that no other memory of this
    /// EAL has.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Reserve`] when it is short or the name is taken;
    /// [`MemoryError::Name`] and [`MemoryError::Empty`] for what cannot be asked.
    pub fn reserve(&self, name: &str, len: usize) -> Result<EalMemory, MemoryError> {
        if len == 0 {
            // DPDK would take this for "as much as there is".
            return Err(MemoryError::Empty);
        }
        let c_name = c_name(name).ok_or_else(|| MemoryError::Name(name.to_owned()))?;
        // SAFETY: the EAL is up while `self` lives; the name is NUL-terminated, at most
        // `RTE_MEMZONE_NAMESIZE` with its NUL, and copied; the alignment is a power of two.
        let zone = unsafe {
            dpdk_sys::rte_memzone_reserve_aligned(c_name.as_ptr(), len, ANY_SOCKET, 0, ALIGNMENT)
        };
        let zone = NonNull::new(zone.cast_mut()).ok_or_else(|| MemoryError::Reserve {
            len,
            source: errno::last(),
        })?;
        // SAFETY: the EAL returned a zone, which it fills before returning and does not
        // change until it is freed. It is a packed struct, hence the unaligned read.
        let parts = unsafe { zone.as_ptr().read_unaligned() };
        // SAFETY: both members of the union are the same address, and any bits are a pointer.
        let address = unsafe { parts.__bindgen_anon_1.addr };
        let page_size = usize::try_from(parts.hugepage_sz).unwrap_or(0);
        let Some(base) = NonNull::new(address.cast::<u8>()) else {
            let source = io::Error::from(io::ErrorKind::AddrNotAvailable);
            return Err(MemoryError::Reserve { len, source });
        };
        Ok(EalMemory {
            zone,
            base,
            len,
            page_size,
            _eal: self.share(),
        })
    }
}

impl EalMemory {
    /// First byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes, more than zero.
    #[expect(
        clippy::len_without_is_empty,
        reason = "reserved memory is never empty"
    )]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of one page behind it.
    pub fn page_size(&self) -> usize {
        self.page_size
    }
}

// SAFETY: the zone was reserved for this owner alone and is freed by its `Drop`, until when
// the EAL, which this value keeps up, leaves it mapped read-write at the same address. The
// kernel zeroed its pages before it mapped them, so every byte is initialised. Base, length
// and page size never change; DPDK's page sizes are powers of two.
unsafe impl extbuf::Region for EalMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.len
    }

    fn page_size(&self) -> usize {
        self.page_size
    }
}

impl Drop for EalMemory {
    fn drop(&mut self) {
        // SAFETY: this is the zone's only owner and the EAL is still up. Whoever cut loans
        // from it keeps it alive until they are released (the contract of `Region`).
        unsafe { dpdk_sys::rte_memzone_free(self.zone.as_ptr()) };
    }
}

/// A name that memory and pools may bear.
pub(crate) fn c_name(name: &str) -> Option<CString> {
    let fits = !name.is_empty() && name.len() <= limits::NAME_BYTES;
    fits.then(|| CString::new(name).ok()).flatten()
}
