//! Why an arena could not be made.

use std::io;

/// Why memory or an arena could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// This system has no hugepages; the kernel was built without them, or `/proc` is not mounted.
    #[error(
        "this system has no hugepages; the kernel was built without them, or `/proc` is not mounted"
    )]
    HugepagesUnsupported,

    /// Not enough hugepages; reserve more with `deploy/setup` or make the cache smaller.
    #[error(
        "cannot get {pages} hugepages of {page_size} bytes: {source}; \
         reserve more with `deploy/setup`, or make the cache smaller"
    )]
    HugepageShortage {
        /// Pages asked for.
        pages: usize,
        /// Bytes of one page.
        page_size: usize,
        /// What the kernel said.
        source: io::Error,
    },

    /// The kernel refused to prepare the memory (Linux 5.14 or newer is needed).
    #[error(
        "the kernel refused {advice} on the cache's memory: {source} (Linux 5.14 or newer is needed)"
    )]
    Advice {
        /// The `madvise` advice that was refused.
        advice: &'static str,
        /// What the kernel said.
        source: io::Error,
    },

    /// Not enough memory.
    #[error("cannot get {len} bytes of memory")]
    OutOfMemory {
        /// Bytes asked for.
        len: usize,
    },

    /// An arena needs a length above zero that fits the address space.
    #[error("{len} bytes is no length for an arena")]
    InvalidLength {
        /// Bytes asked for.
        len: usize,
    },

    /// A block is a multiple of 64 bytes from 4 KiB to 1 MiB.
    #[error("{block_size} bytes is no block size: it must be a multiple of 64 from 4 KiB to 1 MiB")]
    InvalidBlockSize {
        /// Bytes asked for.
        block_size: usize,
    },

    /// The memory is smaller than one block, or has more blocks than can be numbered.
    #[error("memory of {len} bytes cannot be cut into blocks of {block_size} bytes")]
    InvalidBlockCount {
        /// Bytes of the memory.
        len: usize,
        /// Bytes of a block.
        block_size: usize,
    },

    /// A block is not contiguous in IO address space, so a NIC could not read it in one piece.
    #[error(
        "block {block} is not contiguous in IO address space; use blocks no larger than a page"
    )]
    NotContiguous {
        /// Number of the block.
        block: u32,
    },
}
