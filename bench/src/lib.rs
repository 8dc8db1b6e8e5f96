//! What Wirepage costs: the ground that is measured on, how it is measured, and the
//! measurements themselves.
#![forbid(unsafe_code)]

mod bed;
pub mod copy_vs_attach;
mod frames;
mod machine;
pub mod pki;
pub mod ratios;
mod rounds;
mod source;

pub use bed::{BLOCK_BYTES, Bed, BedError, COLD_BYTES, fill};
pub use frames::{Frames, HEADER};
pub use machine::{Machine, another_core, last_core, pin};
pub use rounds::{FEWEST_ROUNDS, Spread, interleave, timed};
pub use source::Source;
