//! Clients that ask for much and take nothing do not stop others (invariant I10).

use std::time::Duration;

use net::CloseReason;
use nfs3_types::nfs3::{nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{BLOCK, CLIENT_PORT, HeldWire, Setup, World};

const MIB: usize = 1 << 20;

/// As long as whoever stops others may make no progress, and two looks at the clients.
const PATIENCE: Duration = Duration::from_secs(7);

/// `greedy` clients that have asked for 8 MiB each and read nothing, and two others.
fn world(blocks: usize, greedy: usize) -> (World<HeldWire>, Vec<usize>, [usize; 2], nfs_fh3) {
    let mut world = World::new(Setup {
        blocks,
        ..Setup::default()
    });
    world.origin.export.put("file", &pattern(1, 8 * MIB));
    let others = [world.connect(), world.connect()];
    let root = world.mount(others[0]);
    let file = world.lookup(others[0], &root, "file");
    let greedy: Vec<_> = (0..greedy).map(|_| world.connect()).collect();
    for &client in &greedy {
        world.clients[client].reads = false;
        for at in (0..8 * MIB).step_by(MIB) {
            world.begin_read(client, &file, at, MIB);
        }
    }
    world.run_for(SOON);
    (world, greedy, others, file)
}

/// Whole READs and WRITEs of a client, to and from the origin, in a time that leaves no room for waiting
/// until somebody gives up of himself.
fn assert_is_served(world: &mut World<HeldWire>, client: usize, file: &nfs_fh3) {
    let start = world.now;
    let data = world.origin.export.data("file").to_vec();
    assert!(world.read_all(client, file, MIB) == data);
    let more = pattern(client as u64, MIB);
    for part in 0..4 {
        world.write(client, file, part * MIB, &more, stable_how::FILE_SYNC);
    }
    for part in 0..4 {
        let begin = part * MIB;
        assert!(world.origin.export.data("file")[begin..begin + MIB] == more);
    }
    let took = world.now - start;
    assert!(took < PATIENCE + SOON, "{took:?}");
}

fn assert_pins_are_bounded(world: &World<HeldWire>) {
    let stats = world.engine.stats();
    let bound = stats.cache.blocks / 4 * 3 * BLOCK;
    assert!(stats.gateway.charged_bytes <= bound, "{stats:#?}");
    assert!(stats.cache.pinned_bytes <= bound, "{stats:#?}");
}

#[test]
fn three_that_do_not_read() {
    let (mut world, greedy, others, file) = world(64, 3);
    assert_pins_are_bounded(&world);
    for client in others {
        assert_is_served(&mut world, client, &file);
    }
    end(world, &greedy);
}

#[test]
fn thirty_that_do_not_read() {
    let (mut world, greedy, others, file) = world(64, 30);
    assert_pins_are_bounded(&world);
    for client in others {
        assert_is_served(&mut world, client, &file);
    }
    end(world, &greedy);
}

/// With a cache that is not tiny nobody has to go for others to be served.
#[test]
fn few_that_do_not_read_keep_their_connections_while_there_is_room() {
    let (mut world, greedy, others, file) = world(512, 3);
    assert_pins_are_bounded(&world);
    let start = world.now;
    for client in others {
        assert_is_served(&mut world, client, &file);
    }
    assert!(world.now - start < 2 * SOON);
    assert!(
        greedy
            .iter()
            .all(|&client| world.clients[client].closed.is_none())
    );
    // But not for ever.
    world.run_for(Duration::from_secs(62));
    for &client in &greedy {
        assert_eq!(world.clients[client].closed, Some(CloseReason::Reset));
    }
    assert_eq!(world.engine.stats().stalled_clients_closed, 3);
    world.assert_at_rest();
}

/// They take a little now and then, which is progress; and everything in the end.
#[test]
fn who_reads_slowly_is_served_to_the_end() {
    let (mut world, _, _, file) = world(64, 0);
    let slow = world.connect();
    let data = world.origin.export.data("file")[..MIB].to_vec();
    let read = world.begin_read(slow, &file, 0, MIB);
    while !world.is_answered(read) {
        world.clients[slow].reads = false;
        world.run_for(Duration::from_secs(40));
        world.clients[slow].reads = true;
        world.run_for(Duration::from_micros(200));
        assert_eq!(world.clients[slow].closed, None);
    }
    assert!(world.finish_read(read).bytes == data);
    world.assert_at_rest();
}

/// Connections of one client count together.
#[test]
fn many_connections_of_one_client_are_one_client() {
    let (mut world, greedy, others, file) = world(512, 1);
    let alone = world.engine.stats().gateway.charged_bytes;
    let twins: Vec<_> = (0..8)
        .map(|_| {
            let twin = world.connect_twin(greedy[0]);
            world.clients[twin].reads = false;
            for at in (0..8 * MIB).step_by(MIB) {
                world.begin_read(twin, &file, at, MIB);
            }
            twin
        })
        .collect();
    world.run_for(SOON);
    let together = world.engine.stats().gateway.charged_bytes;
    assert!(together <= alone.max(128 * BLOCK), "{alone} {together}");
    let start = world.now;
    assert_is_served(&mut world, others[0], &file);
    assert!(world.now - start < SOON);
    for twin in twins {
        world.reset(twin);
    }
    end(world, &greedy);
}

fn end(mut world: World<HeldWire>, greedy: &[usize]) {
    for &client in greedy {
        if world.clients[client].closed.is_none() {
            world.reset(client);
        }
    }
    world.run_for(SOON);
    world.assert_at_rest();
}

/// What TCP has and the client has not acknowledged is charged to the client all the same.
#[test]
fn a_reply_counts_until_it_is_acknowledged() {
    let (mut world, _, [client, _], file) = world(64, 0);
    // TCP takes a whole reply only when it has come to trust the path.
    world.read_all(client, &file, MIB);
    let from_engine = &mut world.links[CLIENT_PORT].from_engine;
    from_engine.lose(|frame| frame.len() > 1000);
    let read = world.begin_read(client, &file, 0, 4 * BLOCK);
    world.run_for(SOON / 10);
    let stats = world.engine.stats();
    assert_eq!(stats.cache.pinned_bytes, 4 * BLOCK);
    assert_eq!(stats.gateway.charged_bytes, 4 * BLOCK);
    world.links[CLIENT_PORT].from_engine.mend();
    assert!(world.finish_read(read).bytes == pattern(1, 4 * BLOCK));
    world.assert_at_rest();
}
