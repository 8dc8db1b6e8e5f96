//! Mbufs that carry lent bytes.

use super::{Pool, PoolError};
use crate::frame::PartList;
use crate::{Eal, Mbuf};
use extbuf::Loan;
use std::ptr::NonNull;

/// What an [`ExternalPool`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct ExternalPoolConfig {
    /// Mbufs in the pool: the most loans that can be out at a time.
    pub count: u32,
    /// Mbufs that each registered thread may hold back for itself, at most 512 and two
    /// thirds of the pool.
    pub cache: u32,
}

impl Default for ExternalPoolConfig {
    /// 16,383 mbufs.
    fn default() -> Self {
        Self {
            count: 16_383,
            cache: 256,
        }
    }
}

/// A pool of mbufs without data of their own, to which loans are attached.
///
/// Each mbuf has its own shared info in its private area, so one attachment is one
/// release, and DPDK's reference count (16 bits, and not atomic at one) never counts
/// past one. It lives until the EAL is cleaned up, like a [`Mempool`](crate::Mempool).
#[derive(Debug)]
pub struct ExternalPool(Pool);

/// Bytes of the shared info, in a private area that DPDK wants to be a multiple of 8.
const PRIVATE_BYTES: usize = size_of::<dpdk_sys::rte_mbuf_ext_shared_info>()
    .next_multiple_of(dpdk_sys::RTE_MBUF_PRIV_ALIGN as usize);

const _: () = assert!(PRIVATE_BYTES >= 24 && PRIVATE_BYTES <= u16::MAX as usize);

impl ExternalPool {
    /// Makes a pool under a name that no other pool of this EAL has.
    ///
    /// # Errors
    ///
    /// [`PoolError::Create`] when memory is short or the name is taken, and the other
    /// variants for what cannot be asked.
    pub fn create(eal: &Eal, name: &str, config: ExternalPoolConfig) -> Result<Self, PoolError> {
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let private_bytes = PRIVATE_BYTES as u16;
        Pool::create(eal, name, config.count, config.cache, private_bytes, 0).map(Self)
    }

    /// Another holder of the same pool.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(self.0.share())
    }

    /// An mbuf of one segment, which is the loan; `None` when the pool is empty, and then
    /// the loan is released.
    pub fn attach<L: Loan>(&self, loan: L) -> Option<Mbuf> {
        let mut parts = PartList::new();
        let part = parts.lend(loan)?;
        // SAFETY: the pool lives as long as the EAL, which `self` holds, and was made with
        // a private area for the shared info; `part` holds one loan's parts.
        let mbuf = unsafe { dpdk_sys::shim_attach(self.pointer().as_ptr(), part) };
        let mbuf = NonNull::new(mbuf)?;
        parts.hand_over();
        // SAFETY: a fresh mbuf is one segment with one reference, which is handed over here.
        Some(unsafe { Mbuf::from_raw(mbuf) })
    }

    /// Mbufs in the pool now. It adds up the caches of all threads: not for every frame.
    pub fn available(&self) -> u32 {
        self.0.available()
    }

    /// Mbufs that belong to the pool.
    pub fn size(&self) -> u32 {
        self.0.size
    }

    pub(crate) fn pointer(&self) -> NonNull<dpdk_sys::rte_mempool> {
        self.0.pointer
    }
}
