//! WRITEs: through the cache to the origin, and readable from it afterwards.

use net::{Offload, Tso};
use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};

use crate::world::operations::pattern;
use crate::world::{BLOCK, ORIGIN_PORT, Setup, World};

/// What a virtio NIC grants.
const TSO: Offload = Offload {
    ip_checksum: true,
    tcp_checksum: true,
    tso: Some(Tso {
        max_payload: 65_495,
        max_pieces: 40,
        max_segment: 1460,
    }),
};

#[test]
fn what_was_written_is_at_the_origin_and_is_read_back_from_the_cache() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    let data = pattern(1, 3 * BLOCK);

    let written = world.write(client, &file, 0, &data, stable_how::FILE_SYNC);
    assert_eq!(written.count as usize, data.len());
    assert_eq!(world.origin.export.data("file"), data);
    assert_eq!(world.wires[ORIGIN_PORT].block_bytes, data.len() as u64);

    assert_eq!(world.read_all(client, &file, 1 << 20), data);
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), 0);
    world.assert_at_rest();
}

#[test]
fn stability_and_verifier_are_the_origins() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    for stable in [
        stable_how::UNSTABLE,
        stable_how::DATA_SYNC,
        stable_how::FILE_SYNC,
    ] {
        let written = world.write(client, &file, 0, &pattern(2, 100), stable);
        assert_eq!(written.committed, stable);
        assert_eq!(written.verf.0, *b"boot 001");
    }
    assert_eq!(world.commit(client, &file).verf.0, *b"boot 001");
}

#[test]
fn bytes_are_readable_only_after_the_origin_has_agreed() {
    let mut world = World::new(Setup::default());
    let old = pattern(3, BLOCK);
    world.origin.export.put("file", &old);
    let (writer, reader) = (world.connect(), world.connect());
    let root = world.mount(writer);
    let file = world.lookup(writer, &root, "file");
    assert_eq!(world.read_all(reader, &file, BLOCK), old);

    let new = pattern(4, BLOCK);
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let write = world.begin_write(writer, &file, 0, &new, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() == 1);
    let during = world.begin_read(reader, &file, 0, BLOCK);
    world.run_for(crate::SOON);

    world.origin.release_replies();
    world.finish_write(write);
    // The origin had carried the WRITE out by then, so either is right, a mixture is not.
    let seen = world.finish_read(during).bytes;
    assert!(seen == old || seen == new);
    assert_eq!(world.read_all(reader, &file, BLOCK), new);
    world.assert_at_rest();
}

#[test]
fn a_fill_that_a_write_overtook_is_not_what_is_read_later() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(6, BLOCK));
    let (writer, reader) = (world.connect(), world.connect());
    let root = world.mount(writer);
    let file = world.lookup(writer, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let overtaken = world.begin_read(reader, &file, 0, BLOCK);
    world.run_until("the READ", |world| world.origin.held_replies() == 1);

    let new = pattern(7, 1000);
    world.write(writer, &file, 500, &new, stable_how::FILE_SYNC);
    world.origin.release_replies();
    world.finish_read(overtaken);
    let expected = world.origin.export.data("file").to_vec();
    for client in [writer, reader] {
        assert!(world.read_all(client, &file, BLOCK) == expected);
    }
    world.assert_at_rest();
}

#[test]
fn a_write_that_somebody_at_the_origin_overwrote_is_not_what_is_read_later() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(8, BLOCK));
    let (writer, reader) = (world.connect(), world.connect());
    let root = world.mount(writer);
    let file = world.lookup(writer, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let write = world.begin_write(writer, &file, 0, &pattern(9, BLOCK), stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() == 1);

    let newest = pattern(10, BLOCK);
    world.origin.export.put("file", &newest);
    world.attributes(reader, &file);
    world.origin.release_replies();
    world.finish_write(write);
    world.attributes(reader, &file);
    for client in [writer, reader] {
        assert!(world.read_all(client, &file, BLOCK) == newest);
    }
    world.assert_at_rest();
}

fn sizes_survive(offload: Offload) {
    let mut world = World::new(Setup {
        offload,
        ..Setup::default()
    });
    let client = world.connect();
    let root = world.mount(client);
    for (number, size) in [1, 4095, 65_536, 65_537, 1 << 20].into_iter().enumerate() {
        let data = pattern(10 + number as u64, size);
        let name = format!("written {size}");
        let file = world.create(client, &root, &name);
        world.write(client, &file, 0, &data, stable_how::UNSTABLE);
        world.commit(client, &file);
        assert!(
            world.origin.export.data(&name) == data,
            "{size} bytes written"
        );
        assert!(
            world.read_all(client, &file, 1 << 20) == data,
            "{size} bytes read back"
        );

        let name = format!("given {size}");
        world.origin.export.put(&name, &data);
        let file = world.lookup(client, &root, &name);
        for pass in ["missed", "hit"] {
            let read = world.read_all(client, &file, 1 << 20);
            assert!(read == data, "{size} bytes {pass}");
        }
    }
    world.assert_at_rest();
}

#[test]
fn every_size_survives_both_ways() {
    sizes_survive(Offload::default());
}

#[test]
fn every_size_survives_both_ways_in_super_segments() {
    sizes_survive(TSO);
}

#[test]
fn writes_that_begin_and_end_inside_blocks_are_exact() {
    let mut world = World::new(Setup::default());
    let mut expected = pattern(5, 4 * BLOCK);
    world.origin.export.put("file", &expected);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read(client, &file, 0, BLOCK);
    for (number, (offset, len)) in [
        (1, 1),
        (BLOCK - 3, 7),
        (BLOCK + 5, 2 * BLOCK),
        (4 * BLOCK - 2, 3),
        (4 * BLOCK + 1, BLOCK),
    ]
    .into_iter()
    .enumerate()
    {
        let data = pattern(20 + number as u64, len);
        world.write(client, &file, offset, &data, stable_how::FILE_SYNC);
        expected.resize(expected.len().max(offset + len), 0);
        expected[offset..offset + len].copy_from_slice(&data);
        assert!(
            world.origin.export.data("file") == expected,
            "{len} at {offset}"
        );
        assert!(
            world.read_all(client, &file, 1 << 20) == expected,
            "{len} at {offset}"
        );
    }
    world.assert_at_rest();
}
