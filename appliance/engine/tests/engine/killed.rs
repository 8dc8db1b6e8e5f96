//! The appliance is killed and starts again: peers that wait for it find out.

use net::CloseReason;
use nfs3_types::nfs3::NFS_PROGRAM;

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{Setup, World};

#[test]
fn a_client_that_waits_for_a_reply_is_told_and_comes_back() {
    let mut world = World::new(Setup::default());
    let data = pattern(1, 100_000);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    world.begin_read(client, &file, 0, data.len());
    world.run_until("the READ", |world| world.origin.held_replies() > 0);
    world.run_for(SOON);

    let connections = world.kill_engine(Setup::default());
    assert!(connections.len() > 1, "{connections:?}");
    world.run_for(SOON * 10);
    assert_eq!(world.clients[client].closed, None, "it had a reason to ask");
    for connection in &connections {
        assert!(world.engine.probe_forgotten(connection, world.now));
    }
    world.run_until("the notice", |world| world.clients[client].closed.is_some());
    assert_eq!(world.clients[client].closed, Some(CloseReason::Reset));

    let now = world.now;
    world.origin.release_replies();
    world.clients[client].reconnect(now);
    world.run_until("the connection", |world| world.clients[client].connected);
    assert!(world.read_all(client, &file, data.len()) == data);
    world.run_for(SOON * 20);
    assert!(!world.engine.is_probing_forgotten());
    assert_eq!(world.clients[client].closed, None);
    world.assert_at_rest();
}

#[test]
fn connections_of_another_address_are_not_ours_to_reset() {
    let mut world = World::new(Setup::default());
    world.connect();
    let mut connections = world.kill_engine(Setup::default());
    for connection in &mut connections {
        connection.local.set_ip([10, 77, 9, 9].into());
        assert!(!world.engine.probe_forgotten(connection, world.now));
    }
    assert!(!world.engine.is_probing_forgotten());
}

#[test]
fn only_connections_that_are_there_are_in_the_journal() {
    let mut world = World::new(Setup::default());
    let (stays, goes) = (world.connect(), world.connect());
    world.close(goes);
    world.run_until("its end", |world| world.clients[goes].closed.is_some());
    world.run_for(SOON);
    let expected = world.clients[stays].endpoint();
    let connections = world.kill_engine(Setup::default());
    let clients: Vec<_> = connections
        .iter()
        .filter(|connection| connection.local.port() == 2049)
        .map(|connection| connection.remote)
        .collect();
    assert_eq!(clients, [expected]);
}
