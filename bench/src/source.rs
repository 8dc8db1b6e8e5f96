//! Which bytes a bench sends, and in what order.

use cache::{BlockRef, BlockSlice, WireRef};

/// A loan's length is 16 bits, so a whole block of 64 KiB goes out as two.
const MOST_LENT: usize = 32 << 10;

/// Payloads of one size out of a set of blocks, visited over and over in an order that no
/// prefetcher guesses.
#[derive(Debug)]
pub struct Source {
    payloads: Vec<BlockSlice>,
    next: usize,
}

impl Source {
    /// Cuts the blocks into payloads of `len` bytes, at most a block's, each starting at a
    /// cache line of its own.
    ///
    /// # Panics
    ///
    /// If `len` is more than a block, or there are no blocks.
    pub fn new(blocks: &[BlockRef], len: usize) -> Self {
        let mut source = Self::cut(blocks, len);
        shuffle(&mut source.payloads);
        source
    }

    fn cut(blocks: &[BlockRef], len: usize) -> Self {
        let stride = len.next_power_of_two();
        let payloads: Vec<BlockSlice> = blocks
            .iter()
            .flat_map(|block| {
                let starts = (0..block.as_slice().len()).step_by(stride);
                starts.map(move |start| block.slice(start..start + len))
            })
            .collect();
        assert!(!payloads.is_empty(), "a source needs blocks");
        Self { payloads, next: 0 }
    }

    /// As [`Source::new`], in the order in which the payloads lie.
    ///
    /// # Panics
    ///
    /// As [`Source::new`].
    pub fn sequential(blocks: &[BlockRef], len: usize) -> Self {
        Self::cut(blocks, len)
    }

    /// All payloads, in order.
    pub fn payloads(&self) -> &[BlockSlice] {
        &self.payloads
    }

    /// The next payload.
    pub fn advance(&mut self) -> &BlockSlice {
        let payload = &self.payloads[self.next];
        self.next += 1;
        if self.next == self.payloads.len() {
            self.next = 0;
        }
        payload
    }

    /// A payload as the wire references that carry it.
    pub fn lend(payload: &BlockSlice) -> impl Iterator<Item = WireRef> {
        let len = payload.len();
        (0..len)
            .step_by(MOST_LENT)
            .map(move |start| payload.lend(start..len.min(start + MOST_LENT)))
    }
}

/// Fisher and Yates's shuffle with a fixed seed, so that runs compare.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x0139_408d_cbbf_7a44_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let chosen = usize::try_from(state % (last as u64 + 1)).unwrap_or(last);
        items.swap(last, chosen);
    }
}
