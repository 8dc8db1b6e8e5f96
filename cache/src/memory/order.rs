//! The atomics of this crate, and what a model checker is told about the bytes they guard.
//!
//! Ordinarily the processor's. With the feature `loom` they are those of loom, which runs a test through every
//! interleaving and every value that the memory model lets a load see; `tests/memory_order.rs` does so with this very
//! code. Nothing works outside of such a test then.

#[cfg(not(feature = "loom"))]
pub(super) use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};

#[cfg(feature = "loom")]
pub(super) use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// The bytes of a block, as the model checker sees them: a read and a write that nothing orders fail the test.
#[derive(Debug, Default)]
pub(super) struct Accesses {
    #[cfg(feature = "loom")]
    bytes: loom::cell::UnsafeCell<()>,
}

impl Accesses {
    /// Somebody has read bytes.
    #[inline]
    pub(super) fn read(&self) {
        #[cfg(feature = "loom")]
        self.bytes.with(|_| ());
    }

    /// Somebody writes bytes.
    #[inline]
    pub(super) fn write(&self) {
        #[cfg(feature = "loom")]
        self.bytes.with_mut(|_| ());
    }
}
