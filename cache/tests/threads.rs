//! Handles on other threads than the cache's.

mod fixture;

use std::sync::mpsc;
use std::thread;

use cache::{BlockMut, BlockRef, BlockSlice, Cache, WireRef};
use fixture::{BLOCK_SIZE, byte_of, cache_of, filled, key};

#[test]
fn handles_and_the_cache_itself_may_change_threads() {
    fn is_send<T: Send>() {}
    is_send::<Cache>();
    is_send::<BlockMut>();
    is_send::<BlockRef>();
    is_send::<BlockSlice>();
    is_send::<WireRef>();
}

#[test]
fn pins_dropped_elsewhere_bring_every_block_back() {
    let mut cache = cache_of(32);
    let (sender, receiver) = mpsc::sync_channel::<(BlockSlice, u64)>(24);
    let reader = thread::spawn(move || {
        for (slice, index) in receiver {
            let again = slice.share();
            drop(slice);
            let name = key(1, index);
            assert!((0..64).all(|at| again.as_slice()[at] == byte_of(name, 0, at)));
        }
    });
    for turn in 0..20_000_u64 {
        // More names than blocks, so that blocks are unlinked under the reader.
        let index = turn * 17 % 80;
        fixture::read(&mut cache, key(1, index));
        let hit = cache
            .lookup(key(1, index), 0..BLOCK_SIZE)
            .expect("just read");
        sender.send((hit.slice, index)).unwrap();
    }
    drop(sender);
    reader.join().unwrap();
    let stats = cache.stats();
    assert_eq!(
        (
            stats.pinned_blocks,
            stats.blocks_limbo,
            stats.blocks_private
        ),
        (0, 0, 0)
    );
    assert!(stats.evictions > 1000, "{stats:?}");
}

#[test]
fn a_cache_may_go_while_other_threads_let_go() {
    for round in 0..500 {
        let mut cache = cache_of(3);
        let linked = filled(&mut cache, key(1, 0), 0).unwrap();
        cache.publish(key(1, 0), linked.share(), 0..BLOCK_SIZE, false);
        let private = filled(&mut cache, key(1, 1), 0).unwrap();
        let wire = private.slice(0..8).lend(0..8);
        let writer = cache.allocate().unwrap();
        let others = [
            thread::spawn(move || drop((linked, wire))),
            thread::spawn(move || drop((private, writer))),
        ];
        if round % 2 == 0 {
            thread::yield_now();
        }
        drop(cache);
        others.into_iter().for_each(|other| other.join().unwrap());
    }
}
