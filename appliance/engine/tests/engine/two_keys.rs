//! A block taken for a WRITE to the origin is free when the origin has replied *and*
//! the wire has let go of it, in either order, and not before (invariants I1, I12).

use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::world::operations::{Pending, pattern};
use crate::world::{BLOCK, CLIENT_PORT, HeldWire, ORIGIN_PORT, Setup, World};

/// A WRITE of one block that has reached the origin, whose reply is held back, and
/// whose block a NIC still reads.
struct Held {
    world: World<HeldWire>,
    root: nfs_fh3,
    write: Pending,
    /// The block's number.
    block: usize,
    stirred: u64,
}

const CLIENT: usize = 0;

impl Held {
    fn new() -> Self {
        let mut world = World::new(Setup::default());
        assert_eq!(world.connect(), CLIENT);
        let root = world.mount(CLIENT);
        let file = world.create(CLIENT, &root, "written");
        world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
        world.wires[ORIGIN_PORT].holding = true;
        let data = pattern(1, BLOCK);
        let write = world.begin_write(CLIENT, &file, 0, &data, stable_how::FILE_SYNC);
        world.run_until("the WRITE", |world| world.origin.held_replies() == 1);
        world.wires[ORIGIN_PORT].holding = false;
        assert_eq!(world.origin.export.data("written"), data);
        let blocks: Vec<_> = world.wires[ORIGIN_PORT].blocks.iter().copied().collect();
        let [block] = blocks[..] else {
            panic!("one block was written: {blocks:?}");
        };
        Self {
            world,
            root,
            write,
            block,
            stirred: 0,
        }
    }

    /// Reads twice as much as the cache holds, all of it new: whatever block can be
    /// evicted is. Whether the written block was among those that were used.
    fn is_reused(&mut self) -> bool {
        self.stirred += 1;
        let name = format!("stirring {}", self.stirred);
        let blocks = 2 * self.world.cache().blocks;
        let data = pattern(100 + self.stirred, blocks * BLOCK);
        self.world.origin.export.put(&name, &data);
        let file = self.world.lookup(CLIENT, &self.root, &name);
        self.world.wires[CLIENT_PORT].blocks.clear();
        let evictions = self.world.cache().evictions;
        assert!(self.world.read_all(CLIENT, &file, 4 * BLOCK) == data);
        assert!(self.world.cache().evictions > evictions + blocks as u64 / 4);
        self.world.run_for(crate::SOON);
        self.world.wires[CLIENT_PORT].blocks.contains(&self.block)
    }

    fn reply(&mut self) {
        self.world.origin.release_replies();
        let written = self.world.finish_write(self.write);
        assert_eq!(written.count as usize, BLOCK);
        self.world.run_for(crate::SOON);
    }

    fn release_wire(&mut self) {
        assert!(self.world.wires[ORIGIN_PORT].held() > 0);
        self.world.wires[ORIGIN_PORT].release();
    }
}

#[test]
fn tcp_having_acknowledged_everything_is_not_enough() {
    let mut held = Held::new();
    held.release_wire();
    let sent = held.world.wires[ORIGIN_PORT].block_bytes;
    assert_eq!(sent, BLOCK as u64);
    // Far longer than TCP waits for an acknowledgement before it sends again.
    held.world.run_for(std::time::Duration::from_secs(30));
    assert_eq!(
        held.world.wires[ORIGIN_PORT].block_bytes, sent,
        "all is acknowledged"
    );
    assert_eq!(
        held.world.cache().wire_references,
        0,
        "the wire is done with it"
    );
    assert_eq!(held.world.cache().pinned_bytes, BLOCK);
    assert!(!held.is_reused());
    assert!(!held.world.is_answered(held.write));
}

#[test]
fn the_reply_is_not_enough_while_the_wire_reads() {
    let mut held = Held::new();
    assert_eq!(held.world.cache().pinned_bytes, BLOCK);
    assert!(!held.is_reused(), "neither key");

    held.reply();
    assert_eq!(held.world.cache().pinned_bytes, 0);
    assert!(held.world.cache().wire_references > 0);
    assert!(!held.is_reused(), "the wire still reads it");

    // Out of the index there is nothing but the wire that keeps it.
    let newer = pattern(3, 10);
    held.world.origin.export.put("written", &newer);
    let file = held.world.lookup(CLIENT, &held.root.clone(), "written");
    assert_eq!(held.world.read_all(CLIENT, &file, BLOCK), newer);
    assert_eq!(held.world.cache().blocks_limbo, 1);
    assert!(!held.is_reused(), "not even when nobody knows it any more");

    held.release_wire();
    assert_eq!(held.world.cache().wire_references, 0);
    assert!(held.is_reused(), "both keys");
    held.world.assert_at_rest();
}

#[test]
fn the_wires_release_is_not_enough_before_the_reply() {
    let mut held = Held::new();
    held.release_wire();
    assert_eq!(held.world.cache().wire_references, 0);
    assert_eq!(held.world.cache().pinned_bytes, BLOCK);
    assert!(!held.is_reused(), "the origin has not replied");
    assert_eq!(held.world.cache().pinned_bytes, BLOCK);

    held.reply();
    assert_eq!(held.world.cache().pinned_bytes, 0);
    assert!(held.is_reused(), "both keys");
    held.world.assert_at_rest();
}

#[test]
fn a_written_block_that_the_wire_reads_is_still_read_from() {
    let mut held = Held::new();
    held.reply();
    let file = held.world.lookup(CLIENT, &held.root.clone(), "written");
    assert_eq!(held.world.read_all(CLIENT, &file, BLOCK), pattern(1, BLOCK));
    assert_eq!(held.world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), 0);
    assert!(held.world.wires[CLIENT_PORT].blocks.contains(&held.block));
}

#[test]
fn an_overwrite_of_a_block_that_the_wire_reads_takes_another() {
    let mut held = Held::new();
    held.reply();
    let file = held.world.lookup(CLIENT, &held.root.clone(), "written");
    held.world.wires[ORIGIN_PORT].blocks.clear();
    let newer = pattern(2, BLOCK);
    held.world
        .write(CLIENT, &file, 0, &newer, stable_how::FILE_SYNC);
    assert!(!held.world.wires[ORIGIN_PORT].blocks.contains(&held.block));
    assert_eq!(held.world.read_all(CLIENT, &file, BLOCK), newer);
    assert_eq!(held.world.cache().blocks_limbo, 1, "the old version waits");
    assert!(!held.is_reused());
    held.release_wire();
    assert!(held.is_reused());
    held.world.assert_at_rest();
}
