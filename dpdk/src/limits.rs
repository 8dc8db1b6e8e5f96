//! The bounds of this crate and why they are what they are.

/// Most parts one frame is built from, so that they fit on the stack: one 64 KiB TSO
/// frame of 1 KiB pieces, its headers and its padding.
pub const FRAME_PARTS: usize = 72;

/// Most segments one frame is built into; `csrc/shim.h` gives the same number. Higher
/// than [`FRAME_PARTS`], since one copied part may fill more than one mbuf.
pub const FRAME_SEGMENTS: usize = dpdk_sys::SHIM_FRAME_MAX_SEGMENTS as usize;

/// Most descriptors asked of one ring. Reclaiming from virtio offers a frame of 32,767
/// segments, which must never fit.
pub const RING_DESCRIPTORS: u16 = 16_384;

/// Most bytes of a memory or pool name: what `rte_memzone` takes, less the prefix a
/// pool's own memory zones get.
pub const NAME_BYTES: usize = 24;

/// Most objects a pool's per-core cache may hold (`RTE_MEMPOOL_CACHE_MAX_SIZE`).
pub const POOL_CACHE: u32 = 512;

const _: () = assert!(FRAME_PARTS <= FRAME_SEGMENTS);
