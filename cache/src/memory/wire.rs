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

    /// The bytes lent, for whoever transmits by copying, and for models of NICs.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the wire reference keeps the header alive.
        let header = unsafe { self.header.as_ref() };
        // SAFETY: `offset` lies in the block, see `new`.
        let start = unsafe { header.data().add(self.offset as usize) };
        // SAFETY: `offset..offset + len` lies in the block, which is mapped and initialised by the region's
        // contract; it was lent frozen, and a block with a wire reference is neither claimed nor thawed, so nobody
        // writes it while this value lives.
        unsafe { core::slice::from_raw_parts(start.as_ptr(), self.len()) }
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
        debug_assert!(self.offset as usize + usize::from(self.len) <= header.size());
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use extbuf::Loan as _;

    use super::*;
    use crate::memory::{Arena, BlockRef, HeapMemory};
    use crate::{Cache, CacheConfig};

    const BLOCK_SIZE: usize = 4096;
    const IOVA_BASE: u64 = 1 << 40;

    fn cache(blocks: usize) -> Cache {
        let memory = HeapMemory::allocate(blocks * BLOCK_SIZE).unwrap();
        let base = extbuf::Region::base(&memory).addr().get();
        let iova_of = move |at: NonNull<u8>| IOVA_BASE + (at.addr().get() - base) as u64;
        let arena = Arena::new(Box::new(memory), BLOCK_SIZE, &iova_of).unwrap();
        Cache::new(arena, CacheConfig::default())
    }

    fn filled(cache: &mut Cache, byte: u8) -> Option<BlockRef> {
        let mut block = cache.allocate()?;
        block.as_mut_slice().fill(byte);
        Some(block.freeze())
    }

    /// What a NIC does with a loan.
    struct Attached(LoanParts);

    // SAFETY: a loan may be read and released on any thread.
    unsafe impl Send for Attached {}

    impl Attached {
        fn bytes(&self) -> &[u8] {
            // SAFETY: lent and not released yet.
            unsafe { core::slice::from_raw_parts(self.0.address.as_ptr(), usize::from(self.0.len)) }
        }

        fn release(self) {
            // SAFETY: the parts of one loan, given back once, by value.
            unsafe { (self.0.release)(self.0.address.as_ptr().cast(), self.0.opaque) }
        }
    }

    #[test]
    fn a_loan_says_where_the_bytes_are() {
        let mut cache = cache(2);
        drop(filled(&mut cache, 0));
        let held = filled(&mut cache, 1).unwrap();
        let block = filled(&mut cache, 2).unwrap();
        let slice = block.slice(100..1000).slice(10..900);
        let start = block.as_slice().as_ptr().addr();
        let lent = slice.lend(5..25);
        assert_eq!(lent.as_slice(), &slice.as_slice()[5..25]);
        let parts = lent.into_parts();
        assert_eq!(parts.address.addr().get(), start + 115);
        let in_arena = start + 115 - cache.address_range().start;
        assert_eq!((parts.len, parts.iova), (20, IOVA_BASE + in_arena as u64));
        assert_eq!(Attached(parts).bytes(), [2; 20]);
        Attached(parts).release();
        drop(held);
    }

    #[test]
    fn a_loan_is_released_once_and_by_its_holder_only() {
        let mut cache = cache(1);
        let block = filled(&mut cache, 3).unwrap();
        let wires: Vec<WireRef> = (0..4).map(|_| block.slice(0..64).lend(0..64)).collect();
        drop(block);
        let loans: Vec<Attached> = wires
            .into_iter()
            .map(|wire| Attached(wire.into_parts()))
            .collect();
        assert_eq!(
            cache.stats().wire_references,
            4,
            "taking the parts releases nothing"
        );
        for (released, loan) in loans.into_iter().enumerate() {
            assert_eq!(cache.stats().wire_references, 4 - released as u64);
            assert!(cache.allocate().is_none());
            thread::spawn(move || loan.release()).join().unwrap();
        }
        assert_eq!(cache.stats().wire_references, 0);
        assert!(cache.allocate().is_some());
    }

    #[test]
    fn lent_bytes_hold_still_while_other_threads_release_them() {
        let mut cache = cache(64);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let (sender, receiver) = mpsc::sync_channel::<(Attached, BlockRef, u8)>(40);
                let wire = thread::spawn(move || {
                    let mut seen = 0_u64;
                    while let Ok((loan, pin, byte)) = receiver.recv() {
                        // In turns: pin first, loan first, pin of another thread only.
                        if byte % 2 == 0 {
                            drop(pin);
                            assert!(loan.bytes().iter().all(|&it| it == byte));
                            loan.release();
                        } else {
                            assert!(loan.bytes().iter().all(|&it| it == byte));
                            loan.release();
                            assert!(pin.as_slice().iter().all(|&it| it == byte));
                            drop(pin);
                        }
                        seen += 1;
                    }
                    seen
                });
                (sender, wire)
            })
            .collect();
        let mut sent = 0_u64;
        for turn in 0..20_000_u32 {
            let byte = turn.to_le_bytes()[0];
            // The wires are slower: wait for one of them, as an engine would. The bound
            // is there to fail rather than hang if a block is lost.
            let block = (0..60_000)
                .find_map(|_| {
                    filled(&mut cache, byte).or_else(|| {
                        thread::sleep(Duration::from_millis(1));
                        None
                    })
                })
                .expect("a block comes back");
            for (sender, _) in &receivers[..1 + turn as usize % 3] {
                let loan = Attached(block.slice(0..BLOCK_SIZE).lend(0..BLOCK_SIZE).into_parts());
                sender.send((loan, block.share(), byte)).unwrap();
                sent += 1;
            }
            let key = crate::BlockKey {
                file: crate::FileId(1),
                index: u64::from(turn % 100),
            };
            cache.publish(key, block, 0..BLOCK_SIZE, false);
        }
        let seen: u64 = receivers
            .into_iter()
            .map(|(sender, wire)| {
                drop(sender);
                wire.join().unwrap()
            })
            .sum();
        assert_eq!(seen, sent);
        let stats = cache.stats();
        assert_eq!(
            (
                stats.wire_references,
                stats.pinned_blocks,
                stats.blocks_limbo
            ),
            (0, 0, 0)
        );
        assert_eq!(stats.blocks_free + stats.blocks_cached, 64);
    }
}
