//! More and more files whose attributes are known.

use gateway::Coherence;
use nfs3_types::nfs3::nfs_fh3;

use super::meter;
use super::table::Row;
use crate::world::{HeldWire, Setup, World};

/// Calls measured.
const CALLS: usize = 2000;

fn setup(files: usize) -> Setup {
    Setup {
        blocks: 64,
        files: files + 16,
        coherence: Coherence::Immutable,
        ..Setup::default()
    }
}

fn bytes_at_start(files: usize) -> u64 {
    let bytes = |files| {
        let before = meter::heap_bytes();
        let world = World::new(setup(files));
        let bytes = meter::heap_bytes() - before;
        drop(world);
        bytes
    };
    bytes(files).saturating_sub(bytes(0)) / files as u64
}

fn world(files: usize) -> (World<HeldWire>, usize, Vec<nfs_fh3>) {
    let mut world = World::new(setup(files));
    let handles = world.origin.export.add_files(files, 0).collect();
    let client = world.connect();
    world.mount(client);
    (world, client, handles)
}

/// A row for each count, with tables just large enough.
pub fn measure(counts: &[usize]) -> Vec<Row> {
    counts.iter().map(|&count| row(count)).collect()
}

fn row(count: usize) -> Row {
    let bytes_at_start = bytes_at_start(count);
    let (mut world, client, handles) = world(count);
    meter::attach(&mut world);
    meter::take();
    for handle in &handles {
        world.attributes(client, handle);
    }
    let bytes_later = meter::take().bytes.cast_signed().max(0).cast_unsigned() / count as u64;
    let mut next = 0;
    let ticks_per_call = meter::ticks_per_call(CALLS, || {
        next = (next + 7919) % count;
        world.attributes(client, &handles[next]);
    });
    Row {
        count,
        calls: CALLS,
        ticks_per_call,
        bytes_at_start,
        bytes_later,
    }
}
