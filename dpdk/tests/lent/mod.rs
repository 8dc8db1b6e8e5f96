//! Memory that keeps book of what is lent from it.

use dpdk::{Eal, EalMemory};
use extbuf::{Loan, LoanParts};
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// What became of one loan.
#[derive(Debug, Default)]
pub struct Entry {
    released: AtomicU32,
    /// The address that `release` was called with.
    address: AtomicUsize,
}

/// EAL memory filled with a pattern, and the book of its loans.
pub struct Lender {
    eal: Eal,
    memory: EalMemory,
    /// Leaked with the memory if loans are still out when it is dropped.
    book: Vec<Entry>,
}

/// One loan, not yet given away.
pub struct Lent {
    parts: LoanParts,
}

// SAFETY: the lender's memory stays mapped while loans are out and is not written after
// its construction; the address was looked up for the range's own page, which it does not
// cross; `release` writes two atomics and cannot unwind.
unsafe impl Loan for Lent {
    fn into_parts(self) -> LoanParts {
        let parts = self.parts;
        std::mem::forget(self);
        parts
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: the parts were not given away, so this is the one call.
        unsafe { (self.parts.release)(self.parts.address.as_ptr().cast(), self.parts.opaque) };
    }
}

unsafe extern "C" fn release(address: *mut c_void, opaque: *mut c_void) {
    // SAFETY: `opaque` is an entry of a book that outlives its loans.
    let entry = unsafe { &*opaque.cast::<Entry>() };
    entry.address.store(address.addr(), Ordering::Relaxed);
    entry.released.fetch_add(1, Ordering::Release);
}

impl Lender {
    /// Memory of `len` bytes with room for `loans` loans in its book.
    pub fn new(eal: &Eal, name: &str, len: usize, loans: usize) -> Self {
        let memory = eal.reserve(name, len).expect("EAL memory");
        // SAFETY: mapped and initialised, and nobody else knows it yet.
        let bytes = unsafe { std::slice::from_raw_parts_mut(memory.base().as_ptr(), len) };
        bytes
            .iter_mut()
            .enumerate()
            .for_each(|(offset, byte)| *byte = pattern(offset));
        let book = std::iter::repeat_with(Entry::default).take(loans).collect();
        Self {
            eal: eal.share(),
            memory,
            book,
        }
    }

    /// Lends a range under a number of the book.
    pub fn lend(&self, number: usize, range: Range<usize>) -> Lent {
        assert!(range.start < range.end && range.end <= self.memory.len());
        let page = self.memory.page_size().max(2 << 20);
        assert_eq!(range.start / page, (range.end - 1) / page, "within a page");
        // SAFETY: within the memory.
        let address = unsafe { self.memory.base().add(range.start) };
        let iova = self
            .eal
            .virt2iova(address)
            .expect("EAL memory has addresses");
        let entry: *const Entry = &raw const self.book[number];
        let parts = LoanParts {
            address,
            len: u16::try_from(range.len()).expect("at most 65,535"),
            iova,
            release,
            opaque: entry.cast_mut().cast(),
        };
        Lent { parts }
    }

    /// How often a loan was released.
    pub fn released(&self, number: usize) -> u32 {
        self.book[number].released.load(Ordering::Acquire)
    }

    /// Where the release was told the loan began, as an offset.
    pub fn released_at(&self, number: usize) -> usize {
        self.book[number].address.load(Ordering::Relaxed) - self.memory.base().addr().get()
    }

    /// Checks that loans of these numbers were released exactly once each.
    pub fn assert_released_once(&self, numbers: Range<usize>) {
        for number in numbers {
            assert_eq!(self.released(number), 1, "loan {number}");
        }
    }

    /// Makes all numbers fresh again.
    pub fn clear_book(&mut self) {
        self.book
            .iter_mut()
            .for_each(|entry| *entry = Entry::default());
    }

    /// First byte of the memory.
    pub fn base(&self) -> NonNull<u8> {
        self.memory.base()
    }
}

/// The byte at an offset: neighbours and neighbouring pages differ.
pub fn pattern(offset: usize) -> u8 {
    (offset.wrapping_mul(31) ^ (offset >> 8).wrapping_mul(7) ^ (offset >> 16)).to_le_bytes()[0]
}
