//! Pools that mbufs come from and go back to.

mod direct;
mod external;

pub use direct::{Mempool, MempoolConfig};
pub use external::{ExternalPool, ExternalPoolConfig};

use crate::eal::PoolPointer;
use crate::memory::c_name;
use crate::{Eal, errno, limits};
use std::io;
use std::ptr::NonNull;

/// Why a pool was not made.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// a name is empty, too long, or holds a NUL
    #[error("the name {0:?} is empty, longer than 24 bytes, or holds a NUL byte")]
    Name(String),
    /// a pool must hold more than its caches
    #[error(
        "a pool of {count} mbufs is too small for caches of {cache} (at most 512 and two thirds)"
    )]
    Size {
        /// Mbufs asked for.
        count: u32,
        /// Mbufs a thread may hold back.
        cache: u32,
    },
    /// an mbuf has room for data only beyond its headroom
    #[error("a data room of {0} bytes leaves nothing beyond the headroom of 128")]
    DataRoom(u16),
    /// the EAL did not make the pool
    #[error(
        "the EAL did not make the pool {name}: {source}. Raise the memory given to the EAL, and the \
         hugepages with deploy/setup; a name can be used once"
    )]
    Create {
        /// Name of the pool.
        name: String,
        /// What the EAL said.
        source: io::Error,
    },
}

/// What both kinds of pool share: a pool that lives as long as the EAL.
#[derive(Debug)]
struct Pool {
    pointer: NonNull<dpdk_sys::rte_mempool>,
    size: u32,
    eal: Eal,
}

// SAFETY: mbuf pools are made with multi-producer, multi-consumer rings, and their caches
// are one for each registered thread, so any thread may allocate, free and count.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    fn create(
        eal: &Eal,
        name: &str,
        count: u32,
        cache: u32,
        private_bytes: u16,
        data_room: u16,
    ) -> Result<Self, PoolError> {
        let c_name = c_name(name).ok_or_else(|| PoolError::Name(name.to_owned()))?;
        // DPDK's own rule: the cache and its overflow of half as much fit into the pool.
        if count == 0 || cache > limits::POOL_CACHE || u64::from(cache) * 3 > u64::from(count) * 2 {
            return Err(PoolError::Size { count, cache });
        }
        // SAFETY: the EAL is up while `eal` lives; the name is NUL-terminated and copied.
        let pointer = unsafe {
            dpdk_sys::rte_pktmbuf_pool_create(
                c_name.as_ptr(),
                count,
                cache,
                private_bytes,
                data_room,
                // SOCKET_ID_ANY
                -1,
            )
        };
        let pointer = NonNull::new(pointer).ok_or_else(|| PoolError::Create {
            name: name.to_owned(),
            source: errno::last(),
        })?;
        eal.state().pools.push((PoolPointer(pointer), count));
        Ok(Self {
            pointer,
            size: count,
            eal: eal.share(),
        })
    }

    fn share(&self) -> Self {
        Self {
            pointer: self.pointer,
            size: self.size,
            eal: self.eal.share(),
        }
    }

    fn available(&self) -> u32 {
        // SAFETY: the pool lives as long as the EAL, which `self` holds.
        unsafe { dpdk_sys::rte_mempool_avail_count(self.pointer.as_ptr()) }
    }
}
