//! The header of a block: who holds it, and where it is.
//!
//! One word counts the pins and says whether the index holds the block, so that
//! the holder who lets go last, on whatever thread, knows it from one atomic
//! operation. Wire references are a word of their own: the wire may keep a block
//! for as long as it likes, and what it does at the end is one subtraction and
//! nothing else.

use core::ptr::{self, NonNull};
use std::process;

use mutant::Mutant;

use super::order::{Accesses, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use crate::limits::MAX_REFERENCES;
use crate::state::{BlockEvent, BlockState};

/// Set in `holders` while the index holds the block; the rest counts pins.
const LINKED: u32 = 1 << 31;
const PINS: u32 = LINKED - 1;

const _: () = assert!(MAX_REFERENCES < PINS);

/// What the handles of one arena share, apart from the blocks themselves.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Blocks that came back and that the owner has not collected yet: a stack.
    returned: AtomicPtr<BlockHeader>,
    /// Blocks with at least one pin.
    pinned: AtomicUsize,
}

/// One block. Its address is stable and its own cache line keeps the counts of
/// different blocks from disturbing each other.
#[repr(align(64))]
#[derive(Debug)]
pub(super) struct BlockHeader {
    data: NonNull<u8>,
    ledger: NonNull<Ledger>,
    /// Next block on the `returned` stack; meaningful only while on it.
    next: AtomicPtr<BlockHeader>,
    iova: u64,
    index: u32,
    size: u32,
    holders: AtomicU32,
    wire: AtomicU32,
    state: AtomicU8,
    accesses: Accesses,
}

impl Ledger {
    /// Blocks with at least one pin. Zero, read here, means that no handle of the
    /// arena will touch the ledger or a header again, wire references excepted.
    pub(super) fn pinned(&self) -> usize {
        // Acquire: pairs with the release in `unpin`, whose last touch this is.
        self.pinned.load(Ordering::Acquire)
    }

    fn push_returned(&self, header: &BlockHeader) {
        let this = ptr::from_ref(header).cast_mut();
        let mut head = self.returned.load(Ordering::Relaxed);
        loop {
            header.next.store(head, Ordering::Relaxed);
            // Release: publishes `next`, the state and the holder's last reads.
            match self.returned.compare_exchange_weak(
                head,
                this,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(current) => head = current,
            }
        }
    }

    /// Takes all blocks that came back; walk them with [`BlockHeader::next_returned`].
    pub(super) fn take_returned(&self) -> Option<NonNull<BlockHeader>> {
        if self.returned.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Taking the whole stack at once leaves no room for the ABA problem.
        NonNull::new(self.returned.swap(ptr::null_mut(), Ordering::Acquire))
    }
}

impl BlockHeader {
    pub(super) fn new(
        data: NonNull<u8>,
        iova: u64,
        index: u32,
        size: u32,
        ledger: NonNull<Ledger>,
    ) -> Self {
        Self {
            data,
            ledger,
            next: AtomicPtr::new(ptr::null_mut()),
            iova,
            index,
            size,
            holders: AtomicU32::new(0),
            wire: AtomicU32::new(0),
            state: AtomicU8::new(BlockState::Free as u8),
            accesses: Accesses::default(),
        }
    }

    pub(super) fn data(&self) -> NonNull<u8> {
        self.data
    }

