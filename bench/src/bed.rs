//! EAL, pools and cache memory for benches.

use cache::{Arena, ArenaError, BlockRef, Cache, CacheConfig};
use dpdk::eal::{LogLevel, Pages};
use dpdk::{
    Eal, EalConfig, EalError, ExternalPool, ExternalPoolConfig, FrameBuilder, MemoryError, Mempool,
    MempoolConfig, PoolError,
};

/// Bytes of a cache block.
const BLOCK_BYTES: usize = 64 << 10;

/// Bytes of cache memory: several times the last-level cache of any machine at hand.
const CACHE_BYTES: usize = 256 << 20;

/// MiB that the EAL gets: the cache and the pools.
const EAL_MIB: u32 = 352;

/// Why there is nothing to measure on.
#[derive(Debug)]
pub enum BedError {
    /// The EAL did not start.
    Eal(EalError),
    /// A pool was not made.
    Pool(PoolError),
    /// The memory was not reserved.
    Memory(MemoryError),
    /// The memory does not do as an arena.
    Arena(ArenaError),
}

/// Everything that outlives one measurement.
#[derive(Debug)]
pub struct Bed {
    /// Builds the frames.
    pub builder: FrameBuilder,
    /// Every block of the cache, filled and pinned.
    pub blocks: Vec<BlockRef>,
    /// Owns the memory behind the blocks, and so comes after them.
    _cache: Cache,
    _eal: Eal,
}

impl Bed {
    /// Starts the EAL, once in a process, and fills all of the cache.
    ///
    /// # Errors
    ///
    /// See [`BedError`].
    pub fn new() -> Result<Self, BedError> {
        let eal = Eal::start(&EalConfig {
            program: "bench".to_owned(),
            pages: pages(),
            memory_mib: Some(EAL_MIB),
            log_level: LogLevel::Error,
            ..EalConfig::default()
        })
        .map_err(BedError::Eal)?;
        let direct = Mempool::create(&eal, "direct", MempoolConfig::default());
        let external = ExternalPool::create(&eal, "external", ExternalPoolConfig::default());
        let builder = FrameBuilder::new(
            direct.map_err(BedError::Pool)?,
            external.map_err(BedError::Pool)?,
        );
        let memory = eal
            .reserve("cache", CACHE_BYTES)
            .map_err(BedError::Memory)?;
        let iova_of = |address| eal.virt2iova(address).unwrap_or(u64::MAX);
        let arena = Arena::new(Box::new(memory), BLOCK_BYTES, &iova_of).map_err(BedError::Arena)?;
        let mut cache = Cache::new(arena, CacheConfig { hash_seed: [0; 16] });
        let blocks = std::iter::from_fn(|| cache.allocate())
            .map(|mut block| {
                block.as_mut_slice().fill(0x5a);
                block.freeze()
            })
            .collect();
        Ok(Self {
            builder,
            blocks,
            _cache: cache,
            _eal: eal,
        })
    }
}

/// Hugepages where there are enough, as in production; else ordinary ones, said aloud.
fn pages() -> Pages {
    let free_mib = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            Some(field(&text, "HugePages_Free:")? * field(&text, "Hugepagesize:")? / 1024)
        });
    if free_mib.is_some_and(|mib| mib >= u64::from(EAL_MIB)) {
        return Pages::Huge {
            in_memory: true,
            single_file_segments: true,
        };
    }
    eprintln!(
        "fewer than {EAL_MIB} MiB of free hugepages (see deploy/setup): using ordinary pages"
    );
    Pages::Ordinary
}

fn field(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
