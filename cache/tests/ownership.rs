//! Who may write a block, and when its memory is used again (I1, I2, I3, I12).

mod fixture;

use std::thread;

use cache::{BlockRef, Cache};
use fixture::{BLOCK_SIZE, cache_of, filled, key};

/// Everything that can be allocated now, held.
fn exhaust(cache: &mut Cache) -> Vec<cache::BlockMut> {
    std::iter::from_fn(|| cache.allocate()).collect()
}

fn address(block: &BlockRef) -> *const u8 {
    block.as_slice().as_ptr()
}

#[test]
fn a_block_with_both_keys_taken_is_free_when_both_are_back() {
    for pin_first in [true, false] {
        let mut cache = cache_of(4);
        let block = filled(&mut cache, key(1, 0), 0).unwrap();
        let upstream = block.slice(0..BLOCK_SIZE);
        drop(block);
        let wire = upstream.lend(0..BLOCK_SIZE);
        let rest = exhaust(&mut cache);
        assert_eq!(rest.len(), 3);

        if pin_first {
            drop(upstream);
            assert!(cache.allocate().is_none(), "on the wire");
            drop(wire);
        } else {
            drop(wire);
            assert!(cache.allocate().is_none(), "pinned");
            drop(upstream);
        }
        assert!(cache.allocate().is_some());
    }
}

#[test]
fn a_pin_or_a_wire_reference_alone_keeps_a_block() {
    let mut cache = cache_of(2);
    let pinned = filled(&mut cache, key(1, 0), 0).unwrap();
    let lent = filled(&mut cache, key(1, 1), 0).unwrap();
    let wire = lent.slice(0..1).lend(0..1);
    drop(lent);
    assert!(cache.allocate().is_none());
    assert_eq!(cache.stats().blocks_private, 1);
    assert_eq!(cache.stats().blocks_limbo, 1);
    drop(pinned);
    let first = cache.allocate().expect("the one that was pinned");
    assert!(cache.allocate().is_none());
    drop(wire);
    assert!(cache.allocate().is_some());
    drop(first);
}

#[test]
fn every_wire_reference_counts_once() {
    let mut cache = cache_of(1);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();
    let slice = block.slice(10..110);
    drop(block);
    let wires: Vec<_> = (0..100)
        .map(|offset| slice.lend(offset..offset + 1))
        .collect();
    drop(slice);
    for (released, wire) in wires.into_iter().enumerate() {
        assert_eq!(cache.stats().wire_references, 100 - released as u64);
        assert!(cache.allocate().is_none());
        if released % 2 == 0 {
            drop(wire);
        } else {
            thread::spawn(move || drop(wire)).join().unwrap();
        }
    }
    assert_eq!(cache.stats().wire_references, 0);
    assert!(cache.allocate().is_some());
}

#[test]
fn pinned_bytes_count_each_pinned_block_once() {
    let mut cache = cache_of(4);
    assert_eq!(cache.pinned_bytes(), 0);
    let writer = cache.allocate().unwrap();
    assert_eq!(cache.pinned_bytes(), BLOCK_SIZE);
    let block = writer.freeze();
    let slices = [block.slice(0..1), block.slice(1..2)];
    cache.publish(key(1, 0), block, 0..BLOCK_SIZE, false);
    assert_eq!(cache.pinned_bytes(), BLOCK_SIZE);
    let hit = cache.lookup(key(1, 0), 0..10).unwrap();
    drop(slices);
    assert_eq!(cache.pinned_bytes(), BLOCK_SIZE);
    let wire = hit.slice.lend(0..10);
    drop(hit);
    assert_eq!(cache.pinned_bytes(), 0, "the wire is counted apart");
    assert_eq!(cache.stats().wire_references, 1);
    drop(wire);
    let stats = cache.stats();
    assert_eq!(
        (
            stats.blocks_cached,
            stats.blocks_free,
            stats.wire_references
        ),
        (1, 3, 0)
    );
}

#[test]
fn only_the_last_holder_of_a_private_block_may_write_again() {
    let mut cache = cache_of(2);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();

    let shared = block.share();
    let block = block.try_into_mut().expect_err("shared");
    drop(shared);

    let slice = block.slice(0..8);
    let block = block.try_into_mut().expect_err("sliced");
    let wire = slice.lend(0..8);
    drop(slice);
    let block = block.try_into_mut().expect_err("lent");
    drop(wire);

    cache.publish(key(1, 0), block.share(), 0..BLOCK_SIZE, false);
    let block = block.try_into_mut().expect_err("in the index");
    cache.remove(key(1, 0));

    let before = address(&block);
    let mut writer = block.try_into_mut().expect("the only holder");
    writer.as_mut_slice()[0] = 99;
    let block = writer.freeze();
    assert_eq!((address(&block), block.as_slice()[0]), (before, 99));
}

#[test]
fn a_published_block_can_be_written_only_as_a_new_version() {
    let mut cache = cache_of(4);
    let old = filled(&mut cache, key(1, 0), 1).unwrap();
    cache.publish(key(1, 0), old, 0..BLOCK_SIZE, false);
    let reader = cache.lookup(key(1, 0), 0..16).unwrap().slice;
    let wire = reader.lend(0..16);
    let before = reader.as_slice().to_vec();

    let new = filled(&mut cache, key(1, 0), 2).unwrap();
    cache.publish(key(1, 0), new, 0..BLOCK_SIZE, false);

    assert_eq!(reader.as_slice(), before);
    let now = cache.lookup(key(1, 0), 0..16).unwrap().slice;
    assert_ne!(now.as_slice(), before);
    assert_eq!(cache.stats().blocks_limbo, 1);
    drop(reader);
    assert_eq!(cache.stats().blocks_limbo, 1, "still on the wire");
    drop(wire);
    assert_eq!(cache.stats().blocks_limbo, 0);
}

