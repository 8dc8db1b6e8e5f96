//! Raw bindings to libdpdk 22.11 to 25.11.
//!
//! Names are DPDK's own and so is their documentation. What DPDK offers only as
//! static inline functions is reached through generated C wrappers; what it offers
//! only as thread locals, bit fields or macros through `csrc/shim.h`. Only what the
//! `dpdk` crate uses is bound.
#![no_std]

mod mbuf;

pub use bindings::*;
pub use mbuf::rte_mbuf;

#[allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    unused,
    clippy::all,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]
mod bindings {
    use crate::mbuf::rte_mbuf;

    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
