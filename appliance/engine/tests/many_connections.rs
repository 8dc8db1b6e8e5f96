//! Ten thousand connections, each of which works, and what one costs. Alone in its process, whose memory it
//! measures.

#[path = "engine/world/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the engine's other tests use the rest"
)]
mod world;

use world::operations::pattern;
use world::{SOON, Setup, World};

const CONNECTIONS: usize = 10_000;
const MACHINES: usize = 4;
const EACH: usize = CONNECTIONS / MACHINES;

/// Most memory that an idle connection may take beyond its places in the tables, which are made at start.
/// Its other end is included.
const IDLE_BYTES: usize = 4 * 1024;

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm
        .split(' ')
        .nth(1)
        .expect("a field")
        .parse()
        .expect("a number");
    pages * 4096
}

#[test]
fn ten_thousand_connections_are_served() {
    let mut world = World::new(Setup {
        // Each READ counts as a block until its reply is acknowledged.
        blocks: 4096,
        connections: 16_384,
        ..Setup::default()
    });
    let data = pattern(1, CONNECTIONS * 10);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read_all(client, &file, 1 << 20);
    for _ in 0..MACHINES {
        world.add_crowd(EACH + 16);
    }
    let before = resident_bytes();
    world.connect_crowds(EACH);
    world.run_for(SOON);
    assert_eq!(world.engine.stats().clients, CONNECTIONS + 1);
    let grown = resident_bytes().saturating_sub(before);
    assert!(
        grown / CONNECTIONS < IDLE_BYTES,
        "{} bytes each",
        grown / CONNECTIONS
    );

    let place = |machine, number| (machine * EACH + number) * 10;
    for _ in 0..2 {
        for machine in 0..MACHINES {
            for number in 0..EACH {
                world.crowds[machine].read(number, &file, place(machine, number), 10);
            }
        }
        world.run_until("all replies", |world| {
            world.crowds.iter().all(|crowd| crowd.answered() == EACH)
        });
        for machine in 0..MACHINES {
            for number in 0..EACH {
                let at = place(machine, number);
                assert!(world.crowds[machine].take_read(number) == data[at..at + 10]);
            }
        }
    }
    assert!(world.crowds.iter().all(|crowd| crowd.closed == 0));
    world.assert_at_rest();
}
