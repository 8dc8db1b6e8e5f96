//! Our TCP against smoltcp's, both ends of each, over a wire that is memory.
//!
//! Both frame at an MTU of 1500 and leave all checksums out, as a NIC does them. On both
//! the wire takes a copy of every frame, and the receiver copies what it reads. smoltcp
//! copies twice more, into its send and its receive buffer; that is what it is.

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
