//! Handles that live longer than the cache they came from.
//!
//! One test, because the counter of leaked bytes is the process's.

mod fixture;

use std::thread;

use cache::leaked_arena_bytes;
use fixture::{BLOCK_SIZE, byte_of, cache_of, filled, key};

#[test]
fn memory_is_freed_when_nobody_reads_it_and_leaked_otherwise() {
    let mut cache = cache_of(4);
    fixture::read(&mut cache, key(1, 0));
    drop(cache.lookup(key(1, 0), 0..8));
    drop(cache);
    assert_eq!(leaked_arena_bytes(), 0, "nobody was left");

    let mut cache = cache_of(4);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();
    cache.publish(key(1, 0), block, 0..BLOCK_SIZE, false);
    let linked = cache.lookup(key(1, 0), 0..8).unwrap().slice;
    let private = filled(&mut cache, key(1, 1), 0).unwrap();
    let mut writer = cache.allocate().unwrap();
    drop(cache);
    assert_eq!(leaked_arena_bytes(), 4 * BLOCK_SIZE);

    let expected: Vec<u8> = (0..8).map(|offset| byte_of(key(1, 0), 0, offset)).collect();
    assert_eq!(linked.as_slice(), expected);
    writer.as_mut_slice().fill(1);
    let wire = private.slice(0..8).lend(0..8);
    thread::spawn(move || drop((linked, private, writer, wire)))
        .join()
        .unwrap();

    let mut cache = cache_of(1);
    let wire = filled(&mut cache, key(1, 0), 0)
        .unwrap()
        .slice(0..8)
        .lend(0..8);
    drop(cache);
    assert_eq!(
        leaked_arena_bytes(),
        5 * BLOCK_SIZE,
        "the wire alone keeps it too"
    );
    drop(wire);
}
