//! The contract between memory that is lent to a wire and whoever transmits it.
//!
//! The cache owns blocks and knows no packets; the DPDK binding attaches memory
//! to packets and knows no cache. Both depend on this crate, which holds the one
//! promise they need from each other, so that neither names the other and no
//! `unsafe` is needed where they meet.
#![no_std]

use core::ffi::c_void;
use core::ptr::NonNull;

/// Releases one loan: called exactly once, with the address that was lent and
/// the loan's `opaque`, on whatever thread lets go of the bytes last.
///
/// It drops a reference count and does nothing else (invariant I2).
pub type Release = unsafe extern "C" fn(address: *mut c_void, opaque: *mut c_void);

/// The raw parts of one loan of memory to a wire.
#[derive(Debug, Clone, Copy)]
pub struct LoanParts {
    /// First byte lent.
    pub address: NonNull<u8>,
    /// Bytes lent, at most 65,535: a DPDK external buffer's length is 16 bits.
    pub len: u16,
    /// IO virtual address of `address`, as `rte_mem_virt2iova` gives it.
    pub iova: u64,
    /// Gives the loan back.
    pub release: Release,
    /// Passed to `release`.
    pub opaque: *mut c_void,
}

/// One reference to immutable memory that a NIC may read until it is released.
///
/// # Safety
///
/// From `into_parts` until `release` has been called with the parts' `address` and
/// `opaque`, the bytes `address..address + len` stay mapped, are not written, and
/// are contiguous in IO address space from `iova` on. `release` may be called on
/// any thread and must not unwind.
pub unsafe trait Loan {
    /// Gives the loan up to the caller, who must call `release` exactly once.
    fn into_parts(self) -> LoanParts;
}

/// An owner of memory from which loans can be cut.
///
/// The DPDK binding implements it for EAL memory, the cache for hugepages it maps
/// itself; an arena is built over either.
///
/// # Safety
///
/// From construction until the owner is dropped, the bytes `base..base + len` are
/// mapped, readable, writable, initialised, and reached through this owner alone;
/// they do not move when the owner moves, and dropping the owner on another thread
/// is sound. `base`, `len` and `page_size` always answer the same, and the pages
/// behind `base..base + len` are `page_size` bytes each (a power of two), the first
/// beginning at or before `base`.
#[expect(clippy::len_without_is_empty, reason = "a region is never empty")]
pub unsafe trait Region: Send {
    /// First byte.
    fn base(&self) -> NonNull<u8>;

    /// Bytes, more than zero.
    fn len(&self) -> usize;

    /// Bytes of one page behind the region: IO addresses are contiguous at least
    /// within a page.
    fn page_size(&self) -> usize;
}
