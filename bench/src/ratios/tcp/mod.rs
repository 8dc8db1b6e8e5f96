//! Our TCP against smoltcp's, both ends of each, over a wire that is memory.
//!
//! Both frame at an MTU of 1500 and leave all checksums out, as a NIC does them, and the
//! receiver copies what it reads. smoltcp copies three times more: into its send buffer, into the frame and into its
//! receive buffer. Our frames refer to the payload where it lies, as they do on the way to a NIC. Each is
//! what its stack has to do.

mod ours;
mod theirs;

use super::Row;
use super::report::Budget;
use crate::{interleave, timed};
pub use ours::OurPair;
use theirs::TheirPair;

/// Bytes in a round: half a millisecond of the faster.
const BYTES: usize = 2 << 20;

/// Bytes written and read at a time.
const CHUNK: usize = 16 << 10;

/// Largest frame at an MTU of 1500.
const FRAME: usize = 1514;

pub(super) fn measure(rounds: usize) -> Vec<Row> {
    let mut ours = OurPair::default();
    let mut theirs = TheirPair::new();
    let [we, they] = interleave(rounds, |which| {
        timed(BYTES, || match which {
            0 => ours.carry(BYTES),
            _ => theirs.carry(BYTES),
        })
    });
    vec![Row::ratio(
        "tcp_vs_smoltcp_1500",
        "our TCP ÷ smoltcp's, sender and receiver, for a byte at an MTU of 1500",
        we,
        they,
        Budget::AtMost(0.5),
    )]
}