    pub(super) fn iova(&self) -> u64 {
        self.iova
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// What the model checker is told about the bytes.
    pub(super) fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    pub(super) fn next_returned(&self) -> Option<NonNull<BlockHeader>> {
        NonNull::new(self.next.load(Ordering::Relaxed))
    }

    pub(super) fn belongs_to(&self, ledger: &Ledger) -> bool {
        ptr::eq(self.ledger.as_ptr(), ledger)
    }

    pub(super) fn state(&self) -> BlockState {
        BlockState::from_number(self.state.load(Ordering::Relaxed))
    }

    /// Steps to the next state. Only whoever has the block to itself in the sense
    /// of the state table calls it, so the load and the store are no race; relaxed
    /// because the counts order everything.
    ///
    /// # Panics
    /// If the step is not in the table: the alternative is a NIC reading memory
    /// that somebody writes.
    pub(super) fn step(&self, event: BlockEvent) {
        let state = self.state();
        let Some(next) = state.after(event) else {
            panic!("block {}: {event:?} in state {state:?}", self.index)
        };
        self.state.store(next as u8, Ordering::Relaxed);
    }

    /// Pins of the block: handles of any kind but wire references.
    pub(super) fn pins(&self) -> u32 {
        self.holders.load(Ordering::Acquire) & PINS
    }

    /// Whether the index holds the block.
    pub(super) fn is_linked(&self) -> bool {
        self.holders.load(Ordering::Acquire) & LINKED != 0
    }

    /// Wire references of the block. Acquire: zero means that every read through
    /// them is over.
    pub(super) fn wire_references(&self) -> u32 {
        self.wire.load(Ordering::Acquire)
    }

    /// Whether one pin is all that keeps the block: not the index, not the wire.
    pub(super) fn is_unique(&self) -> bool {
        // The order matters: with one pin and no link nobody else can add wire
        // references, and reading 1 orders after whatever a former holder added.
        mutant::is_on(Mutant::RewrittenInPlace)
            || self.holders.load(Ordering::Acquire) == 1 && self.wire_references() == 0
    }

    /// Takes a free block: its first pin.
    ///
    /// # Panics
    /// If the block is not free.
    pub(super) fn claim(&self) {
        self.step(BlockEvent::Allocate);
        if mutant::is_on(Mutant::FreeIgnoresWire) || mutant::is_on(Mutant::EvictedBlockReused) {
            self.add_pin();
            return;
        }
        assert_eq!(
            self.wire_references(),
            0,
            "block {} is on the wire",
            self.index
        );
        let taken = self
            .holders
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        assert!(taken.is_ok(), "block {} is held", self.index);
        self.ledger().pinned.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a pin to a block that the caller keeps alive by a pin or a link.
    pub(super) fn pin(&self) {
        let before = self.add_pin();
        debug_assert_ne!(before, 0, "block {} is held by nobody", self.index);
    }

    /// Who held it before.
    fn add_pin(&self) -> u32 {
        // Relaxed: whoever pins can see the block already.
        let before = self.holders.fetch_add(1, Ordering::Relaxed);
        if before & PINS == 0 {
            self.ledger().pinned.fetch_add(1, Ordering::Relaxed);
        }
        if before & PINS > MAX_REFERENCES {
            process::abort();
        }
        before
    }

    /// Gives up a pin.
    ///
    /// # Safety
    /// `this` is a header of an arena in which the caller owns a pin on that block;
    /// the caller uses neither afterwards.
    pub(super) unsafe fn unpin(this: NonNull<Self>) {
        // A raw pointer instead of `&self`: another thread may free the arena as
        // soon as `pinned` is lowered, and a reference has to outlive its function.
        let ledger = {
            // SAFETY: the caller's pin keeps the header alive until `pinned` below
            // is lowered (see `Arena::drop`); the reference ends in this block.
            let header = unsafe { this.as_ref() };
            let ledger = header.ledger;
            // Up to here this holder may have read.
            header.accesses.read();
            // Release: this holder's reads come before whatever the next owner writes.
            // Acquire: for the last holder, so do those of all others.
            let before = header.holders.fetch_sub(1, Ordering::AcqRel);
            debug_assert_ne!(before & PINS, 0, "block {} has no pin", header.index);
            if before & PINS != 1 {
                return;
            }
            let is_reused =
                mutant::is_on(Mutant::EvictedBlockReused) && header.state() == BlockState::Free;
            if before & LINKED == 0 && !is_reused {
                header.step(BlockEvent::LastUnpin);
                header.ledger().push_returned(header);
            }
            ledger
        };
        // Last touch, so that `pinned` at zero means that nobody is here any more.
        // SAFETY: `pinned` still counts this block, so the ledger is alive; it is
        // made of atomics only, so it may be freed while the call returns.
        unsafe { ledger.as_ref() }
            .pinned
            .fetch_sub(1, Ordering::Release);
    }

    /// Gives the block to the index. The caller has a pin.
    pub(super) fn link(&self) {
        self.step(BlockEvent::Link);
        self.holders.fetch_or(LINKED, Ordering::Relaxed);
    }

    /// Takes the block from the index; `true` if no pin is left and the caller, not
    /// the last holder, must return the block to the pool.
    pub(super) fn unlink(&self) -> bool {
        // Before the bit goes: afterwards the last holder may step the state.
        self.step(BlockEvent::Unlink);
        let before = self.holders.fetch_and(!LINKED, Ordering::AcqRel);
        if before & PINS != 0 && !mutant::is_on(Mutant::EvictedBlockReused) {
            return false;
        }
        self.step(BlockEvent::LastUnpin);
        true
    }

    /// Takes a returned block back if the wire has let go of it too.
    pub(super) fn reclaim(&self) -> bool {
        if self.wire_references() == 0 || mutant::is_on(Mutant::FreeIgnoresWire) {
            self.step(BlockEvent::Reclaim);
            return true;
        }
        if self.state() == BlockState::Returned {
            self.step(BlockEvent::Wait);
        }
        false
    }

    /// Adds a wire reference; the caller has a pin.
    pub(super) fn lend(&self) {
        debug_assert_ne!(self.holders.load(Ordering::Relaxed) & PINS, 0);
        if mutant::is_on(Mutant::WireUncounted) {
            return;
        }
        // Relaxed: the pin orders it before any look at the count that matters.
        if self.wire.fetch_add(1, Ordering::Relaxed) > MAX_REFERENCES {
            process::abort();
        }
    }

    /// Drops a wire reference and does nothing else (invariant I2).
    ///
    /// # Safety
    /// `this` is a header of an arena in which the caller owns a wire reference on
    /// that block; the caller uses neither afterwards.
    pub(super) unsafe fn release(this: NonNull<Self>) {
        #[cfg(feature = "loom")]
        // SAFETY: the wire reference keeps the header alive; the reference ends here. Up to here the wire may have
        // read.
        unsafe { this.as_ref() }.accesses.read();
        // SAFETY: in bounds of the header, which the wire reference keeps alive.
        let wire = unsafe { &raw const (*this.as_ptr()).wire };
        if mutant::is_on(Mutant::WireUncounted) || mutant::is_on(Mutant::NoopFree) {
            return;
        }
        if mutant::is_on(Mutant::FreedTwice) {
            // SAFETY: as below.
            let wire = unsafe { &*wire };
            let left = wire.load(Ordering::Relaxed).saturating_sub(2);
            wire.store(left, Ordering::Release);
            return;
        }
        // SAFETY: as above; an atomic may be freed while the call on it returns.
        let before = unsafe { &*wire }.fetch_sub(1, Ordering::Release);
        debug_assert_ne!(before, 0, "released more often than lent");
    }

    fn ledger(&self) -> &Ledger {
        // SAFETY: the arena puts ledger and headers into one allocation that it
        // frees only when no block is pinned and none is on the wire (see
        // `Arena::drop`), and every caller holds a pin, a link or the arena.
        unsafe { self.ledger.as_ref() }
    }
}
