//! What stays when room is needed.

mod fixture;

use fixture::{BLOCK_SIZE, cache_of, key, read};

const BLOCKS: u64 = 64;

fn cache() -> cache::Cache {
    cache_of(BLOCKS.try_into().expect("fits"))
}

fn hits(cache: &mut cache::Cache, file: u64, blocks: u64) -> u64 {
    (0..blocks)
        .map(|index| u64::from(read(cache, key(file, index))))
        .sum()
}

#[test]
fn a_hot_set_survives_a_scan() {
    let mut cache = cache();
    let hot = BLOCKS / 4;
    hits(&mut cache, 1, hot);
    assert_eq!(hits(&mut cache, 1, hot), hot);
    assert_eq!(hits(&mut cache, 2, 10 * BLOCKS), 0, "the scan");
    assert_eq!(hits(&mut cache, 1, hot), hot);
}

#[test]
fn a_scan_in_small_reads_is_still_a_scan() {
    let mut cache = cache();
    let hot = BLOCKS / 4;
    hits(&mut cache, 1, hot);
    hits(&mut cache, 1, hot);
    for index in 0..10 * BLOCKS {
        for start in (0..BLOCK_SIZE).step_by(512) {
            if cache.lookup(key(2, index), start..start + 512).is_none() {
                assert_eq!(start, 0, "one miss a block");
                let block = fixture::filled(&mut cache, key(2, index), 0).unwrap();
                cache.publish(key(2, index), block, 0..BLOCK_SIZE, false);
            }
        }
    }
    assert_eq!(hits(&mut cache, 1, hot), hot);
    // Nor did the scan leave itself behind in the main queue: half of the cache is
    // enough to push all of it out.
    hits(&mut cache, 3, BLOCKS - hot);
    let left = (0..10 * BLOCKS)
        .filter(|&index| cache.peek(key(2, index)).is_some())
        .count();
    assert_eq!(left, 0);
}

#[test]
fn blocks_read_ahead_of_a_scan_are_still_a_scan() {
    let mut cache = cache();
    let hot = BLOCKS / 4;
    hits(&mut cache, 1, hot);
    hits(&mut cache, 1, hot);
    for index in 0..10 * BLOCKS {
        let block = fixture::filled(&mut cache, key(2, index), 0).unwrap();
        cache.publish(key(2, index), block, 0..BLOCK_SIZE, false);
        assert!(read(&mut cache, key(2, index)), "read ahead");
    }
    assert_eq!(hits(&mut cache, 1, hot), hot);
    hits(&mut cache, 3, BLOCKS - hot);
    let left = (0..10 * BLOCKS)
        .filter(|&index| cache.peek(key(2, index)).is_some())
        .count();
    assert_eq!(left, 0);
}

#[test]
fn the_second_read_of_a_file_of_half_the_capacity_is_all_hits() {
    for blocks in [2, 3, 16, 17, BLOCKS] {
        for stale in [0, 1, blocks / 2, blocks] {
            for reads in [1, 2, 3, 6] {
                let mut cache = cache_of(blocks.try_into().expect("fits"));
                (0..reads).for_each(|_| _ = hits(&mut cache, 1, stale));
                let file = blocks / 2;
                hits(&mut cache, 2, file);
                let seen = hits(&mut cache, 2, file);
                assert_eq!(
                    seen, file,
                    "{blocks} blocks, {stale} stale ones read {reads} times"
                );
            }
        }
    }
}

#[test]
fn the_second_read_is_all_hits_after_a_long_history() {
    let mut cache = cache();
    for round in 0..50 {
        // Hot files of changing size, and a scan, before each.
        for file in 0..4 {
            hits(
                &mut cache,
                100 + file,
                1 + (round * 7 + file * 5) % (BLOCKS / 2),
            );
        }
        hits(&mut cache, 1000 + round, BLOCKS / 3);
        let file = 2000 + round;
        hits(&mut cache, file, BLOCKS / 2);
        assert_eq!(
            hits(&mut cache, file, BLOCKS / 2),
            BLOCKS / 2,
            "round {round}"
        );
    }
}

#[test]
fn the_second_read_is_all_hits_with_reads_in_flight() {
    let mut cache = cache();
    (0..4).for_each(|_| _ = hits(&mut cache, 1, BLOCKS));
    let file: Vec<u64> = (0..BLOCKS / 2).collect();
    for batch in file.chunks(8) {
        let blocks: Vec<_> = batch
            .iter()
            .map(|&index| fixture::filled(&mut cache, key(2, index), 0).unwrap())
            .collect();
        for (&index, block) in batch.iter().zip(blocks) {
            cache.publish(key(2, index), block, 0..BLOCK_SIZE, false);
        }
    }
    assert_eq!(hits(&mut cache, 2, BLOCKS / 2), BLOCKS / 2);
}

#[test]
fn a_block_that_comes_back_soon_is_kept_through_a_scan() {
    let mut cache = cache();
    // Too long for probation alone, but its names are still known when it comes back.
    let file = BLOCKS * 5 / 4;
    hits(&mut cache, 1, file);
    hits(&mut cache, 1, file / 4);
    hits(&mut cache, 2, 4 * BLOCKS);
    assert_eq!(hits(&mut cache, 1, file / 4), file / 4);
}

#[test]
fn a_new_version_keeps_the_standing_of_the_old() {
    let mut cache = cache();
    hits(&mut cache, 1, 2);
    hits(&mut cache, 1, 2);
    for index in 0..2 {
        let block = fixture::filled(&mut cache, key(1, index), 0).unwrap();
        cache.publish(key(1, index), block, 0..BLOCK_SIZE, false);
    }
    hits(&mut cache, 2, 4 * BLOCKS);
    assert_eq!(hits(&mut cache, 1, 2), 2);
}
