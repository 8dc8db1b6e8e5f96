//! Connections that nobody uses are closed, and cost nobody anything.

use std::time::Duration;

use net::CloseReason;

use crate::world::operations::pattern;
use crate::world::{Setup, World};

#[test]
fn a_connection_without_calls_is_closed_in_order() {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, 1000));
    let silent = world.connect();
    let user = world.connect();
    let root = world.mount(user);
    let file = world.lookup(user, &root, "file");
    for _ in 0..8 {
        world.run_for(Duration::from_secs(100));
        assert!(world.read_all(user, &file, 1000) == pattern(1, 1000));
    }
    assert_eq!(world.clients[silent].closed, Some(CloseReason::Finished));
    assert_eq!(world.clients[user].closed, None);
    assert_eq!(world.engine.stats().clients, 1);
    world.assert_at_rest();
    // It comes back when it has something to ask.
    let now = world.now;
    world.clients[silent].reconnect(now);
    world.run_until("the connection", |world| world.clients[silent].connected);
    assert!(world.read_all(silent, &file, 1000) == pattern(1, 1000));
    world.assert_at_rest();
}
