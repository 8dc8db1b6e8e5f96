//! Connections are shared among clients like everything else.

use std::time::Duration;

use crate::world::operations::pattern;
use crate::world::{Setup, World};

#[test]
fn one_machine_cannot_take_all_places() {
    let mut world = World::new(Setup {
        connections: 400,
        ..Setup::default()
    });
    world.origin.export.put("file", &pattern(1, 100));
    world.add_crowd(512);
    world.connect_crowds(300);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.crowds[0].closed, 100, "half of the places");
    assert_eq!(world.engine.stats().gateway.clients_refused, 100);
    let late = world.connect();
    let root = world.mount(late);
    let file = world.lookup(late, &root, "file");
    assert!(world.read_all(late, &file, 100) == pattern(1, 100));
    // Those that it has work.
    world.crowds[0].read(7, &file, 10, 20);
    world.run_until("a reply", |world| world.crowds[0].answered() == 1);
    assert!(world.crowds[0].take_read(7) == pattern(1, 100)[10..30]);
    world.assert_at_rest();
}

/// However many machines there are: who has no connection gets the place of one that nobody uses.
#[test]
fn a_full_table_lets_go_of_idle_connections() {
    let mut world = World::new(Setup {
        connections: 64,
        ..Setup::default()
    });
    world.origin.export.put("file", &pattern(1, 100));
    let user = world.connect();
    let root = world.mount(user);
    let file = world.lookup(user, &root, "file");
    for _ in 0..12 {
        world.add_crowd(64);
    }
    world.connect_crowds(32);
    let late = world.begin_connecting();
    world.run_for(Duration::from_secs(1));
    assert!(world.clients[late].closed.is_some(), "there is no place");
    for _ in 0..10 {
        assert!(world.read_all(user, &file, 100) == pattern(1, 100));
        world.run_for(Duration::from_secs(5));
        if world.clients[late].closed.is_some() {
            let now = world.now;
            world.clients[late].reconnect(now);
        }
    }
    assert_eq!(world.clients[late].closed, None);
    assert!(world.read_all(late, &file, 100) == pattern(1, 100));
    assert_eq!(world.clients[user].closed, None, "who calls stays");
    world.assert_at_rest();
}
