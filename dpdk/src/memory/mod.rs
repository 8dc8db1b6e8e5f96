//! Memory that devices can reach: taken from the EAL, or brought along.

mod eal;
mod registered;

pub use eal::EalMemory;
pub(crate) use eal::c_name;
pub use registered::RegisteredMemory;

use std::io;

/// Why memory could not be had or registered.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// the EAL has not that much memory left
    #[error(
        "the EAL cannot reserve {len} bytes: {source}. Raise the memory given to the EAL, and the \
         hugepages with deploy/setup"
    )]
    Reserve {
        /// Bytes asked for.
        len: usize,
        /// What the EAL said.
        source: io::Error,
    },
    /// a name is empty, too long, or holds a NUL
    #[error("the name {0:?} is empty, longer than 24 bytes, or holds a NUL byte")]
    Name(String),
    /// zero bytes were asked for
    #[error("zero bytes were asked for")]
    Empty,
    /// memory from outside must consist of whole pages
    #[error("memory from outside must start and end at a page of {page_size} bytes")]
    Unaligned {
        /// Bytes of a page.
        page_size: usize,
    },
    /// a virtio-user device can send from EAL memory only
    #[error(
        "memory from outside the EAL cannot be registered beside a virtio-user device: its backend \
         would get no memory at all; take the memory from the EAL instead"
    )]
    VirtioUser,
    /// some page has no address that devices can use
    #[error("page {page} has no address that devices can use; physical addresses need root")]
    NoIova {
        /// Number of the page within the region.
        page: usize,
    },
    /// the EAL did not take the memory
    #[error("the EAL did not take the memory: {0}")]
    Register(io::Error),
    /// the device did not take the memory
    #[error(
        "the device did not take the memory: {0} (it needs the IOMMU; the locked-memory limit, \
         ulimit -l, must allow it)"
    )]
    Map(io::Error),
}
