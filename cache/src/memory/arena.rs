//! Memory cut into blocks.

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::ptr::NonNull;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use extbuf::Region;

use super::block::{BlockMut, BlockRef, Pin};
use super::header::{BlockHeader, Ledger};
use crate::error::ArenaError;
use crate::limits::{BLOCK_ALIGNMENT, MAX_BLOCK_SIZE, MAX_BLOCKS, MIN_BLOCK_SIZE};
use crate::state::BlockState;

/// Bytes that arenas of this process left behind, see [`leaked_arena_bytes`].
static LEAKED: AtomicUsize = AtomicUsize::new(0);

/// Bytes of block memory that were leaked because an arena was dropped while blocks
/// of it were pinned or on the wire.
///
/// A NIC that reads freed memory sends somebody else's bytes, so an arena stays
/// where it is rather than go too early. Zero after an orderly end.
#[must_use]
pub fn leaked_arena_bytes() -> usize {
    LEAKED.load(Ordering::Relaxed)
}

/// Memory cut into blocks of one size, each contiguous for the CPU and for the NIC.
pub struct Arena {
    memory: ManuallyDrop<Box<dyn Region>>,
    block_size: usize,
    ledger: NonNull<Ledger>,
    headers: NonNull<[BlockHeader]>,
}

// SAFETY: the region is `Send`; ledger and headers are owned and reached from other
// threads through atomics only.
unsafe impl Send for Arena {}

