//! Clients that lose their connection within a call and ask again from another port.

use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{HeldWire, Setup, World};

/// A client whose WRITE is at the origin, and the file, the WRITE's data and its xid.
fn world() -> (World<HeldWire>, usize, nfs_fh3, u32) {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", b"");
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(1, 300_000);
    let write = world.begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() > 0);
    (world, client, file, write.xid)
}

/// The client's connection is lost; it connects again and repeats its call.
fn come_back(world: &mut World<HeldWire>, client: usize) {
    let now = world.now;
    world.clients[client].reconnect(now);
    world.run_until("the connection", |world| world.clients[client].connected);
    world.clients[client].repeat_call();
}

#[test]
fn a_write_that_is_asked_again_while_the_origin_has_it() {
    let (mut world, client, file, xid) = world();
    world.reset(client);
    world.run_for(SOON);
    let before = world.cache().pinned_bytes;
    come_back(&mut world, client);
    world.run_for(SOON);
    assert_eq!(world.cache().pinned_bytes, before, "no block for it");
    assert!(!world.clients[client].has_reply(xid));
    world.origin.release_replies();
    world.run_until("the reply", |world| world.clients[client].has_reply(xid));
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 1);
    assert!(world.read_all(client, &file, 1 << 20) == pattern(1, 300_000));
    world.assert_at_rest();
}

#[test]
fn a_write_that_is_asked_again_after_others_have_written() {
    let (mut world, client, file, xid) = world();
    world.reset(client);
    world.run_for(SOON);
    world.origin.release_replies();
    world.run_for(SOON);
    let other = world.connect();
    let newer = pattern(2, 300_000);
    world.write(other, &file, 0, &newer, stable_how::FILE_SYNC);
    come_back(&mut world, client);
    world.run_until("the reply", |world| world.clients[client].has_reply(xid));
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 2);
    assert!(world.origin.export.data("file") == newer, "not undone");
    world.assert_at_rest();
}

#[test]
fn a_write_that_is_asked_again_while_its_old_connection_is_dead_unnoticed() {
    let (mut world, client, file, xid) = world();
    come_back(&mut world, client);
    world.run_for(SOON);
    world.origin.release_replies();
    world.run_until("the reply", |world| world.clients[client].has_reply(xid));
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 1);
    assert!(world.read_all(client, &file, 1 << 20) == pattern(1, 300_000));
    world.assert_at_rest();
}
