//! Links that lose frames: every byte arrives, and every reference comes back.

use nfs3_types::nfs3::stable_how;

use crate::world::operations::pattern;
use crate::world::{BLOCK, HeldWire, Setup, World, random_loss};

/// WRITEs and READs that are under way at a time.
const AT_ONCE: usize = 4;

fn carries_whole_files(world: &mut World<HeldWire>, seed: u64) {
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "written");
    for (number, link) in world.links.iter_mut().enumerate() {
        link.from_engine
            .lose(random_loss(seed + 2 * number as u64, 20));
        link.to_engine
            .lose(random_loss(seed + 2 * number as u64 + 1, 20));
    }

    let data = pattern(seed, 4 << 20);
    let step = 4 * BLOCK;
    for (chunk, offset) in data
        .chunks(AT_ONCE * step)
        .zip((0..).step_by(AT_ONCE * step))
    {
        let writes: Vec<_> = chunk
            .chunks(step)
            .zip((offset..).step_by(step))
            .map(|(part, at)| world.begin_write(client, &file, at, part, stable_how::UNSTABLE))
            .collect();
        for write in writes {
            world.finish_write(write);
        }
    }
    world.commit(client, &file);
    assert!(world.origin.export.data("written") == data);

    let given = pattern(seed + 100, 4 << 20);
    world.origin.export.put("given", &given);
    let file = world.lookup(client, &root, "given");
    let reads: Vec<_> = (0..given.len())
        .step_by(step)
        .map(|at| world.begin_read(client, &file, at, step))
        .collect();
    let mut read = Vec::new();
    for pending in reads {
        read.extend(world.finish_read(pending).bytes);
    }
    assert!(read == given);

    for link in &mut world.links {
        assert!(link.from_engine.lost > 0 && link.to_engine.lost > 0);
        link.from_engine.mend();
        link.to_engine.mend();
    }
    let retransmitted: u64 = world
        .engine
        .stats()
        .ports
        .iter()
        .map(|port| port.retransmitted_frames)
        .sum();
    assert!(retransmitted > 0);
    world.run_for(std::time::Duration::from_secs(10));
    world.assert_at_rest();
}

#[test]
fn two_per_cent_loss_both_ways_on_both_links() {
    for seed in [1, 2, 3] {
        let mut world = World::new(Setup::default());
        carries_whole_files(&mut world, seed);
    }
}

#[test]
fn loss_while_the_file_is_larger_than_the_cache() {
    let mut world = World::new(Setup {
        blocks: 32,
        ..Setup::default()
    });
    carries_whole_files(&mut world, 7);
}