impl Arena {
    /// Cuts `memory` into blocks of `block_size` bytes, a multiple of 64 from 4 KiB to
    /// 1 MiB. What is left at the end, less than a block, is not used; nor is what is
    /// left of a page whose next one lies elsewhere in IO address space, so powers of
    /// two waste nothing.
    ///
    /// `iova_of` gives the IO address of an address, as `rte_mem_virt2iova` does;
    /// where no NIC is involved the address itself will do.
    ///
    /// # Errors
    /// If the sizes do not fit, or a block is not contiguous in IO address space.
    pub fn new(
        memory: Box<dyn Region>,
        block_size: usize,
        iova_of: &dyn Fn(NonNull<u8>) -> u64,
    ) -> Result<Self, ArenaError> {
        if !block_size.is_multiple_of(BLOCK_ALIGNMENT)
            || !(MIN_BLOCK_SIZE..=MAX_BLOCK_SIZE).contains(&block_size)
        {
            return Err(ArenaError::InvalidBlockSize { block_size });
        }
        let len = memory.len();
        let count = len / block_size;
        if count == 0 || count > MAX_BLOCKS {
            return Err(ArenaError::InvalidBlockCount { len, block_size });
        }
        let page_size = memory.page_size();
        let ledger = NonNull::from(Box::leak(Box::new(Ledger::default())));
        let mut headers = Vec::with_capacity(count);
        let mut offset = 0;
        while len - offset >= block_size {
            debug_assert!(offset.is_multiple_of(BLOCK_ALIGNMENT));
            // SAFETY: the block at `offset` ends within the region.
            let data = unsafe { memory.base().add(offset) };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "bounded by the checks above"
            )]
            let (index, size) = (headers.len() as u32, block_size as u32);
            match contiguous_iova(data, block_size, page_size, iova_of) {
                Ok(iova) => headers.push(BlockHeader::new(data, iova, index, size, ledger)),
                Err(Some(page)) if block_size <= page_size => {
                    offset += page;
                    continue;
                }
                Err(_) => {
                    // SAFETY: leaked above, and no header that points to it remains.
                    drop(unsafe { Box::from_raw(ledger.as_ptr()) });
                    return Err(ArenaError::NotContiguous { block: index });
                }
            }
            offset += block_size;
        }
        if headers.is_empty() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(ledger.as_ptr()) });
            return Err(ArenaError::InvalidBlockCount { len, block_size });
        }
        Ok(Self {
            memory: ManuallyDrop::new(memory),
            block_size,
            ledger,
            headers: NonNull::from(Box::leak(headers.into_boxed_slice())),
        })
    }

    /// Blocks of the arena.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.headers.len()
    }

    /// Bytes of a block.
    #[must_use]
    pub fn block_size(&self) -> usize {
        self.block_size
    }

    /// Addresses of the first byte of the first block and past the last one's last.
    #[must_use]
    pub fn address_range(&self) -> Range<usize> {
        let start = self.memory.base().addr().get();
        let last = self
            .headers()
            .last()
            .map_or(start, |header| header.data().addr().get() + self.block_size);
        start..last
    }

    fn headers(&self) -> &[BlockHeader] {
        // SAFETY: leaked by `new` and freed by `drop` alone; shared access only, all
        // mutation goes through atomics.
        unsafe { self.headers.as_ref() }
    }

    fn ledger(&self) -> &Ledger {
        // SAFETY: as for the headers.
        unsafe { self.ledger.as_ref() }
    }

    fn header(&self, index: u32) -> &BlockHeader {
        &self.headers()[index as usize]
    }

    /// Takes a free block out.
    ///
    /// # Panics
    /// If the block is not free.
    pub(crate) fn claim(&mut self, index: u32) -> BlockMut {
        let header = self.header(index);
        header.claim();
        // SAFETY: `claim` counted the pin that is passed on here.
        let pin = unsafe { Pin::from_counted(NonNull::from(header)) };
        // SAFETY: `claim` checked that the block had no pin, link or wire reference.
        unsafe { BlockMut::from_pin(pin) }
    }

    /// One more pin on a block that the index holds.
    ///
    /// # Panics
    /// If the index does not hold it.
    pub(crate) fn pin(&self, index: u32) -> BlockRef {
        let header = self.header(index);
        assert!(header.is_linked(), "block {index} is not in the index");
        header.pin();
        // SAFETY: just counted.
        let pin = unsafe { Pin::from_counted(NonNull::from(header)) };
        // SAFETY: the index holds frozen blocks only, and only the owner of the arena,
        // which is here, takes a block from it.
        unsafe { BlockRef::from_pin(pin) }
    }

    /// The number of the block, if it is one of this arena.
    pub(crate) fn index_of(&self, block: &BlockRef) -> Option<u32> {
        let header = block.header();
        header.belongs_to(self.ledger()).then(|| header.index())
    }

    /// Makes the index a holder of the block; the pin in `block` goes.
    ///
    /// # Panics
    /// If the block is of another arena or the index holds it already.
    pub(crate) fn link(&mut self, block: BlockRef) -> u32 {
        let index = self.index_of(&block).expect("a block of this arena");
        block.header().link();
        index
    }

    /// Takes a block from the index; `true` if no pin is left, and it must be
    /// [reclaimed](Self::reclaim).
    pub(crate) fn unlink(&mut self, index: u32) -> bool {
        self.header(index).unlink()
    }

    /// Takes a block without pins back; `false` while the wire still reads it.
    pub(crate) fn reclaim(&mut self, index: u32) -> bool {
        self.header(index).reclaim()
    }

    /// Hands over the blocks whose last pin went since the last call.
    pub(crate) fn collect_returned(&mut self, mut each: impl FnMut(&mut Self, u32)) {
        let mut next = self.ledger().take_returned();
        while let Some(header) = next {
            // SAFETY: the stack holds headers of this arena, which is alive.
            let header = unsafe { header.as_ref() };
            // Before the block can be claimed, and returned, again.
            next = header.next_returned();
            let index = header.index();
            each(self, index);
        }
    }

    pub(crate) fn is_linked(&self, index: u32) -> bool {
        self.header(index).is_linked()
    }

    /// Whether anybody pins the block or the wire reads it.
    pub(crate) fn is_referenced(&self, index: u32) -> bool {
        let header = self.header(index);
        header.pins() != 0 || header.wire_references() != 0
    }

    /// Blocks with at least one pin.
    pub(crate) fn pinned(&self) -> usize {
        self.ledger().pinned()
    }

    /// State and wire references of every block.
    pub(crate) fn census(&self) -> impl Iterator<Item = (BlockState, u32)> {
        self.headers()
            .iter()
            .map(|header| (header.state(), header.wire_references()))
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("block_count", &self.block_count())
            .field("block_size", &self.block_size)
            .finish_non_exhaustive()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Pins first: without one nobody can add a wire reference.
        let held = self.ledger().pinned() != 0
            || self
                .headers()
                .iter()
                .any(|header| header.wire_references() != 0);
        if held {
            LEAKED.fetch_add(self.memory.len(), Ordering::Relaxed);
            return;
        }
        // SAFETY: leaked by `new`; no pin and no wire reference is left, so no handle
        // points to it, and the last touch of those that did is behind (`unpin`).
        drop(unsafe { Box::from_raw(self.headers.as_ptr()) });
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(self.ledger.as_ptr()) });
        // SAFETY: dropped nowhere else, and not used after this.
        unsafe { ManuallyDrop::drop(&mut self.memory) }
    }
}

/// The IO address of `data..data + len`, or where in it the first page lies that does not
/// follow the one before; `None` if `data` has no IO address.
fn contiguous_iova(
    data: NonNull<u8>,
    len: usize,
    page_size: usize,
    iova_of: &dyn Fn(NonNull<u8>) -> u64,
) -> Result<u64, Option<usize>> {
    let iova = iova_of(data);
    iova.checked_add(len as u64).ok_or(None)?;
    let address = data.addr().get();
    // The first page boundary after `data`: blocks may begin within a page.
    let mut offset = page_size - address % page_size;
    debug_assert!(page_size.is_power_of_two(), "the region's contract");
    while offset < len {
        // SAFETY: `offset` is below `len`, and the block lies within the region.
        let page = unsafe { data.add(offset) };
        if iova_of(page) != iova + offset as u64 {
            return Err(Some(offset));
        }
        offset += page_size;
    }
    Ok(iova)
}
