//! More is asked for than the cache can hold at a time: clients wait, pins stay within
//! their bounds (invariant I10), and everybody is served in the end.

use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{BLOCK, Setup, World};

const MIB: usize = 1 << 20;

#[test]
fn writes_beyond_the_bound_wait_in_their_clients() {
    let mut world = World::new(Setup::default());
    let clients: Vec<_> = (0..8).map(|_| world.connect()).collect();
    let root = world.mount(clients[0]);
    let files: Vec<_> = clients
        .iter()
        .map(|&client| world.create(client, &root, &format!("file {client}")))
        .collect();
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let mut writes = Vec::new();
    for (&client, file) in clients.iter().zip(&files) {
        for part in 0..2 {
            let data = pattern((10 * client + part) as u64, MIB);
            writes.push(world.begin_write(client, file, part * MIB, &data, stable_how::UNSTABLE));
        }
    }
    world.run_for(10 * SOON);
    let stats = world.cache();
    let bound = stats.blocks / 4 * 3;
    assert!(stats.pinned_blocks <= bound, "{stats:?}");
    assert!(world.origin.held_replies() > 0);
    assert!(world.origin.held_replies() < writes.len());
    assert!(stats.pinned_bytes < writes.len() * MIB);

    world.origin.release_replies();
    for write in writes {
        assert_eq!(world.finish_write(write).count as usize, MIB);
    }
    for &client in &clients {
        let written = world.origin.export.data(&format!("file {client}"));
        for (part, bytes) in written.chunks(MIB).enumerate() {
            assert!(bytes == pattern((10 * client + part) as u64, MIB));
        }
    }
    world.assert_at_rest();
}

#[test]
fn a_client_that_does_not_read_its_replies_pins_no_more_than_its_share() {
    let mut world = World::new(Setup::default());
    let data = pattern(1, 8 * MIB);
    world.origin.export.put("file", &data);
    let (greedy, other) = (world.connect(), world.connect());
    let root = world.mount(greedy);
    let file = world.lookup(greedy, &root, "file");
    world.clients[greedy].reads = false;
    let reads: Vec<_> = (0..data.len())
        .step_by(MIB)
        .map(|at| world.begin_read(greedy, &file, at, MIB))
        .collect();
    world.run_for(10 * SOON);
    let pinned = world.cache().pinned_bytes;
    assert!(pinned > 0 && pinned <= 2 * MIB, "{pinned}");
    assert!(world.read(other, &file, 0, BLOCK).bytes == data[..BLOCK]);

    world.clients[greedy].reads = true;
    for (number, read) in reads.into_iter().enumerate() {
        assert!(world.finish_read(read).bytes == data[number * MIB..][..MIB]);
    }
    world.assert_at_rest();
}

#[test]
fn a_cache_that_the_wire_holds_entirely_only_waits() {
    let mut world = World::new(Setup::default());
    let data = pattern(2, 8 * MIB);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.wires[crate::world::CLIENT_PORT].holding = true;
    let mut reads: Vec<_> = (0..data.len())
        .step_by(4 * BLOCK)
        .map(|at| world.begin_read(client, &file, at, 4 * BLOCK))
        .collect();
    world.run_for(10 * SOON);
    assert!(world.cache().wire_references > 0);
    assert!(!reads.iter().all(|&read| world.is_answered(read)));

    world.wires[crate::world::CLIENT_PORT].release();
    for (number, read) in reads.drain(..).enumerate() {
        assert!(world.finish_read(read).bytes == data[number * 4 * BLOCK..][..4 * BLOCK]);
    }
    world.assert_at_rest();
}
