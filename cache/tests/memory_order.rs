//! The counts of blocks under every interleaving and every memory order that the language allows.
//!
//! loom runs each test through all of them, with the crate's own code on loom's atomics (feature `loom`). It is told
//! of every write to a block and that whoever holds a pin or a wire reference may read until it lets go, and fails
//! where nothing orders the two. There is no queue between cores in this version: what crosses threads are pins and
//! wire references, and the stack on which blocks come back.

mod fixture;

use cache::{BlockMut, BlockRef, Slots};
use fixture::{BLOCK_SIZE, cache_of, key};
use loom::thread;

/// Runs `model` through its executions, with as many involuntary changes of thread as find any bug known of.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn slots(count: usize) -> Slots {
    Slots::new(fixture::arena_of(count))
}

fn written(block: Option<BlockMut>) -> BlockRef {
    let mut block = block.expect("a block");
    block.as_mut_slice()[0] = 1;
    block.freeze()
}

/// Takes what may be there, and writes to it.
fn overwrite(block: Option<BlockMut>) {
    if let Some(mut block) = block {
        block.as_mut_slice()[0] = 2;
    }
}

#[test]
fn a_slot_is_written_again_after_the_last_read_of_pin_and_wire() {
    check(|| {
        let mut slots = slots(1);
        let slice = written(slots.take()).into_slice(0..64);
        let wire = slice.lend(0..64);
        let holder = thread::spawn(move || drop(slice));
        let nic = thread::spawn(move || drop(wire));
        overwrite(slots.take());
        overwrite(slots.take());
        holder.join().unwrap();
        nic.join().unwrap();
        assert!(slots.take().is_some(), "it came back");
        assert_eq!((slots.pinned(), slots.wire_references()), (0, 0));
    });
}

#[test]
fn slots_that_come_back_at_once_all_come_back() {
    check(|| {
        let mut slots = slots(3);
        let held: Vec<BlockRef> = (0..2).map(|_| written(slots.take())).collect();
        let holders: Vec<_> = held
            .into_iter()
            .map(|block| thread::spawn(move || drop(block)))
            .collect();
        let third = slots.take();
        overwrite(slots.take());
        for holder in holders {
            holder.join().unwrap();
        }
        let others = [slots.take(), slots.take()];
        assert!(third.is_some() && others.iter().all(Option::is_some));
        assert!(slots.take().is_none(), "none came back twice");
    });
}

#[test]
fn the_last_of_several_pins_gives_the_block_back() {
    check(|| {
        let mut slots = slots(1);
        let block = written(slots.take());
        let (first, second) = (block.share(), block.share());
        let holders = [
            thread::spawn(move || drop(first)),
            thread::spawn(move || drop(second)),
        ];
        drop(block);
        overwrite(slots.take());
        for holder in holders {
            holder.join().unwrap();
        }
        assert!(slots.take().is_some());
    });
}

#[test]
fn a_block_is_writable_again_when_nobody_else_reads_it() {
    check(|| {
        let mut slots = slots(1);
        let block = written(slots.take());
        let (other, wire) = (block.slice(0..64), block.slice(0..64).lend(0..64));
        // Its pin may be gone, and the wire have a reference more than a moment before.
        let holder = thread::spawn(move || {
            let wire = other.lend(0..64);
            drop(other);
            drop(wire);
        });
        let nic = thread::spawn(move || drop(wire));
        let block = match block.try_into_mut() {
            Ok(mut block) => {
                block.as_mut_slice()[0] = 2;
                block.freeze()
            }
            Err(block) => block,
        };
        holder.join().unwrap();
        nic.join().unwrap();
        assert!(block.try_into_mut().is_ok());
    });
}

#[test]
fn a_block_taken_from_the_index_comes_back_once() {
    check(|| {
        let mut cache = cache_of(1);
        let name = key(1, 0);
        let block = written(cache.allocate());
        let other = block.share();
        cache.publish(name, block, 0..BLOCK_SIZE, false);
        let holder = thread::spawn(move || drop(other));
        cache.remove(name);
        overwrite(cache.allocate());
        holder.join().unwrap();
        let block = cache.allocate();
        assert!(block.is_some() && cache.allocate().is_none());
    });
}

#[test]
fn a_lent_victim_is_written_again_when_the_wire_lets_go() {
    check(|| {
        let mut cache = cache_of(1);
        let name = key(1, 0);
        let block = written(cache.allocate());
        cache.publish(name, block, 0..BLOCK_SIZE, false);
        let hit = cache.lookup(name, 0..64).expect("just published");
        let wire = hit.slice.lend(0..64);
        drop(hit);
        let nic = thread::spawn(move || drop(wire));
        overwrite(cache.allocate());
        nic.join().unwrap();
        assert!(cache.allocate().is_some());
        assert_eq!(cache.stats().wire_references, 0);
    });
}

#[test]
fn an_arena_goes_when_the_last_handle_is_gone_or_stays() {
    check(|| {
        let mut slots = slots(1);
        let block = written(slots.take());
        let wire = block.slice(0..64).lend(0..64);
        let holder = thread::spawn(move || drop(block));
        let nic = thread::spawn(move || drop(wire));
        drop(slots);
        holder.join().unwrap();
        nic.join().unwrap();
    });
}
