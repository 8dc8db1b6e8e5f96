//! The origin's connections break: calls are sent again, as they were (invariant I6).

use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};

use crate::world::operations::pattern;
use crate::world::{BLOCK, Setup, World};

#[test]
fn a_write_is_sent_again_with_the_same_xid_and_bytes() {
    let mut world = World::new(Setup::default());
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    let data = pattern(1, 3 * BLOCK + 5);
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let write = world.begin_write(client, &file, 0, &data, stable_how::UNSTABLE);
    world.run_until("the WRITE", |world| world.origin.held_replies() == 1);
    let first = world.origin.last_call().to_vec();

    world.origin.reset_connections();
    assert!(!world.is_answered(write));
    world.run_until("the WRITE again", |world| world.origin.held_replies() == 1);
    assert!(world.origin.last_call() == first, "the very same record");
    assert!(world.cache().pinned_bytes >= data.len());
    world.origin.release_replies();
    assert_eq!(world.finish_write(write).count as usize, data.len());
    assert_eq!(world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 2);
    assert_eq!(world.read_all(client, &file, 1 << 20), data);
    world.assert_at_rest();
}

#[test]
fn reads_under_way_are_answered_after_a_reconnect() {
    let mut world = World::new(Setup::default());
    let data = pattern(2, 1 << 20);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let read = world.begin_read(client, &file, 0, data.len());
    world.run_until("READs", |world| world.origin.held_replies() > 0);
    world.origin.reset_connections();
    world.origin.release_replies();
    assert!(world.finish_read(read).bytes == data);
    world.assert_at_rest();
}
