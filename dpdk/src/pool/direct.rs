//! Mbufs with data of their own.

use super::{Pool, PoolError};
use crate::{Eal, Mbuf};
use std::ptr::NonNull;

/// What a [`Mempool`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct MempoolConfig {
    /// Mbufs in the pool; one less than a power of two wastes no memory.
    pub count: u32,
    /// Mbufs that each registered thread may hold back for itself, at most 512 and two
    /// thirds of the pool.
    pub cache: u32,
    /// Bytes of each mbuf, among them 128 of headroom.
    pub data_room: u16,
}

impl Default for MempoolConfig {
    /// 8,191 mbufs of 2 KiB each.
    fn default() -> Self {
        Self {
            count: 8191,
            cache: 256,
            data_room: 2048 + Mempool::HEADROOM,
        }
    }
}

/// A pool of mbufs that carry their own bytes: for receiving, and for what is copied.
///
/// It lives until the EAL is cleaned up, whoever drops it, so that no mbuf can outlive
/// it. Make pools at the start, not as you go.
#[derive(Debug)]
pub struct Mempool(Pool);

impl Mempool {
    /// Bytes in front of the data of a fresh mbuf.
    #[expect(clippy::cast_possible_truncation, reason = "128")]
    pub const HEADROOM: u16 = dpdk_sys::RTE_PKTMBUF_HEADROOM as u16;

    /// Makes a pool under a name that no other pool of this EAL has.
    ///
    /// # Errors
    ///
    /// [`PoolError::Create`] when memory is short or the name is taken, and the other
    /// variants for what cannot be asked.
    pub fn create(eal: &Eal, name: &str, config: MempoolConfig) -> Result<Self, PoolError> {
        if config.data_room <= Self::HEADROOM {
            return Err(PoolError::DataRoom(config.data_room));
        }
        Pool::create(eal, name, config.count, config.cache, 0, config.data_room).map(Self)
    }

    /// Another holder of the same pool.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(self.0.share())
    }

    /// An empty mbuf of one segment; `None` when the pool is empty.
    pub fn allocate(&self) -> Option<Mbuf> {
        // SAFETY: the pool lives as long as the EAL, which `self` holds.
        let mbuf = unsafe { dpdk_sys::rte_pktmbuf_alloc(self.pointer().as_ptr()) };
        // SAFETY: a fresh mbuf is one segment with one reference, which is handed over here.
        NonNull::new(mbuf).map(|mbuf| unsafe { Mbuf::from_raw(mbuf) })
    }

    /// Mbufs in the pool now. It adds up the caches of all threads: not for every frame.
    pub fn available(&self) -> u32 {
        self.0.available()
    }

    /// Mbufs that belong to the pool.
    pub fn size(&self) -> u32 {
        self.0.size
    }

    /// Bytes that one fresh mbuf takes.
    pub fn room(&self) -> u16 {
        // SAFETY: the pool lives as long as the EAL, which `self` holds.
        let room = unsafe { dpdk_sys::rte_pktmbuf_data_room_size(self.pointer().as_ptr()) };
        room - Self::HEADROOM
    }

    pub(crate) fn pointer(&self) -> NonNull<dpdk_sys::rte_mempool> {
        self.0.pointer
    }
}
