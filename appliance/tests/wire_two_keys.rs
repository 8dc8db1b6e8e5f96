//! With real mbufs: a block that a NIC still reads keeps its bytes however much the
//! cache is used, reply or no reply, and is used again afterwards.

mod wire;

use std::collections::BTreeSet;

use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};
use wire::RingWire;
use wire::world::operations::pattern;
use wire::world::{BLOCK, CLIENT_PORT, ORIGIN_PORT, World};
use wirepage::nic::Nics;

/// Reads twice what the cache holds under a name of its own; the blocks that were used.
fn stir(world: &mut World<RingWire>, client: usize, root: &nfs_fh3, seed: u64) -> BTreeSet<usize> {
    let name = format!("stirring {seed}");
    let data = pattern(seed, 2 * world.cache().blocks * BLOCK);
    world.origin.export.put(&name, &data);
    let file = world.lookup(client, root, &name);
    world.wires[CLIENT_PORT].frames.clear();
    assert!(world.read_all(client, &file, 4 * BLOCK) == data);
    world.run_for(std::time::Duration::from_secs(1));
    let wire = &world.wires[CLIENT_PORT];
    let segments = wire.frames.iter().flat_map(|frame| &frame.segments);
    segments
        .filter(|segment| segment.is_external)
        .map(|segment| (segment.address - wire.arena.start) / BLOCK)
        .collect()
}

#[test]
fn a_block_in_the_nic_keeps_its_bytes_until_reply_and_release() {
    let config = wire::config("attach");
    let nics = Nics::start(&config).expect("the EAL starts");
    let mut world = wire::world(&nics, &config);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "written");
    let data = pattern(1, BLOCK);

    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    world.wires[ORIGIN_PORT].holding = true;
    let write = world.begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() == 1);
    world.wires[ORIGIN_PORT].holding = false;
    let counts = world.wires[ORIGIN_PORT].nic.tx_counts();
    assert_eq!(
        (counts.attached_bytes, counts.copied_bytes),
        (BLOCK as u64, 0)
    );
    let wire = &world.wires[ORIGIN_PORT];
    let addresses = wire.frames.iter().flat_map(wire::Frame::attached);
    let blocks: BTreeSet<_> = addresses
        .map(|(_, address)| (address - wire.arena.start) / BLOCK)
        .collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(wire.held_bytes(), data);

    assert_eq!(world.cache().pinned_bytes, BLOCK);
    assert!(stir(&mut world, client, &root, 2).is_disjoint(&blocks));
    assert_eq!(world.wires[ORIGIN_PORT].held_bytes(), data, "neither key");

    world.origin.release_replies();
    world.finish_write(write);
    world.run_for(std::time::Duration::from_secs(1));
    assert_eq!(world.cache().pinned_bytes, 0);
    assert!(stir(&mut world, client, &root, 3).is_disjoint(&blocks));
    assert_eq!(
        world.wires[ORIGIN_PORT].held_bytes(),
        data,
        "the reply alone"
    );

    // A newer version of part of it is another block (I3).
    world.read(client, &file, 0, BLOCK);
    let newer = pattern(5, 100);
    world.write(client, &file, 1000, &newer, stable_how::FILE_SYNC);
    assert_eq!(world.read(client, &file, 1000, 100).bytes, newer);
    assert_eq!(world.wires[ORIGIN_PORT].held_bytes(), data, "an overwrite");

    world.wires[ORIGIN_PORT].release();
    assert_eq!(world.cache().wire_references, 0);
    assert!(
        stir(&mut world, client, &root, 4).is_superset(&blocks),
        "both keys"
    );
    world.assert_at_rest();
    drop(world.end());
    assert_eq!(nics.mbufs_in_use(), 0);
}
