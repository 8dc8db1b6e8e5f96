//! Sealing in one pass, against copying and sealing in place.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use cache::{BlockMut, Cache, Slots};
use engine::limits::{SLOT_HEADROOM, SLOT_SIZE};
use tls::limits::{CONTENT, HEADER, TAG};
use tls::{CipherSuite, Session};

use super::Row;
use super::report::Budget;
use crate::pki::Pki;
use crate::{Source, Spread, fill, interleave, timed};

/// Records in a round: a millisecond and a half of sealing.
const RECORDS: usize = 384;

/// Bytes of source and of destination that the second-level cache holds together.
const HOT_RECORDS: usize = 8;

/// Slots of destination that only the last-level cache holds: 8 MiB.
const WARM_SLOTS: usize = 512;

pub(super) fn measure(cache: &mut Cache, slots: &mut Slots, rounds: usize) -> Vec<Row> {
    let pki = Pki::new(CipherSuite::Aes128Gcm);
    let mut sessions = [pki.sender(), pki.sender()];
    let blocks = fill(cache);
    let mut measure = |blocks, slots_used| {
        let mut sources = [(); 2].map(|()| Source::new(blocks, CONTENT));
        let taken = std::iter::from_fn(|| slots.take()).take(slots_used);
        let mut rings = Ring(taken.collect(), 0);
        compare(rounds, &mut sessions, &mut sources, &mut rings)
    };
    let [copied, hot] = measure(
        &blocks[..HOT_RECORDS * CONTENT / crate::BLOCK_BYTES],
        HOT_RECORDS,
    );
    let [copied_cold, cold] = measure(&blocks, WARM_SLOTS);
    vec![
        Row::ratio(
            "one_pass_vs_copy_then_seal",
            "copying and sealing in place ÷ sealing in one pass: 16 KiB records, AES-128-GCM, all in the L2 cache",
            copied,
            hot,
            Budget::AtLeast(1.15),
        ),
        Row::ratio(
            "one_pass_vs_copy_then_seal_dram",
            "the same from 512 MiB of memory into 8 MiB",
            copied_cold,
            cold,
            Budget::AtLeast(1.3),
        )
        .besides(),
    ]
}

/// Slots, used over and over.
struct Ring(Vec<BlockMut>, usize);

impl Ring {
    fn next(&mut self) -> &mut [u8] {
        self.1 += 1;
        if self.1 >= self.0.len() {
            self.1 = 0;
        }
        &mut self.0[self.1].as_mut_slice()[SLOT_HEADROOM..]
    }
}

fn compare(
    rounds: usize,
    [in_place, one_pass]: &mut [Session; 2],
    sources: &mut [Source; 2],
    ring: &mut Ring,
) -> [Spread; 2] {
    let [for_copies, for_passes] = sources;
    interleave(rounds, |which| {
        timed(RECORDS, || {
            for _ in 0..RECORDS {
                let out = ring.next();
                let sealed = if which == 0 {
                    let content = for_copies.advance().as_slice();
                    out[HEADER..HEADER + content.len()].copy_from_slice(content);
                    in_place.seal_in_place(content.len(), out)
                } else {
                    one_pass.seal(for_passes.advance().as_slice(), out)
                };
                sealed.expect("a record");
            }
        })
    })
}

/// The cipher and nothing else: aws-lc's one-pass AES-128-GCM over the records of 64 KiB
/// blocks, into memory that stays in the second-level cache.
pub(super) struct RawSeal {
    key: LessSafeKey,
    sequence: u64,
    source: Source,
    out: Vec<u8>,
}

/// Blocks in a round of [`RawSeal`].
const RAW_BLOCKS: usize = 96;

impl RawSeal {
    /// Over the blocks of `source`.
    pub(super) fn new(source: Source) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("a key of 16 bytes");
        Self {
            key: LessSafeKey::new(key),
            sequence: 0,
            source,
            out: vec![0; 5 * SLOT_SIZE],
        }
    }

    /// Ticks for a block.
    pub(super) fn sample(&mut self) -> f64 {
        timed(RAW_BLOCKS, || {
            for _ in 0..RAW_BLOCKS {
                let Self {
                    key,
                    sequence,
                    source,
                    out,
                } = self;
                let block = source.advance().as_slice();
                // Aligned as the engine's slots are: to a cache line.
                let align = out.as_ptr().align_offset(64);
                for (content, slot) in block
                    .chunks(CONTENT)
                    .zip(out[align..].chunks_mut(SLOT_SIZE))
                {
                    seal_raw(key, *sequence, content, slot);
                    *sequence += 1;
                }
            }
        })
    }
}

/// One record's ciphertext and tag at the start of `out`.
pub(super) fn seal_raw(key: &LessSafeKey, sequence: u64, content: &[u8], out: &mut [u8]) {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    let (ciphertext, tail) = out.split_at_mut(content.len());
    key.seal_out_of_place_scatter(
        Nonce::assume_unique_for_key(nonce),
        Aad::from([23, 3, 3, 64, 17]),
        content,
        ciphertext,
        &[23],
        &mut tail[..1 + TAG],
    )
    .expect("a record");
}
