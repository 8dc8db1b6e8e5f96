//! Clients that go away in the middle: every pin comes back (invariant I11).

use std::time::Duration;

use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{BLOCK, Client, HeldWire, Setup, World};

/// A client that has mounted, and a file of 1 MiB.
fn world() -> (World<HeldWire>, usize, nfs_fh3) {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, 1 << 20));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    (world, client, file)
}

/// The appliance still serves others, from what it has and from the origin.
fn assert_serves_others(world: &mut World<HeldWire>, file: &nfs_fh3) {
    let data = world.origin.export.data("file").to_vec();
    let other = world.connect();
    assert!(world.read_all(other, file, 1 << 20) == data);
    let more = pattern(9, BLOCK);
    world.write(other, file, data.len(), &more, stable_how::FILE_SYNC);
    world.assert_at_rest();
}

#[test]
fn a_reset_while_the_origin_reads() {
    let (mut world, client, file) = world();
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    world.begin_read(client, &file, 0, 1 << 20);
    world.run_until("READs", |world| world.origin.held_replies() > 0);
    world.run_for(SOON);
    assert!(world.cache().pinned_bytes > 0);
    world.reset(client);
    world.run_for(SOON);
    world.origin.release_replies();
    world.run_for(SOON);
    world.assert_at_rest();
    assert_serves_others(&mut world, &file);
}

#[test]
fn a_reset_in_the_middle_of_a_reply() {
    let (mut world, client, file) = world();
    world.begin_read(client, &file, 0, 1 << 20);
    world.run_until("half a reply", |world| {
        world.clients[client].partial_reply() > 100_000
    });
    assert!(world.cache().pinned_bytes > 0);
    world.reset(client);
    world.run_for(SOON);
    world.assert_at_rest();
    assert_serves_others(&mut world, &file);
}

#[test]
fn silence_in_the_middle_of_a_reply() {
    let (mut world, client, file) = world();
    world.begin_read(client, &file, 0, 1 << 20);
    world.run_until("half a reply", |world| {
        world.clients[client].partial_reply() > 100_000
    });
    world.clients[client].unplugged = true;
    world.run_for(Duration::from_secs(10));
    assert!(world.cache().pinned_bytes > 0, "TCP has not given up");
    world.run_for(Duration::from_secs(600));
    world.assert_at_rest();
    assert_serves_others(&mut world, &file);
}

#[test]
fn a_reset_in_the_middle_of_a_write() {
    let (mut world, client, file) = world();
    world.write_partly(client, &file, &pattern(2, 1 << 20), 300_000);
    world.run_for(SOON);
    assert!(world.cache().pinned_bytes > 0);
    world.reset(client);
    world.run_for(SOON);
    world.assert_at_rest();
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 0);
    assert_serves_others(&mut world, &file);
}

#[test]
fn a_close_in_the_middle_of_a_write() {
    let (mut world, client, file) = world();
    world.write_partly(client, &file, &pattern(2, 1 << 20), 300_000);
    world.run_for(SOON);
    let Client {
        host, connection, ..
    } = &mut world.clients[client];
    host.stack.close(*connection, world.now);
    world.run_for(SOON);
    world.assert_at_rest();
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 0);
    assert_serves_others(&mut world, &file);
}

#[test]
fn a_reset_while_the_origin_writes() {
    let (mut world, client, file) = world();
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(3, 1 << 20);
    world.begin_write(client, &file, 0, &data, stable_how::UNSTABLE);
    world.run_until("the WRITE", |world| world.origin.held_replies() > 0);
    assert!(world.cache().pinned_bytes >= data.len());
    world.reset(client);
    world.run_for(SOON);
    assert!(
        world.cache().pinned_bytes >= data.len(),
        "the call is not settled by its client's end"
    );
    world.origin.release_replies();
    world.run_for(SOON);
    world.assert_at_rest();
    assert_serves_others(&mut world, &file);
}
