//! TLS records: sealed from the block into transmit memory, or copied there and sealed.

use cache::{BlockMut, Slots};
use dpdk::tsc;
use engine::limits::SLOT_HEADROOM;
use tls::Session;
use tls::limits::{CONTENT, HEADER};

use super::{Lane, Stage, Way};

/// Slots of destination: 8 MiB, as much as is in flight on a few busy connections.
const SLOTS: usize = 512;

/// A session and transmit memory that is used over and over.
pub struct Sealer {
    session: Session,
    slots: Vec<BlockMut>,
    next: usize,
}

impl Sealer {
    /// Seals into slots out of `slots`.
    pub fn new(session: Session, slots: &mut Slots) -> Self {
        Self {
            session,
            slots: std::iter::from_fn(|| slots.take()).take(SLOTS).collect(),
            next: 0,
        }
    }
}

impl Stage for Sealer {
    const PIECE: usize = CONTENT;

    fn run(&mut self, lane: &mut Lane, payloads: usize) -> u64 {
        let start = tsc::fenced();
        for _ in 0..payloads * lane.pieces_each {
            self.next += 1;
            if self.next >= self.slots.len() {
                self.next = 0;
            }
            let out = &mut self.slots[self.next].as_mut_slice()[SLOT_HEADROOM..];
            let content = lane.source.advance().as_slice();
            let sealed = match lane.way {
                Way::Copy => {
                    out[HEADER..HEADER + content.len()].copy_from_slice(content);
                    self.session.seal_in_place(content.len(), out)
                }
                Way::Attach => self.session.seal(content, out),
            };
            sealed.expect("a record");
        }
        tsc::fenced() - start
    }
}
