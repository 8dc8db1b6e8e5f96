//! Frames of payload attached, against the same payload copied and against C.

use cache::Cache;
use dpdk::AttachInC;

use super::Row;
use super::report::Budget;
use crate::{BLOCK_BYTES, Bed, Frames, HEADER, Source, fill, interleave, timed};

/// Payload of a full segment at an MTU of 1500, with timestamps.
const SEGMENT: usize = 1448;

/// Frames in a round, of segments and of whole blocks: a millisecond of copying at least.
const SEGMENTS: usize = 4096;
const BLOCKS: usize = 512;

/// Frames out at a time.
const SEGMENTS_OUT: usize = 512;
const BLOCKS_OUT: usize = 64;

pub(super) fn measure(bed: &Bed, cache: &mut Cache, rounds: usize) -> Vec<Row> {
    let builder = bed.builder();
    let blocks = fill(cache);
    // Each has a source of its own, so that none finds what another has just warmed.
    let mut copied = Source::new(&blocks, SEGMENT);
    let mut attached = Source::new(&blocks, SEGMENT);
    let for_c = Source::new(&blocks, SEGMENT);
    let first = blocks.iter().map(|block| block.as_slice().as_ptr().addr());
    let first = first.min().unwrap_or(0);
    let pieces = for_c.payloads().iter().map(|payload| {
        let bytes = payload.as_slice();
        (bytes, (bytes.as_ptr().addr() - first) / BLOCK_BYTES)
    });
    let mut in_c = AttachInC::new(&builder, &HEADER, pieces, blocks.len(), SEGMENTS_OUT)
        .expect("pieces that can be attached");
    let mut copies = Frames::new(&builder, SEGMENTS_OUT);
    let mut attaches = Frames::new(&builder, SEGMENTS_OUT);
    let [copy, attach, c] = interleave(rounds, |which| {
        timed(SEGMENTS, || match which {
            0 => (0..SEGMENTS).for_each(|_| copies.copy(copied.advance())),
            1 => (0..SEGMENTS).for_each(|_| attaches.attach(attached.advance())),
            _ => in_c.run(u32::try_from(SEGMENTS).unwrap_or(u32::MAX)),
        })
    });
    drop((copies, attaches));

    let mut copied = Source::sequential(&blocks, BLOCK_BYTES);
    let mut attached = Source::sequential(&blocks, BLOCK_BYTES);
    let mut copies = Frames::new(&builder, BLOCKS_OUT);
    let mut attaches = Frames::new(&builder, BLOCKS_OUT);
    let [copy_blocks, attach_blocks] = interleave(rounds, |which| {
        timed(BLOCKS, || match which {
            0 => (0..BLOCKS).for_each(|_| copies.copy(copied.advance())),
            _ => (0..BLOCKS).for_each(|_| attaches.attach(attached.advance())),
        })
    });
    vec![
        Row::ratio(
            "attach_vs_copy_1448_dram",
            "copying ÷ attaching random 1,448 B of 512 MiB",
            copy,
            attach,
            Budget::AtLeast(6.0),
        ),
        Row::ratio(
            "attach_vs_copy_64k_sequential",
            "copying ÷ attaching 64 KiB blocks of 512 MiB in order",
            copy_blocks,
            attach_blocks,
            Budget::AtLeast(4.0),
        )
        .besides(),
        Row::ticks(
            "attach_segment",
            "a frame of a header and 1,448 B attached: built and freed",
            attach,
            Some(Budget::AtMost(100.0)),
        ),
        Row::ratio(
            "attach_segment_vs_c",
            "the same ÷ the same loop in C",
            attach,
            c,
            Budget::AtMost(1.3),
        ),
    ]
}
