//! Hugepage arenas, blocks, pins and eviction: file data of one core, by name.
//!
//! An [`Arena`] is memory cut into blocks that a NIC can read where they lie. A
//! [`Cache`] hands them out, keeps them under names and takes them back; [`Slots`] does so
//! without names, for what is written to be sent and never read again. It knows no
//! packet, no TLS and no NFS, reads no clock and allocates nothing after its making.
//!
//! ```text
//!            allocate            freeze             publish
//!   (pool) ───────────▶ BlockMut ──────▶ BlockRef ───────────▶ (index)
//!                          ▲                │ slice               │ lookup
//!                          └── try_into_mut ┤                     │
//!                                           ▼                     │
//!                                      BlockSlice ◀───────────────┘
//!                                           │ lend
//!                                           ▼
//!                                        WireRef ─▶ extbuf::Loan
//! ```
//!
//! Two counts keep a block from being used again, and neither stands in for the
//! other: *pins*, held by whoever still has business with the bytes, and *wire
//! references*, held by a NIC that may still read them. A block goes back to the pool
//! when it has neither and the index does not hold it (invariants I1 and I12); it is
//! writable through its one [`BlockMut`] and through nothing else (I3).

#![deny(unsafe_code)]

mod cache;
mod chains;
mod error;
mod index;
mod key;
pub mod limits;
mod list;
#[expect(unsafe_code, reason = "memory that a NIC reads cannot be borrowed")]
mod memory;
mod policy;
mod pool;
mod slots;
mod state;
mod stats;

pub use cache::{Cache, CacheConfig, Hit};
pub use error::ArenaError;
pub use extbuf::Region;
pub use key::{BlockKey, FileId};
pub use memory::{
    Arena, BlockMut, BlockRef, BlockSlice, HeapMemory, HugepageMemory, WireRef, leaked_arena_bytes,
};
pub use slots::Slots;
pub use state::{BlockEvent, BlockState};
pub use stats::CacheStats;
