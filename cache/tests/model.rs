//! The cache against a plain map, under any sequence of operations.

mod fixture;

use std::ops::Range;

use cache::{BlockKey, FileId};
use fixture::model::{Model, Step};
use fixture::{BLOCK_SIZE, key};
use proptest::prelude::*;

fn keys() -> impl Strategy<Value = BlockKey> {
    (1..4_u64, 0..6_u64).prop_map(|(file, index)| key(file, index))
}

fn files() -> impl Strategy<Value = FileId> {
    (1..4_u64).prop_map(FileId)
}

/// Offsets in a block: its edges more often than not.
fn offsets() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(BLOCK_SIZE - 1),
        Just(BLOCK_SIZE),
        0..=BLOCK_SIZE
    ]
}

fn ranges() -> impl Strategy<Value = Range<usize>> {
    (offsets(), offsets()).prop_map(|(a, b)| a.min(b)..a.max(b))
}

fn steps() -> impl Strategy<Value = Step> {
    let bytes =
        (0..7 * BLOCK_SIZE as u64, 0..7 * BLOCK_SIZE as u64).prop_map(|(a, b)| a.min(b)..a.max(b));
    let any = any::<bool>;
    prop_oneof![
        12 => (keys(), ranges(), any(), any()).prop_map(|(key, valid, end_of_file, keep)| {
            Step::Publish { key, valid, end_of_file, keep }
        }),
        12 => (keys(), ranges(), any())
            .prop_map(|(key, range, keep)| Step::Lookup { key, range, keep }),
        4 => (keys(), any()).prop_map(|(key, keep)| Step::Peek { key, keep }),
        2 => keys().prop_map(|key| Step::Remove { key }),
        2 => (files(), bytes).prop_map(|(file, bytes)| Step::RemoveRange { file, bytes }),
        1 => files().prop_map(|file| Step::RemoveFile { file }),
        3 => (0..64_usize).prop_map(|pin| Step::Share { pin }),
        8 => (0..64_usize).prop_map(|pin| Step::Unpin { pin }),
        4 => (0..64_usize).prop_map(|pin| Step::Lend { pin }),
        5 => (0..64_usize).prop_map(|wire| Step::Release { wire }),
        3 => (0..64_usize).prop_map(|block| Step::Thaw { block }),
        1 => (0..64_usize, keys()).prop_map(|(block, key)| Step::Republish { block, key }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_shows_what_the_map_has(
        blocks in 1..=16_usize,
        steps in prop::collection::vec(steps(), 0..150),
    ) {
        let mut model = Model::new(blocks);
        for step in steps {
            model.step(step);
            model.check();
        }
        model.finish();
    }
}
