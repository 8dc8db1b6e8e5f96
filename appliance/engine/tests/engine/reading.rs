//! READs: from the origin once, from the cache ever after.

use nfs3_types::nfs3::NFS_PROGRAM;

use crate::world::operations::{Pending, pattern};
use crate::world::{BLOCK, CLIENT_PORT, Setup, World};

#[test]
fn the_second_read_is_answered_from_the_cache() {
    let mut world = World::new(Setup::default());
    let data = pattern(1, 200_000);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");

    assert_eq!(world.read_all(client, &file, 1 << 20), data);
    let reads = world.origin.calls(NFS_PROGRAM::NFSPROC3_READ);
    assert!(reads > 0);
    assert_eq!(world.cache().hits, 0);

    assert_eq!(world.read_all(client, &file, 1 << 20), data);
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), reads);
    assert_eq!(world.cache().hits, 4, "one for each block");
    world.assert_at_rest();
}

#[test]
fn file_data_is_sent_out_of_blocks_and_once() {
    let mut world = World::new(Setup::default());
    let data = pattern(2, 3 * BLOCK + 17);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    for _ in 0..2 {
        world.wires[CLIENT_PORT].block_bytes = 0;
        assert_eq!(world.read_all(client, &file, 1 << 20), data);
        assert_eq!(world.wires[CLIENT_PORT].block_bytes, data.len() as u64);
    }
}

#[test]
fn many_clients_at_once_share_one_read_of_the_origin() {
    let mut world = World::new(Setup::default());
    let data = pattern(3, BLOCK);
    world.origin.export.put("file", &data);
    let clients: Vec<_> = (0..8).map(|_| world.connect()).collect();
    let root = world.mount(clients[0]);
    let file = world.lookup(clients[0], &root, "file");
    for &client in &clients {
        world.access(client, &file);
    }

    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let reads: Vec<Pending> = clients
        .iter()
        .map(|&client| world.begin_read(client, &file, 0, BLOCK))
        .collect();
    world.run_for(crate::SOON);
    assert_eq!(world.origin.held_replies(), 1);
    assert!(!reads.iter().any(|&read| world.is_answered(read)));

    world.origin.release_replies();
    for read in reads {
        assert_eq!(world.finish_read(read).bytes, data);
    }
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), 1);
    world.assert_at_rest();
}

#[test]
fn reads_across_blocks_and_past_the_end_give_what_is_there() {
    let mut world = World::new(Setup::default());
    let data = pattern(4, 2 * BLOCK + 100);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    for (offset, count) in [
        (0, 1),
        (1, 4095),
        (BLOCK - 1, 2),
        (BLOCK - 1, BLOCK + 2),
        (2 * BLOCK, BLOCK),
        (2 * BLOCK + 99, 1),
        (2 * BLOCK + 100, 10),
        (5 * BLOCK, 10),
    ] {
        let end = data.len().min(offset + count);
        let read = world.read(client, &file, offset, count);
        let expected = data.get(offset..end).unwrap_or_default();
        assert_eq!(read.bytes, expected, "{count} bytes at {offset}");
        assert_eq!(
            read.end_of_file,
            end == data.len(),
            "{count} bytes at {offset}"
        );
    }
    world.assert_at_rest();
}

#[test]
fn a_file_changed_at_the_origin_is_seen_when_its_attributes_are_asked_for() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(5, 100_000));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read_all(client, &file, BLOCK);

    let changed = pattern(6, 90_000);
    world.origin.export.put("file", &changed);
    assert_eq!(world.attributes(client, &file).size, 90_000);
    assert_eq!(world.read_all(client, &file, BLOCK), changed);
    world.assert_at_rest();
}

#[test]
fn a_file_larger_than_the_cache_is_read_whole_twice() {
    let mut world = World::new(Setup::default());
    let data = pattern(7, 100 * BLOCK + 1);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    for _ in 0..2 {
        assert_eq!(world.read_all(client, &file, 1 << 20), data);
    }
    assert!(world.cache().evictions > 0);
    world.assert_at_rest();
}
