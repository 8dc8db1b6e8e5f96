//! The cache against a plain map, under any sequence of operations.
//!
//! The map never forgets, so a hit must show what the map has; a miss of what the map
//! has is right only if something was evicted. Every handle that the model holds must
//! go on showing the bytes it was made with, a block that is held must not be handed
//! out, and every block must be somewhere.

mod fixture;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use cache::{BlockKey, BlockRef, BlockSlice, Cache, FileId, WireRef};
use fixture::{BLOCK_SIZE, byte_of, cache_of, key};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Publish {
        key: BlockKey,
        valid: Range<usize>,
        end_of_file: bool,
        keep: bool,
    },
    Lookup {
        key: BlockKey,
        range: Range<usize>,
        keep: bool,
    },
    Peek {
        key: BlockKey,
        keep: bool,
    },
    Remove {
        key: BlockKey,
    },
    RemoveRange {
        file: FileId,
        bytes: Range<u64>,
    },
    RemoveFile {
        file: FileId,
    },
    Share {
        pin: usize,
    },
    Unpin {
        pin: usize,
    },
    Lend {
        pin: usize,
    },
    Release {
        wire: usize,
    },
    Thaw {
        block: usize,
    },
    Republish {
        block: usize,
        key: BlockKey,
    },
}

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

/// What the map has under a key.
#[derive(Debug, Clone, PartialEq)]
struct Version {
    bytes: Vec<u8>,
    valid: Range<usize>,
    end_of_file: bool,
}

struct Model {
    cache: Cache,
    map: HashMap<BlockKey, Version>,
    blocks: Vec<(BlockRef, Vec<u8>)>,
    slices: Vec<(BlockSlice, Vec<u8>)>,
    /// With the address of the block that is lent.
    wires: Vec<(WireRef, usize)>,
    versions: u64,
}

fn pick<T>(items: &[T], number: usize) -> Option<usize> {
    (!items.is_empty()).then(|| number % items.len())
}

fn block_at(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr() / BLOCK_SIZE * BLOCK_SIZE
}

impl Model {
    fn pinned(&self) -> HashSet<usize> {
        let blocks = self
            .blocks
            .iter()
            .map(|(block, _)| block_at(block.as_slice()));
        // An empty slice may point right behind its block, so only others count here;
        // no empty ones are kept.
        let slices = self
            .slices
            .iter()
            .map(|(slice, _)| block_at(slice.as_slice()));
        blocks.chain(slices).collect()
    }

    fn referenced(&self) -> HashSet<usize> {
        let mut referenced = self.pinned();
        referenced.extend(self.wires.iter().map(|(_, block)| block));
        referenced
    }

    fn allocate(&mut self) -> Option<cache::BlockMut> {
        let referenced = self.referenced();
        let block = self.cache.allocate();
        match &block {
            Some(block) => assert!(!referenced.contains(&block_at(block.as_slice()))),
            None => assert_eq!(referenced.len(), self.cache.block_count(), "there was one"),
        }
        block
    }

    fn publish(&mut self, key: BlockKey, valid: Range<usize>, end_of_file: bool, keep: bool) {
        let Some(mut block) = self.allocate() else {
            return;
        };
        self.versions += 1;
        for (offset, byte) in block.as_mut_slice().iter_mut().enumerate() {
            *byte = byte_of(key, self.versions, offset);
        }
        let block = block.freeze();
        let bytes = block.as_slice().to_vec();
        if keep {
            self.blocks.push((block.share(), bytes.clone()));
        }
        self.cache.publish(key, block, valid.clone(), end_of_file);
        if valid.is_empty() && !end_of_file {
            self.map.remove(&key);
        } else {
            self.map.insert(
                key,
                Version {
                    bytes,
                    valid,
                    end_of_file,
                },
            );
        }
    }

    fn lookup(&mut self, key: BlockKey, range: Range<usize>, keep: bool) {
        let expected = self.map.get(&key).filter(|version| {
            version.valid.contains(&range.start)
                || (version.end_of_file && version.valid.end == range.start)
        });
        let Some(hit) = self.cache.lookup(key, range.clone()) else {
            assert!(
                expected.is_none() || self.cache.stats().evictions > 0,
                "lost {key:?}"
            );
            return;
        };
        let version = expected.expect("a hit of what is there");
        assert_eq!(
            (&hit.valid, hit.end_of_file),
            (&version.valid, version.end_of_file)
        );
        let shown = &version.bytes[range.start..range.end.min(version.valid.end)];
        assert_eq!(hit.slice.as_slice(), shown);
        if keep && !shown.is_empty() {
            self.slices.push((hit.slice, shown.to_vec()));
        }
    }

    fn peek(&mut self, key: BlockKey, keep: bool) {
        let expected = self.map.get(&key);
        let Some((block, valid, end_of_file)) = self.cache.peek(key) else {
            assert!(
                expected.is_none() || self.cache.stats().evictions > 0,
                "lost {key:?}"
            );
            return;
        };
        let bytes = block.as_slice().to_vec();
        assert_eq!(
            expected,
            Some(&Version {
                bytes: bytes.clone(),
                valid,
                end_of_file
            })
        );
        if keep {
            self.blocks.push((block, bytes));
        }
    }

