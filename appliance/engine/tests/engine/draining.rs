//! Drain: what is in flight is finished, nothing new is begun, everything comes back.

use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{BLOCK, ORIGIN_PORT, Setup, World};

#[test]
fn an_idle_engine_is_drained_at_once() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, BLOCK));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read_all(client, &file, BLOCK);
    world.run_for(SOON);
    world.engine.drain();
    assert!(world.engine.is_drained());
    let stats = world.end().stats();
    assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
    assert_eq!(stats.blocks_cached + stats.blocks_free, stats.blocks);
}

#[test]
fn a_write_in_flight_is_finished_and_new_calls_are_not_read() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    let data = pattern(2, 2 * BLOCK);
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let write = world.begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() > 0);

    world.engine.drain();
    world.run_for(SOON);
    assert!(!world.engine.is_drained(), "the origin has not replied");

    let late = world.begin_read(client, &file, 0, BLOCK);
    world.run_for(SOON);
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), 0);

    world.origin.release_replies();
    world.finish_write(write);
    world.run_until("the end of the drain", |world| world.engine.is_drained());
    assert_eq!(world.origin.export.data("file"), data);
    assert!(!world.is_answered(late));
    let stats = world.end().stats();
    assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
}

#[test]
fn a_reply_that_is_not_acknowledged_is_not_drained() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(3, 1000));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let read = world.begin_read(client, &file, 0, BLOCK);
    world.run_until("the READ", |world| world.origin.held_replies() > 0);
    world.engine.drain();
    world.clients[client].unplugged = true;
    world.origin.release_replies();
    world.run_for(SOON);
    assert!(!world.engine.is_drained());
    assert!(world.cache().pinned_bytes > 0);

    world.clients[client].unplugged = false;
    assert_eq!(world.finish_read(read).bytes, pattern(3, 1000));
    world.run_until("the end of the drain", |world| world.engine.is_drained());
    let stats = world.end().stats();
    assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
}

#[test]
fn no_new_connection_is_taken() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    world.mount(client);
    world.engine.drain();
    let late = world.begin_connecting();
    world.run_for(SOON);
    assert!(!world.clients[late].connected);
    assert_eq!(world.clients[late].closed, Some(net::CloseReason::Refused));
}

#[test]
fn calls_that_are_abandoned_leave_no_pin() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(4, 1 << 20);
    world.begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() > 0);
    assert!(world.cache().pinned_bytes >= data.len());
    world.engine.drain();
    let stats = world.end().stats();
    assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
}

#[test]
fn the_wire_may_outlive_the_engine() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    world.wires[ORIGIN_PORT].holding = true;
    world.write(client, &file, 0, &pattern(5, BLOCK), stable_how::FILE_SYNC);
    world.run_for(SOON);
    world.engine.drain();
    assert!(
        world.engine.is_drained(),
        "the wire is not the drain's business"
    );
    let World {
        engine, mut wires, ..
    } = world;
    let cache = engine.into_memory().0;
    assert_eq!(cache.stats().pinned_blocks, 0);
    assert_eq!(
        cache.stats().wire_references,
        wires[ORIGIN_PORT].held() as u64
    );
    assert!(wires[ORIGIN_PORT].held() > 0);
    wires[ORIGIN_PORT].release();
    assert_eq!(cache.stats().wire_references, 0);
}
