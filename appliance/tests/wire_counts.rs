//! What the data path takes, counted at real mbufs: allocations, copies, mbufs, bursts. One test, since
//! allocations are the process's.

mod wire;

use std::alloc::System;
use std::cell::Cell;

use nfs3_types::nfs3::{nfs_fh3, stable_how};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wire::RingWire;
use wire::world::operations::pattern;
use wire::world::{BLOCK, CLIENT_PORT, ORIGIN_PORT, SOON, World};
use wirepage::nic::{Nics, TxCounts};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

fn metered(work: &mut dyn FnMut()) {
    let before = allocations();
    work();
    let own = allocations() - before;
    ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(own));
}

fn aside(work: &mut dyn FnMut()) {
    let before = allocations();
    work();
    let own = allocations() - before;
    ALLOCATIONS.set(ALLOCATIONS.get().wrapping_sub(own));
}

/// What one call took of a port.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    /// Frames with TCP payload.
    frames: usize,
    /// Their mbufs.
    mbufs: usize,
    bursts: u64,
    attached_bytes: u64,
    copied_bytes: u64,
}

/// What `call` takes of `port`.
fn taken(
    world: &mut World<RingWire>,
    port: usize,
    call: impl FnOnce(&mut World<RingWire>),
) -> Taken {
    let wire = &mut world.wires[port];
    wire.frames.clear();
    let before: TxCounts = wire.nic.tx_counts();
    call(world);
    let wire = &world.wires[port];
    let after = wire.nic.tx_counts();
    Taken {
        frames: wire.frames.len(),
        mbufs: wire.frames.iter().map(|frame| frame.segments.len()).sum(),
        bursts: after.bursts - before.bursts,
        attached_bytes: after.attached_bytes - before.attached_bytes,
        copied_bytes: after.copied_bytes - before.copied_bytes,
    }
}

const FILE_BLOCKS: usize = 4;

type Call<'a> = dyn Fn(&mut World<RingWire>) + 'a;

/// Calls of every kind, with the replies acknowledged; allocations meanwhile.
fn round(world: &mut World<RingWire>, client: usize, file: &nfs_fh3, data: &[u8]) -> [usize; 3] {
    let mut counts = [0; 3];
    for block in 0..FILE_BLOCKS {
        let offset = block * BLOCK;
        let calls: [&Call<'_>; 3] = [
            &|world| {
                world.read(client, file, offset, BLOCK);
            },
            &|world| {
                world.read(client, file, offset, 4096);
            },
            &|world| {
                let part = &data[offset..offset + BLOCK];
                world.write(client, file, offset, part, stable_how::UNSTABLE);
            },
        ];
        for (count, call) in counts.iter_mut().zip(calls) {
            ALLOCATIONS.set(0);
            call(world);
            world.run_for(SOON / 10);
            *count += ALLOCATIONS.get();
        }
    }
    counts
}

#[test]
fn the_data_path_takes_what_it_must_and_no_more() {
    let config = wire::config("attach");
    let nics = Nics::start(&config).expect("the EAL starts");
    let mut world = wire::world(&nics, &config);
    let data = pattern(1, FILE_BLOCKS * BLOCK);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    assert_eq!(world.read_all(client, &file, BLOCK), data);
    world.run_for(SOON);

    let read = taken(&mut world, CLIENT_PORT, |world| {
        assert_eq!(world.read(client, &file, 0, BLOCK).bytes, data[..BLOCK]);
        world.run_for(SOON);
    });
    println!("READ of 64 KiB: {read:?}");
    let small = taken(&mut world, CLIENT_PORT, |world| {
        world.read(client, &file, BLOCK, 1000);
        world.run_for(SOON);
    });
    println!("READ of 1000 bytes: {small:?}");
    let write = taken(&mut world, ORIGIN_PORT, |world| {
        let part = &data[..BLOCK];
        world.write(client, &file, 0, part, stable_how::UNSTABLE);
        world.run_for(SOON);
    });
    println!("WRITE of 64 KiB: {write:?}");
    let attributes = taken(&mut world, CLIENT_PORT, |world| {
        world.attributes(client, &file);
        world.run_for(SOON);
    });
    println!("GETATTR: {attributes:?}");

    for call in [&read, &write] {
        assert_eq!(call.attached_bytes, BLOCK as u64, "{call:?}");
        // A header and one piece of the block each; head and data of a message meet in the first.
        assert!(call.mbufs <= 2 * call.frames + 2, "{call:?}");
    }
    assert_eq!(small.attached_bytes, 1000);
    assert_eq!((small.frames, attributes.frames), (1, 1));
    for call in [&read, &small, &write, &attributes] {
        assert_eq!(call.copied_bytes, 0, "{call:?}");
        // Acknowledgements alone may take one of their own.
        assert!(call.bursts <= call.frames as u64 + 2, "{call:?}");
    }

    world.meter = metered;
    for wire in &mut world.wires {
        wire.meter = metered;
        wire.aside = aside;
    }
    for _ in 0..32 {
        println!("warming up: {:?}", round(&mut world, client, &file, &data));
    }
    assert_eq!(round(&mut world, client, &file, &data), [0; 3]);

    world.assert_at_rest();
    drop(world.end());
    assert_eq!(nics.mbufs_in_use(), 0);
}
