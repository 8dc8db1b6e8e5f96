//! What the benches measure on: an EAL without devices, pools, and a cache's blocks.
#![forbid(unsafe_code)]

mod bed;
mod source;

pub use bed::{Bed, BedError};
pub use source::Source;
