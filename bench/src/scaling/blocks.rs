//! More and more cached blocks.

use gateway::Coherence;

use super::meter;
use super::table::Row;
use crate::world::{BLOCK, Setup, World, heap_cache};

/// Bytes of a READ.
const READ: usize = 4096;

/// Blocks of one file.
const FILE_BLOCKS: usize = 64;

/// Calls measured.
const CALLS: usize = 2000;

/// Blocks that are not cached: what is on its way needs some.
const SPARE: usize = 64;

fn bytes_at_start(blocks: usize) -> u64 {
    let bytes = |blocks: usize| {
        let before = meter::heap_bytes();
        let cache = heap_cache(blocks);
        let bytes = meter::heap_bytes() - before;
        drop(cache);
        bytes - (blocks * BLOCK) as u64
    };
    bytes(blocks) / blocks as u64
}

/// A row for each count, with caches just large enough.
pub fn measure(counts: &[usize]) -> Vec<Row> {
    counts.iter().map(|&count| row(count)).collect()
}

fn row(count: usize) -> Row {
    let bytes_at_start = bytes_at_start(count);
    let mut world = World::new(Setup {
        blocks: count + SPARE,
        coherence: Coherence::Immutable,
        ..Setup::default()
    });
    // Zeros that nobody has written take no memory at the origin.
    let file_blocks = FILE_BLOCKS.min(count);
    let files = count.div_ceil(file_blocks);
    let handles: Vec<_> = world
        .origin
        .export
        .add_files(files, file_blocks * BLOCK)
        .collect();
    let client = world.connect();
    world.mount(client);
    meter::attach(&mut world);
    meter::take();
    let place = |block: usize| (&handles[block / file_blocks], block % file_blocks * BLOCK);
    for block in 0..count {
        let (file, offset) = place(block);
        world.read(client, file, offset, BLOCK);
    }
    let bytes_later = meter::take().bytes.cast_signed().max(0).cast_unsigned() / count as u64;
    let misses = world.cache().misses;
    let mut next = 0;
    let ticks_per_call = meter::ticks_per_call(CALLS, || {
        next = (next + 7919) % count;
        let (file, offset) = place(next);
        world.read(client, file, offset, READ);
    });
    assert_eq!(world.cache().misses, misses, "everything is cached");
    Row {
        count,
        calls: CALLS,
        ticks_per_call,
        bytes_at_start,
        bytes_later,
    }
}
