//! Safe owners for the part of DPDK that Wirepage uses.
//!
//! Start an [`Eal`], reserve memory and pools from it, open a [`Port`], and give each
//! of its queues to one thread. Nothing here needs `unsafe` of the caller.
//!
//! # Who owns what
//!
//! * Everything holds the [`Eal`] it came from, so the EAL outlives it.
//! * An [`Mbuf`] is one whole frame, or one segment cut out of a received frame, and
//!   has exactly one owner: a variable, a [`MbufBatch`], or the device between
//!   [`TxQueue::transmit`] and completion. Dropping it gives every segment back to
//!   its pool and releases every loan attached to it.
//! * Pools live until the EAL is cleaned up, so no mbuf can outlive its pool.
//! * A [`Port`] and its queues share the device, which stops and closes when the last
//!   of them is dropped; frames still in its rings are freed then.
//! * A loan ([`extbuf::Loan`]) attached to an mbuf is released exactly once, on the
//!   thread that frees the mbuf: for a transmitted frame the thread that polls the
//!   transmit queue, or the one that drops the port.

pub mod eal;
mod errno;
mod frame;
pub mod limits;
mod mbuf;
mod memory;
mod pool;
mod port;
#[cfg(feature = "reference")]
mod reference;
mod thread;
pub mod tsc;

pub use eal::{Eal, EalConfig, EalError};
pub use frame::{FrameBuilder, FrameError, Part};
pub use mbuf::{
    IntoSegments, Mbuf, MbufBatch, MbufError, RxChecksum, Segment, Segments, TxOffload,
};
pub use memory::{EalMemory, MemoryError, RegisteredMemory};
pub use pool::{ExternalPool, ExternalPoolConfig, Mempool, MempoolConfig, PoolError};
pub use port::{
    Granted, Link, Port, PortConfig, PortError, PortStats, RxOffloads, RxQueue, Tso, TxOffloads,
    TxQueue,
};
#[cfg(feature = "reference")]
pub use reference::AttachInC;
pub use thread::{EalThread, ThreadError};
