//! What a lookup shows: valid bytes and nothing else (I9), under the right name.

mod fixture;

use cache::FileId;
use fixture::{BLOCK_SIZE, byte_of, cache_of, filled, key};

#[test]
fn bytes_outside_of_the_valid_range_are_not_shown() {
    let mut cache = cache_of(2);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();
    cache.publish(key(1, 0), block, 100..200, false);

    assert!(cache.lookup(key(1, 0), 99..150).is_none(), "starts before");
    assert!(
        cache.lookup(key(1, 0), 200..201).is_none(),
        "starts at the end, not of the file"
    );
    assert!(cache.lookup(key(1, 0), 201..300).is_none(), "starts behind");
    for (asked, shown) in [
        (100..200, 100..200),
        (150..4096, 150..200),
        (199..usize::MAX, 199..200),
    ] {
        let hit = cache.lookup(key(1, 0), asked).unwrap();
        assert_eq!((hit.valid, hit.end_of_file), (100..200, false));
        let expected: Vec<u8> = shown.map(|offset| byte_of(key(1, 0), 0, offset)).collect();
        assert_eq!(hit.slice.as_slice(), expected);
    }
    assert_eq!((cache.stats().hits, cache.stats().misses), (3, 3));
}

#[test]
fn whoever_wants_all_of_it_gets_that_or_leaves_no_trace() {
    let mut cache = cache_of(2);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();
    cache.publish(key(1, 0), block, 100..200, false);

    for asked in [99..150, 150..201, 200..201, 0..BLOCK_SIZE, 300..400] {
        assert!(!cache.holds(key(1, 0), asked.clone()), "{asked:?}");
        assert!(cache.lookup_whole(key(1, 0), asked.clone()).is_none());
    }
    assert!(cache.lookup_whole(key(1, 1), 100..200).is_none());
    assert_eq!((cache.stats().hits, cache.stats().misses), (0, 0));
    for asked in [100..200, 100..101, 199..200] {
        assert!(cache.holds(key(1, 0), asked.clone()), "{asked:?}");
        let slice = cache.lookup_whole(key(1, 0), asked.clone()).unwrap();
        let expected: Vec<u8> = asked.map(|offset| byte_of(key(1, 0), 0, offset)).collect();
        assert_eq!(slice.as_slice(), expected);
    }
    assert_eq!((cache.stats().hits, cache.stats().misses), (3, 0));
}

#[test]
fn the_end_of_the_file_is_a_hit_without_bytes() {
    let mut cache = cache_of(2);
    let block = filled(&mut cache, key(1, 3), 0).unwrap();
    cache.publish(key(1, 3), block, 0..10, true);
    let hit = cache.lookup(key(1, 3), 10..4096).unwrap();
    assert!(hit.slice.is_empty() && hit.end_of_file);
    assert!(cache.lookup(key(1, 3), 11..4096).is_none());

    let empty = filled(&mut cache, key(2, 0), 0).unwrap();
    cache.publish(key(2, 0), empty, 0..0, true);
    assert!(cache.lookup(key(2, 0), 0..4096).unwrap().slice.is_empty());
}

#[test]
fn a_valid_range_is_cut_at_the_end_of_the_block() {
    let mut cache = cache_of(2);
    let block = filled(&mut cache, key(1, 0), 0).unwrap();
    cache.publish(key(1, 0), block, 4000..usize::MAX, false);
    assert_eq!(
        cache.lookup(key(1, 0), 4000..9000).unwrap().valid,
        4000..BLOCK_SIZE
    );
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "that is the case")]
fn a_reversed_range_shows_nothing() {
    let mut cache = cache_of(2);
    fixture::read(&mut cache, key(1, 0));
    assert!(cache.lookup(key(1, 0), 10..3).unwrap().slice.is_empty());
}

#[test]
fn a_block_with_nothing_to_show_replaces_and_is_not_kept() {
    let mut cache = cache_of(2);
    fixture::read(&mut cache, key(1, 0));
    let block = filled(&mut cache, key(1, 0), 1).unwrap();
    cache.publish(key(1, 0), block, 50..50, false);
    assert!(cache.peek(key(1, 0)).is_none());
    assert_eq!(cache.stats().blocks_free, 2);
}

#[test]
fn a_block_has_one_name() {
    let mut cache = cache_of(2);
    fixture::read(&mut cache, key(1, 0));
    let (block, valid, end_of_file) = cache.peek(key(1, 0)).unwrap();
    cache.publish(key(2, 5), block, valid, end_of_file);
    assert!(cache.peek(key(1, 0)).is_none());
    assert!(cache.peek(key(2, 5)).is_some());
    assert_eq!(cache.stats().blocks_cached, 1);
}

#[test]
fn peeking_counts_nothing() {
    let mut cache = cache_of(2);
    fixture::read(&mut cache, key(1, 0));
    let before = cache.stats();
    let (block, valid, end_of_file) = cache.peek(key(1, 0)).unwrap();
    assert_eq!((valid, end_of_file), (0..BLOCK_SIZE, false));
    assert_eq!(block.as_slice()[9], byte_of(key(1, 0), 0, 9));
    assert!(cache.peek(key(1, 1)).is_none());
    drop(block);
    assert_eq!(cache.stats(), before);
}

#[test]
fn a_range_removes_the_blocks_it_touches() {
    let size = BLOCK_SIZE as u64;
    let cases = [
        (0..0, vec![]),
        (0..1, vec![0]),
        (size - 1..size + 1, vec![0, 1]),
        (size..2 * size, vec![1]),
        (3 * size + 5..u64::MAX, vec![3, 4, 5, 6, 7]),
        (0..u64::MAX, (0..8).collect()),
        (100 * size..101 * size, vec![]),
    ];
    for (range, gone) in cases {
        let mut cache = cache_of(16);
        for index in 0..8 {
            fixture::read(&mut cache, key(1, index));
            fixture::read(&mut cache, key(2, index));
        }
        cache.remove_range(FileId(1), range.clone());
        let missing: Vec<u64> = (0..8)
            .filter(|&i| cache.peek(key(1, i)).is_none())
            .collect();
        assert_eq!(missing, gone, "{range:?}");
        assert!((0..8).all(|index| cache.peek(key(2, index)).is_some()));
    }
}

#[test]
fn removing_a_file_leaves_the_others() {
    let mut cache = cache_of(16);
    for index in 0..8 {
        fixture::read(&mut cache, key(1, index));
        fixture::read(&mut cache, key(2, index));
    }
    cache.remove_file(FileId(1));
    cache.remove_file(FileId(3));
    assert!((0..8).all(|index| cache.peek(key(1, index)).is_none()));
    assert!((0..8).all(|index| cache.peek(key(2, index)).is_some()));
    cache.remove(key(2, 0));
    cache.remove(key(2, 0));
    assert_eq!(cache.stats().blocks_cached, 7);
}
