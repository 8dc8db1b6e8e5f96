//! An origin that refuses, vanishes, hangs, or comes back as another: clients stall and go on, as with a
//! hard mount, and nothing is lost.

use std::time::Duration;

use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::{Pending, pattern};
use crate::world::{BLOCK, HeldWire, ORIGIN_PORT, Setup, World};

const MINUTE: Duration = Duration::from_secs(60);

struct Stage {
    world: World<HeldWire>,
    client: usize,
    file: nfs_fh3,
    read: Pending,
    write: Pending,
}

/// What is read and what is written meanwhile.
const MIB: usize = 1 << 20;

fn stage() -> (World<HeldWire>, usize, nfs_fh3) {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, 2 * MIB));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read(client, &file, 2 * MIB - 1, 1);
    (world, client, file)
}

/// A READ and a WRITE are under way when `fault` happens.
fn during(fault: impl FnOnce(&mut World<HeldWire>)) -> Stage {
    let (mut world, client, file) = stage();
    fault(&mut world);
    let read = world.begin_read(client, &file, 0, MIB - 1);
    let write = world.begin_write(
        client,
        &file,
        MIB,
        &pattern(2, MIB / 2),
        stable_how::FILE_SYNC,
    );
    Stage {
        world,
        client,
        file,
        read,
        write,
    }
}

impl Stage {
    fn assert_waiting(&self) {
        assert!(!self.world.is_answered(self.read));
        assert!(!self.world.is_answered(self.write));
    }

    fn finish(mut self) {
        let expected = [pattern(1, MIB), pattern(2, MIB / 2)].concat();
        let read = self.world.finish_read(self.read);
        assert!(read.bytes == expected[..MIB - 1]);
        assert_eq!(self.world.finish_write(self.write).count as usize, MIB / 2);
        assert!(self.world.origin.export.data("file")[..expected.len()] == expected);
        let all = self.world.read_all(self.client, &self.file, MIB);
        assert!(all[..expected.len()] == expected);
        self.world.assert_at_rest();
    }
}

#[test]
fn an_origin_that_refuses_connections() {
    let mut stage = during(|world| world.origin.refuse());
    stage.world.run_for(10 * MINUTE);
    stage.assert_waiting();
    stage.world.origin.listen();
    stage.finish();
}

#[test]
fn an_origin_that_vanishes_without_a_word() {
    let mut stage = during(|world| {
        let link = &mut world.links[ORIGIN_PORT];
        link.to_engine.lose(|_| true);
        link.from_engine.lose(|_| true);
    });
    // Until TCP has given the old connections up, and then some attempts to connect.
    stage.world.run_for(30 * MINUTE);
    stage.assert_waiting();
    let link = &mut stage.world.links[ORIGIN_PORT];
    link.to_engine.mend();
    link.from_engine.mend();
    stage.finish();
}

#[test]
fn an_origin_that_hangs_and_does_not_even_read() {
    let mut stage = during(|world| world.origin.reads = false);
    stage.world.run_for(10 * MINUTE);
    stage.assert_waiting();
    assert!(stage.world.engine.stats().gateway.origin_silences > 0);
    // The connections of old are not what pins anything.
    let pinned = stage.world.cache().pinned_bytes;
    assert!(pinned <= 2 * MIB, "{pinned}");
    stage.world.origin.reads = true;
    stage.finish();
}

#[test]
fn an_origin_that_takes_minutes() {
    let (mut world, client, file) = stage();
    world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(3, BLOCK);
    let write = world.begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
    world.run_for(5 * MINUTE);
    assert!(!world.is_answered(write));
    // Meanwhile others are served.
    let other = world.connect();
    let tail = pattern(1, 2 * MIB)[MIB..].to_vec();
    assert!(world.read(other, &file, MIB, 4 * BLOCK).bytes == tail[..4 * BLOCK]);
    world.origin.release_replies();
    assert_eq!(world.finish_write(write).count as usize, BLOCK);
    assert!(world.read(other, &file, 0, BLOCK).bytes == data);
    world.assert_at_rest();
}

#[test]
fn a_new_instance_of_the_origin_is_told_by_its_verifier() {
    let (mut world, client, file) = stage();
    let data = pattern(4, BLOCK);
    let written = world.write(client, &file, 0, &data, stable_how::UNSTABLE);
    world.origin.restart();
    world.run_for(SOON);
    let committed = world.commit(client, &file);
    assert_ne!(committed.verf.0, written.verf.0, "the client writes again");
    let again = world.write(client, &file, 0, &data, stable_how::UNSTABLE);
    assert_eq!(again.verf.0, committed.verf.0);
    assert_eq!(world.commit(client, &file).verf.0, again.verf.0);
    world.assert_at_rest();
}