    fn thaw(&mut self, number: usize) {
        let Some(number) = pick(&self.blocks, number) else {
            return;
        };
        let (block, bytes) = self.blocks.swap_remove(number);
        let at = block_at(block.as_slice());
        let alone = !self.referenced().contains(&at);
        let linked = self.map.keys().any(|&key| {
            self.cache
                .peek(key)
                .is_some_and(|(it, ..)| block_at(it.as_slice()) == at)
        });
        match block.try_into_mut() {
            Ok(mut block) => {
                assert!(alone && !linked, "written under somebody's eyes");
                block.as_mut_slice().fill(0);
                self.blocks.push((block.freeze(), vec![0; BLOCK_SIZE]));
            }
            Err(block) => {
                assert!(!alone || linked, "nobody else has it");
                self.blocks.push((block, bytes));
            }
        }
    }

    /// Gives a block that may be in the index a new name.
    fn republish(&mut self, number: usize, key: BlockKey) {
        let Some(number) = pick(&self.blocks, number) else {
            return;
        };
        let (block, bytes) = &self.blocks[number];
        let at = block_at(block.as_slice());
        let old = self.map.keys().copied().find(|&old| {
            self.cache
                .peek(old)
                .is_some_and(|(it, ..)| block_at(it.as_slice()) == at)
        });
        if let Some(old) = old {
            self.map.remove(&old);
        }
        let version = Version {
            bytes: bytes.clone(),
            valid: 0..BLOCK_SIZE,
            end_of_file: false,
        };
        self.cache.publish(key, block.share(), 0..BLOCK_SIZE, false);
        self.map.insert(key, version);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish {
                key,
                valid,
                end_of_file,
                keep,
            } => {
                self.publish(key, valid, end_of_file, keep);
            }
            Step::Lookup { key, range, keep } => self.lookup(key, range, keep),
            Step::Peek { key, keep } => self.peek(key, keep),
            Step::Remove { key } => {
                self.cache.remove(key);
                self.map.remove(&key);
            }
            Step::RemoveRange { file, bytes } => {
                let size = BLOCK_SIZE as u64;
                self.map.retain(|key, _| {
                    let start = key.index * size;
                    let apart = bytes.end <= start || start + size <= bytes.start;
                    key.file != file || bytes.is_empty() || apart
                });
                self.cache.remove_range(file, bytes);
            }
            Step::RemoveFile { file } => {
                self.cache.remove_file(file);
                self.map.retain(|key, _| key.file != file);
            }
            Step::Share { pin } => {
                if let Some(number) = pick(&self.slices, pin) {
                    let (slice, bytes) = &self.slices[number];
                    let half = bytes.len() / 2;
                    let pair = (slice.slice(half..bytes.len()), bytes[half..].to_vec());
                    self.slices.push(pair);
                }
            }
            Step::Unpin { pin } => {
                if let Some(number) = pick(&self.slices, pin) {
                    self.slices.swap_remove(number);
                }
                if let Some(number) = pick(&self.blocks, pin) {
                    self.blocks.swap_remove(number);
                }
            }
            Step::Lend { pin } => {
                if let Some(number) = pick(&self.slices, pin) {
                    let slice = &self.slices[number].0;
                    let wire = slice.lend(0..slice.len());
                    self.wires.push((wire, block_at(slice.as_slice())));
                }
            }
            Step::Release { wire } => {
                if let Some(number) = pick(&self.wires, wire) {
                    self.wires.swap_remove(number);
                }
            }
            Step::Thaw { block } => self.thaw(block),
            Step::Republish { block, key } => self.republish(block, key),
        }
    }

    fn check(&self) {
        for (block, bytes) in &self.blocks {
            assert_eq!(block.as_slice(), bytes);
        }
        for (slice, bytes) in &self.slices {
            assert_eq!(slice.as_slice(), bytes);
        }
        let stats = self.cache.stats();
        let places = [
            stats.blocks_free,
            stats.blocks_private,
            stats.blocks_cached,
            stats.blocks_limbo,
        ];
        assert_eq!(
            places.iter().sum::<usize>(),
            self.cache.block_count(),
            "{stats:?}"
        );
        assert_eq!(stats.pinned_blocks, self.pinned().len());
        assert_eq!(stats.pinned_bytes, self.pinned().len() * BLOCK_SIZE);
        assert_eq!(stats.wire_references, self.wires.len() as u64);
        assert!(stats.blocks_cached <= self.map.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    // Up to 16 blocks, where `allocate` promises to overlook none.
    #[test]
    fn the_cache_shows_what_the_map_has(
        blocks in 1..=16_usize,
        steps in prop::collection::vec(steps(), 0..150),
    ) {
        let mut model = Model {
            cache: cache_of(blocks),
            map: HashMap::new(),
            blocks: Vec::new(),
            slices: Vec::new(),
            wires: Vec::new(),
            versions: 0,
        };
        for step in steps {
            model.step(step);
            model.check();
        }
        // Whatever happened, all blocks are back when all handles are.
        model.blocks.clear();
        model.slices.clear();
        model.wires.clear();
        let all: Vec<_> = std::iter::from_fn(|| model.cache.allocate()).collect();
        prop_assert_eq!(all.len(), blocks);
    }
}
