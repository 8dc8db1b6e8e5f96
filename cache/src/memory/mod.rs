//! Memory, blocks and the handles on them: the only files of this crate with `unsafe`.

mod arena;
mod block;
mod header;
mod heap;
mod hugepage;
mod order;
mod slice;
mod wire;

pub use arena::{Arena, leaked_arena_bytes};
pub use block::{BlockMut, BlockRef};
pub use heap::HeapMemory;
pub use hugepage::HugepageMemory;
pub use slice::BlockSlice;
pub use wire::WireRef;
