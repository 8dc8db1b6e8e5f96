//! Random histories: clients that read, write and vanish, an origin that breaks its
//! connections, links that lose frames and a NIC that keeps blocks. Whatever happened,
//! every file reads as the origin has it, and nobody holds anything in the end.

use std::time::Duration;

use nfs3_types::nfs3::{nfs_fh3, stable_how};

use crate::world::operations::{Pending, pattern};
use crate::world::{BLOCK, CLIENT_PORT, HeldWire, ORIGIN_PORT, Random, Setup, World, random_loss};

const CLIENTS: usize = 4;
const STEPS: u64 = 60;

/// A client with a file of its own, so that what it reads can be told.
struct Owner {
    client: usize,
    name: String,
    file: nfs_fh3,
    writes: Vec<Pending>,
}

struct History {
    world: World<HeldWire>,
    random: Random,
    root: nfs_fh3,
    owners: Vec<Owner>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut world = World::new(Setup::default());
        let client = world.connect();
        let root = world.mount(client);
        let owners = (0..CLIENTS).map(|number| {
            let name = format!("file {number}");
            world
                .origin
                .export
                .put(&name, &pattern(number as u64, 20 * BLOCK));
            let client = world.connect();
            let file = world.lookup(client, &root, &name);
            Owner {
                client,
                name,
                file,
                writes: vec![],
            }
        });
        let owners = owners.collect();
        let mut history = Self {
            world,
            random: Random(seed),
            root,
            owners,
        };
        history.lose(CLIENT_PORT);
        history.lose(ORIGIN_PORT);
        history
    }

    /// Lets a link lose one frame of a hundred.
    fn lose(&mut self, port: usize) {
        let link = &mut self.world.links[port];
        link.from_engine.lose(random_loss(self.random.next(), 10));
        link.to_engine.lose(random_loss(self.random.next(), 10));
    }

    /// Breaks connections by RST on a link that loses nothing meanwhile: who is not told
    /// that his peer is gone and has nothing to send does not learn it without keepalives.
    fn reset(&mut self, port: usize, reset: impl FnOnce(&mut World<HeldWire>)) {
        let link = &mut self.world.links[port];
        link.from_engine.mend();
        link.to_engine.mend();
        reset(&mut self.world);
        self.world.run_for(Duration::from_secs(1));
        self.lose(port);
    }

    fn range(&mut self) -> (usize, usize) {
        let len = [1, 4095, BLOCK, BLOCK + 1, 5 * BLOCK][self.random.below(5)];
        // Often at the same place, so that calls overlap.
        let blocks = [2, 20][self.random.below(2)];
        (
            self.random.below(blocks * BLOCK),
            1 + self.random.below(len),
        )
    }

    fn step(&mut self, step: u64) {
        // A NIC that keeps more blocks than its ring has room for would starve everybody.
        if self.world.cache().blocks_limbo > 16 {
            self.world.wires[ORIGIN_PORT].release();
        }
        let number = self.random.below(CLIENTS);
        match self.random.below(20) {
            0..8 => {
                let (offset, len) = self.range();
                let data = pattern(1000 + step, len);
                let owner = &mut self.owners[number];
                let write = self.world.begin_write(
                    owner.client,
                    &owner.file,
                    offset,
                    &data,
                    stable_how::UNSTABLE,
                );
                owner.writes.push(write);
            }
            8..12 => {
                // Whatever it gives: it races with the file's WRITEs.
                let (offset, len) = self.range();
                let other = self.random.below(CLIENTS);
                let client = self.owners[other].client;
                self.world
                    .begin_read(client, &self.owners[number].file, offset, len);
            }
            12..16 => self.read_own(number),
            16 => self.vanish(number),
            17 => self.reset(ORIGIN_PORT, |world| world.origin.reset_connections()),
            18 => self.world.wires[ORIGIN_PORT].holding = true,
            _ => {
                self.world.wires[CLIENT_PORT].release();
                self.world.wires[ORIGIN_PORT].release();
            }
        }
        let pause = self.random.below(3000) as u64;
        self.world.run_for(Duration::from_micros(pause));
    }

    /// After its own WRITEs a client reads what the origin has.
    fn read_own(&mut self, number: usize) {
        let (offset, len) = self.range();
        let world = &mut self.world;
        let owner = &mut self.owners[number];
        for write in owner.writes.drain(..) {
            world.finish_write(write);
        }
        let read = world.read(owner.client, &owner.file, offset, len);
        let data = world.origin.export.data(&owner.name);
        let end = data.len().min(offset + len);
        let expected = data.get(offset..end).unwrap_or_default();
        assert!(read.bytes == expected, "{len} bytes at {offset}");
    }

    fn vanish(&mut self, number: usize) {
        let client = self.owners[number].client;
        self.reset(CLIENT_PORT, |world| world.reset(client));
        // What it had sent may still reach the origin.
        self.world.run_for(Duration::from_secs(20));
        let owner = &mut self.owners[number];
        owner.writes.clear();
        owner.client = self.world.connect();
    }

    fn end(mut self) {
        for wire in &mut self.world.wires {
            wire.release();
        }
        for link in &mut self.world.links {
            link.from_engine.mend();
            link.to_engine.mend();
        }
        for owner in &mut self.owners {
            for write in owner.writes.drain(..) {
                self.world.finish_write(write);
            }
        }
        self.world.run_for(Duration::from_secs(60));
        self.world.assert_at_rest();
        let reader = self.world.connect();
        for owner in &self.owners {
            let file = self.world.lookup(reader, &self.root, &owner.name);
            let read = self.world.read_all(reader, &file, 1 << 20);
            assert!(read == self.world.origin.export.data(&owner.name));
        }
        self.world.assert_at_rest();
        let stats = self.world.end().stats();
        assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
    }
}

#[test]
fn every_history_ends_with_the_origins_bytes_and_no_pin() {
    for seed in 1..=40 {
        println!("seed {seed}");
        let mut history = History::new(seed);
        for step in 0..STEPS {
            history.step(step);
        }
        history.end();
    }
}