#[test]
fn blocks_that_nobody_reads_go_first() {
    let mut cache = cache_of(8);
    for index in 0..8 {
        fixture::read(&mut cache, key(1, index));
    }
    let oldest = cache.lookup(key(1, 0), 0..1).unwrap().slice;
    let second = cache.lookup(key(1, 1), 0..1).unwrap().slice;
    let wire = second.lend(0..1);
    drop(second);
    let taken: Vec<_> = (0..6)
        .map(|_| cache.allocate().expect("not referenced"))
        .collect();
    assert!(cache.peek(key(1, 0)).is_some());
    assert!(cache.peek(key(1, 1)).is_some());
    drop((oldest, wire, taken));
}

#[test]
fn eviction_unlinks_a_referenced_block_and_waits() {
    let mut cache = cache_of(2);
    for index in 0..2 {
        fixture::read(&mut cache, key(1, index));
    }
    let pins: Vec<_> = (0..2)
        .map(|index| cache.lookup(key(1, index), 0..64).unwrap().slice)
        .collect();
    let bytes: Vec<Vec<u8>> = pins.iter().map(|pin| pin.as_slice().to_vec()).collect();

    assert!(cache.allocate().is_none());
    assert!(cache.allocate().is_none());
    assert!(cache.lookup(key(1, 0), 0..64).is_none(), "unlinked");
    assert_eq!(cache.stats().evictions, 2);
    assert_eq!(cache.stats().blocks_limbo, 2);
    for (pin, bytes) in pins.iter().zip(&bytes) {
        assert_eq!(pin.as_slice(), bytes);
    }
    drop(pins);
    assert_eq!(exhaust(&mut cache).len(), 2);
}

#[test]
fn an_allocation_that_fails_unlinks_no_more_than_one_block() {
    let mut cache = cache_of(100);
    let wires: Vec<_> = (0..100)
        .map(|index| {
            fixture::read(&mut cache, key(1, index));
            cache.lookup(key(1, index), 0..1).unwrap().slice.lend(0..1)
        })
        .collect();
    for failures in 1..=10 {
        assert!(cache.allocate().is_none());
        assert_eq!(cache.stats().blocks_cached, 100 - failures);
    }
    drop(wires);
}

#[test]
fn a_released_block_is_found_among_many_on_the_wire() {
    const BLOCKS: usize = 1000;
    let mut cache = cache_of(BLOCKS);
    let mut wires: Vec<_> = (0..BLOCKS as u64)
        .map(|index| {
            let block = filled(&mut cache, key(1, index), 0).unwrap();
            block.slice(0..1).lend(0..1)
        })
        .collect();
    assert!(cache.allocate().is_none());
    // Somewhere in the middle, when the credit for a look at all of them is spent: not
    // found at once, or a call would have looked at hundreds, but after no more calls
    // than earn that credit anew.
    drop(wires.remove(500));
    let calls = (0..).take_while(|_| cache.allocate().is_none()).count();
    let bound = BLOCKS / cache::limits::CREDIT_PER_ALLOCATION;
    assert!((2..=bound).contains(&calls), "{calls} calls");
}

#[test]
fn a_dropped_writer_gives_its_block_back() {
    let mut cache = cache_of(1);
    let writer = cache.allocate().unwrap();
    assert!(cache.allocate().is_none());
    thread::spawn(move || drop(writer)).join().unwrap();
    assert_eq!(cache.stats().blocks_free, 1);
    assert!(cache.allocate().is_some());
}

#[test]
#[should_panic(expected = "a block of this cache")]
fn a_block_of_another_cache_is_refused() {
    let mut cache = cache_of(1);
    let foreign = filled(&mut cache_of(1), key(1, 0), 0).unwrap();
    cache.publish(key(1, 0), foreign, 0..BLOCK_SIZE, false);
}

#[test]
#[should_panic(expected = "range 0..9 of 8 bytes")]
fn a_slice_cannot_be_lent_beyond_its_end() {
    let block = filled(&mut cache_of(1), key(1, 0), 0).unwrap();
    let _ = block.slice(0..8).lend(0..9);
}

#[test]
fn what_is_split_off_a_slice_ends_where_the_rest_begins() {
    let mut cache = cache_of(1);
    let mut block = cache.allocate().unwrap();
    block.as_mut_slice()[..8].copy_from_slice(b"abcdefgh");
    let mut rest = block.freeze().into_slice(1..8);
    let first = rest.split_to(3);
    assert_eq!(
        (first.as_slice(), rest.as_slice()),
        (&b"bcd"[..], &b"efgh"[..])
    );
    assert_eq!(rest.split_to(0).len(), 0);
    drop(first);
    assert!(cache.allocate().is_none(), "the rest is still pinned");
    drop(rest);
    assert!(cache.allocate().is_some());
}

#[test]
#[should_panic(expected = "range 0..9 of 8 bytes")]
fn a_slice_cannot_be_split_beyond_its_end() {
    let block = filled(&mut cache_of(1), key(1, 0), 0).unwrap();
    let _ = block.slice(0..8).split_to(9);
}
