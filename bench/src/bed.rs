//! EAL, pools, memory and ports for benches.

use cache::{Arena, ArenaError, BlockRef, Cache, CacheConfig, Slots};
use dpdk::eal::{LogLevel, Pages, Vdev};
use dpdk::{
    Eal, EalConfig, EalError, ExternalPool, ExternalPoolConfig, FrameBuilder, MemoryError, Mempool,
    MempoolConfig, PoolError, Port, PortConfig, PortError, TxQueue,
};
use engine::limits::SLOT_SIZE;

/// Bytes of a cache block.
pub const BLOCK_BYTES: usize = 64 << 10;

/// Bytes of cache memory that no last-level cache holds.
pub const COLD_BYTES: usize = 512 << 20;

/// Bytes of memory that TLS records are sealed into.
const RECORD_BYTES: usize = 32 << 20;

/// MiB that the EAL gets: caches, records, pools.
const EAL_MIB: u32 = 1152;

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
    /// A port did not open.
    Port(PortError),
}

impl std::fmt::Display for BedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Eal(error) => error.fmt(f),
            Self::Pool(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Arena(error) => error.fmt(f),
            Self::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BedError {}

/// A started EAL with its pools.
#[derive(Debug)]
pub struct Bed {
    eal: Eal,
    direct: Mempool,
    external: ExternalPool,
    receive: Mempool,
    pages: Pages,
}

impl Bed {
    /// Starts the EAL, once in a process, and binds the calling thread to `core`.
    ///
    /// # Errors
    ///
    /// See [`BedError`].
    pub fn start(core: u16) -> Result<Self, BedError> {
        let pages = pages();
        let eal = Eal::start(&EalConfig {
            program: "bench".to_owned(),
            cpus: vec![core],
            pages: pages.clone(),
            memory_mib: Some(EAL_MIB),
            log_level: LogLevel::Error,
            ..EalConfig::default()
        })
        .map_err(BedError::Eal)?;
        let mempool = |name| Mempool::create(&eal, name, MempoolConfig::default());
        let direct = mempool("direct").map_err(BedError::Pool)?;
        let receive = mempool("receive").map_err(BedError::Pool)?;
        let external = ExternalPool::create(&eal, "external", ExternalPoolConfig::default());
        Ok(Self {
            direct,
            external: external.map_err(BedError::Pool)?,
            receive,
            pages,
            eal,
        })
    }

    /// The EAL.
    pub fn eal(&self) -> &Eal {
        &self.eal
    }

    /// Whether memory is hugepages, as in production.
    pub fn has_hugepages(&self) -> bool {
        matches!(self.pages, Pages::Huge { .. })
    }

    /// Where received frames lie.
    pub fn receive_pool(&self) -> &Mempool {
        &self.receive
    }

    /// Builds frames.
    pub fn builder(&self) -> FrameBuilder {
        FrameBuilder::new(self.direct.share(), self.external.share())
    }

    /// A cache of so many bytes, of a name of its own.
    ///
    /// # Errors
    ///
    /// See [`BedError`].
    pub fn cache(&self, name: &str, bytes: usize) -> Result<Cache, BedError> {
        let arena = self.arena(name, bytes, BLOCK_BYTES)?;
        Ok(Cache::new(arena, CacheConfig { hash_seed: [0; 16] }))
    }

    /// Memory for TLS records, of a name of its own.
    ///
    /// # Errors
    ///
    /// See [`BedError`].
    pub fn slots(&self, name: &str) -> Result<Slots, BedError> {
        Ok(Slots::new(self.arena(name, RECORD_BYTES, SLOT_SIZE)?))
    }

    /// A port that frees what it is to send, at once. It stays open as long as both parts
    /// of it.
    ///
    /// # Errors
    ///
    /// See [`BedError`].
    pub fn null_port(&self, number: usize) -> Result<(Port, TxQueue), BedError> {
        let device = Vdev::new(format!("net_null{number}")).argument("no-rx", 1);
        self.eal.plug(&device).map_err(BedError::Eal)?;
        let pools = [self.receive.share()];
        let config = PortConfig::default();
        let (port, _, tx) =
            Port::open(&self.eal, device.name(), &config, &pools).map_err(BedError::Port)?;
        let tx = tx.into_iter().next().expect("one queue was asked for");
        Ok((port, tx))
    }

    fn arena(&self, name: &str, bytes: usize, block_bytes: usize) -> Result<Arena, BedError> {
        let memory = self.eal.reserve(name, bytes).map_err(BedError::Memory)?;
        let iova_of = |address| self.eal.virt2iova(address).unwrap_or(u64::MAX);
        Arena::new(Box::new(memory), block_bytes, &iova_of).map_err(BedError::Arena)
    }
}

/// Every block of a cache, filled and pinned.
pub fn fill(cache: &mut Cache) -> Vec<BlockRef> {
    std::iter::from_fn(|| cache.allocate())
        .map(|mut block| {
            block.as_mut_slice().fill(0x5a);
            block.freeze()
        })
        .collect()
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
