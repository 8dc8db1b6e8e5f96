//! The origin resets a connection after any number of bytes of a call or of its reply: the call is sent
//! again, and its client gets the right answer (invariant I6). Every byte of short messages; of long ones
//! every byte of the heads, and then places that fall everywhere in segments.

use nfs3_types::nfs3::{nfs_fh3, stable_how};

use crate::SOON;
use crate::world::operations::pattern;
use crate::world::{BLOCK, Cut, HeldWire, Setup, World};

/// Bytes of a call or a reply in which everything but data lies.
const HEAD: usize = 300;

/// From one place in the data to the next: prime, so that all places in segments come up.
const STRIDE: usize = 331;

/// Longer than any message here.
const END: usize = BLOCK + 600;

struct Stage {
    world: World<HeldWire>,
    client: usize,
    root: nfs_fh3,
    file: nfs_fh3,
}

fn stage() -> Stage {
    let mut world = World::new(Setup::default());
    world.origin.export.put("file", &pattern(1, BLOCK));
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read(client, &file, 0, BLOCK);
    Stage {
        world,
        client,
        root,
        file,
    }
}

/// Cuts at every place up to `end`, in calls and in replies, and lets `exchange` be made each time.
fn cut_everywhere(end: usize, mut exchange: impl FnMut(&mut Stage, Option<Cut>)) {
    let heads = 0..end.min(HEAD);
    let places = || heads.clone().chain((HEAD..end).step_by(STRIDE));
    let cuts = places().map(Cut::Calls).chain(places().map(Cut::Reply));
    let mut stage = stage();
    for cut in cuts {
        exchange(&mut stage, Some(cut));
        // The client acknowledges what it was answered with.
        stage.world.run_for(SOON);
        assert_eq!(stage.world.cache().pinned_bytes, 0, "{cut:?}");
    }
    stage.world.origin.cut = None;
    exchange(&mut stage, None);
    let resent = stage.world.engine.stats().gateway.origin_resent;
    assert!(resent > 0);
    stage.world.assert_at_rest();
}

#[test]
fn getattr() {
    cut_everywhere(HEAD, |stage, cut| {
        stage.world.origin.cut = cut;
        let attributes = stage.world.attributes(stage.client, &stage.file);
        assert_eq!(attributes.size, BLOCK as u64, "{cut:?}");
    });
}

#[test]
fn create() {
    let mut number = 0;
    cut_everywhere(HEAD, |stage, cut| {
        number += 1;
        let name = format!("new {number}");
        stage.world.origin.cut = cut;
        let made = stage.world.create(stage.client, &stage.root, &name);
        stage.world.origin.cut = None;
        let found = stage.world.lookup(stage.client, &stage.root, &name);
        assert_eq!(made.data.as_ref(), found.data.as_ref(), "{cut:?}");
    });
}

#[test]
fn read_of_a_block_that_is_not_cached() {
    let mut version = 1;
    cut_everywhere(END, |stage, cut| {
        version += 1;
        let data = pattern(version, BLOCK);
        stage.world.origin.cut = None;
        stage.world.origin.export.put("file", &data);
        stage.world.attributes(stage.client, &stage.file);
        stage.world.access(stage.client, &stage.file);
        stage.world.origin.cut = cut;
        let read = stage.world.read(stage.client, &stage.file, 0, BLOCK);
        assert!(read.bytes == data, "{cut:?}");
    });
}

#[test]
fn write() {
    let mut version = 1;
    cut_everywhere(END, |stage, cut| {
        version += 1;
        let data = pattern(version, BLOCK);
        let (client, stable) = (stage.client, stable_how::FILE_SYNC);
        stage.world.origin.cut = cut;
        let done = stage.world.write(client, &stage.file, 0, &data, stable);
        assert_eq!(done.count as usize, BLOCK, "{cut:?}");
        assert!(stage.world.origin.export.data("file") == data, "{cut:?}");
        stage.world.origin.cut = None;
        let read = stage.world.read(client, &stage.file, 0, BLOCK);
        assert!(read.bytes == data, "{cut:?}");
    });
}
