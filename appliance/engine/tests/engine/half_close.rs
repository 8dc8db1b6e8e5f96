//! Clients that send FIN after their last call: they get what they asked for, and then our FIN.

use net::CloseReason;
use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{HeldWire, Setup, World};

/// A client that has mounted, and a file of 1 MiB.
fn world() -> (World<HeldWire>, usize, nfs_fh3) {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, 1 << 20));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    (world, client, file)
}

fn assert_closed_in_order(world: &mut World<HeldWire>, client: usize) {
    world.run_until("our FIN", |world| world.clients[client].closed.is_some());
    assert_eq!(world.clients[client].closed, Some(CloseReason::Finished));
    world.assert_at_rest();
    assert_eq!(world.engine.stats().clients, 0);
}

#[test]
fn replies_that_are_owed_come_after_the_fin() {
    let (mut world, client, file) = world();
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(2, 300_000);
    let read = world.begin_read(client, &file, 0, 1 << 20);
    let write = world.begin_write(client, &file, 2 << 20, &data, stable_how::FILE_SYNC);
    world.run_until("the WRITE", |world| world.origin.held_replies() > 0);
    world.close(client);
    let read = world.finish_read(read);
    assert!(read.bytes == pattern(1, 1 << 20));
    world.run_for(SOON);
    assert_eq!(world.clients[client].closed, None, "a reply is owed");
    assert_eq!(world.engine.stats().clients, 1);
    world.origin.release_replies();
    world.run_until("the WRITE's reply", |world| world.is_answered(write));
    assert!(world.origin.export.data("file")[2 << 20..] == data);
    assert_closed_in_order(&mut world, client);
}

#[test]
fn a_fin_right_behind_a_call() {
    let (mut world, client, file) = world();
    let read = world.begin_read(client, &file, 0, 1 << 20);
    world.close(client);
    assert!(world.finish_read(read).bytes == pattern(1, 1 << 20));
    assert_closed_in_order(&mut world, client);
}

#[test]
fn a_fin_without_any_call() {
    let (mut world, client, _) = world();
    world.close(client);
    assert_closed_in_order(&mut world, client);
}
