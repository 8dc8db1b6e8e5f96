//! The NICs: all of the appliance that knows DPDK. Only this file names it; its two
//! halves are [`port`] and [`transmitter`].
//!
//! Everything above sees frames as [`RxSegment`]s coming in and `net::TxFrame`s going
//! out. What a NIC lacks is found here at start: without chains of segments nothing
//! can be attached and the port is refused; checksums and segmentation it lacks are
//! done by the stack in software.

mod port;
mod transmitter;

pub use port::{Canary, Nic, NicCounts, RxSegment};
pub use transmitter::{Transmitter, TxCounts};

use std::ptr::NonNull;

use cache::{Arena, HugepageMemory};
use dpdk::eal::{Iova, LogLevel, Pages, Vdev};
use dpdk::{
    Eal, EalConfig, EalThread, ExternalPool, ExternalPoolConfig, FrameBuilder, FrameError, Mbuf,
    MbufBatch, Mempool, MempoolConfig, Part, Port, PortConfig, RxChecksum, RxQueue, TxOffload,
    TxQueue, tsc,
};

use crate::config::Config;
use crate::config::cache::ArenaKind;
use crate::config::device::DeviceKind;
use crate::config::eal::{EalLogLevel, IovaMode};
use crate::config::engine::TxMode;
use crate::config::port::Port as PortSettings;
use crate::limits;

/// Ticks of the time-stamp counter since some moment in the past.
pub fn ticks() -> u64 {
    tsc::now()
}

/// Ticks in a second, once the EAL has started.
pub fn ticks_per_second() -> u64 {
    tsc::hz()
}

/// Why the NICs did not come up.
#[derive(Debug, thiserror::Error)]
pub enum NicError {
    /// The EAL did not start.
    #[error(transparent)]
    Eal(#[from] dpdk::EalError),
    /// The engine's thread cannot use the EAL.
    #[error(transparent)]
    Thread(#[from] dpdk::ThreadError),
    /// Memory could not be had or registered.
    #[error("cache memory: {0}")]
    Memory(#[from] dpdk::MemoryError),
    /// The arena could not be made.
    #[error("cache arena: {0}")]
    Arena(#[from] cache::ArenaError),
    /// A packet pool could not be made.
    #[error("packet pools: {0}")]
    Pool(#[from] dpdk::PoolError),
    /// A port did not open.
    #[error("[[port]] \"{name}\": {source}")]
    Port {
        /// Its name in the configuration.
        name: String,
        /// What went wrong.
        source: dpdk::PortError,
    },
    /// The NIC cannot send what is attached.
    #[error(
        "[[port]] \"{name}\": the driver {driver} cannot send frames of several segments, so no cache block can be \
         attached to one; set [engine] tx = \"copy\" or use a NIC that can"
    )]
    NoChains {
        /// Its name in the configuration.
        name: String,
        /// Its driver.
        driver: String,
    },
    /// A frame was accepted by the driver and never sent.
    #[error(
        "[[port]] \"{name}\": the NIC did not send the first frame within {seconds} s. With a virtio-user port: is the \
         backend running and forwarding, and did it map the memory (its log says \"Too many memory regions\" \
         when not)? With another NIC: is its link up?"
    )]
    Dead {
        /// Its name in the configuration.
        name: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no free block for the canary frame.
    #[error("the cache has no block for the first frame")]
    NoBlock,
    /// The canary frame could not be built.
    #[error("the first frame could not be built: {0}")]
    Frame(#[from] FrameError),
}

/// The running EAL with everything the engine's ports share.
pub struct Nics {
    eal: Eal,
    rx_pool: Mempool,
    direct: Mempool,
    external: ExternalPool,
}

impl Nics {
    /// Starts the EAL with the configured devices and makes the packet pools. With a
    /// virtio-user port in server mode this waits until its backend connects.
    ///
    /// # Errors
    /// See [`NicError`].
    pub fn start(config: &Config) -> Result<Self, NicError> {
        let eal = Eal::start(&eal_config(config))?;
        let ports = config.ports();
        let sum = |per_port: fn(&PortSettings) -> u16, spare: usize| {
            let held: usize = ports
                .iter()
                .map(|port| usize::from(per_port(port)) + spare)
                .sum();
            u32::try_from(held).unwrap_or(u32::MAX)
        };
        let rx_count = sum(
            |port| port.rx_descriptors,
            net::limits::DEFAULT_RECEIVE_BUFFERS,
        );
        let tx_count = sum(|port| port.tx_descriptors, limits::SPARE_TX_MBUFS);
        let pool = |name: &str, count| {
            Mempool::create(
                &eal,
                name,
                MempoolConfig {
                    count,
                    ..MempoolConfig::default()
                },
            )
        };
        let (rx_pool, direct) = (pool("rx", rx_count)?, pool("tx", tx_count)?);
        let external = ExternalPoolConfig {
            count: tx_count,
            ..ExternalPoolConfig::default()
        };
        let external = ExternalPool::create(&eal, "external", external)?;
        Ok(Self {
            eal,
            rx_pool,
            direct,
            external,
        })
    }

    /// Makes the calling thread one that may use ports and pools.
    ///
    /// # Errors
    /// When the EAL has no room for it.
    pub fn register_thread(&self) -> Result<EalThread, NicError> {
        Ok(self.eal.register_thread()?)
    }

    /// Opens every port and makes the arena that all of them can send from.
    ///
    /// # Errors
    /// See [`NicError`]; nothing stays open.
    pub fn open(&self, config: &Config) -> Result<(Vec<Nic>, Arena), NicError> {
        let mut nics = Vec::new();
        for settings in config.ports() {
            nics.push(self.open_port(settings, config.engine().tx)?);
        }
        let size = config.cache().size;
        let arena = self.arena(config, &nics, "cache", size.bytes(), size.block_bytes())?;
        Ok((nics, arena))
    }

    /// Makes the memory that TLS records are sealed into and sent from, of the same kind as the cache.
    ///
    /// # Errors
    /// See [`NicError`].
    pub fn record_memory(&self, config: &Config, nics: &[Nic]) -> Result<Arena, NicError> {
        let bytes = (config.tls().record_memory_mib as usize) << 20;
        self.arena(config, nics, "records", bytes, engine::limits::SLOT_SIZE)
    }

    /// Mbufs that are out of their pools: in rings, on their way, or held by the stacks.
    pub fn mbufs_in_use(&self) -> u32 {
        let out_of = |pool: &Mempool| pool.size() - pool.available();
        let external = self.external.size() - self.external.available();
        out_of(&self.rx_pool) + out_of(&self.direct) + external
    }

    fn open_port(&self, settings: &PortSettings, mode: TxMode) -> Result<Nic, NicError> {
        let wanted = PortConfig {
            mtu: settings.mtu,
            rx_descriptors: settings.rx_descriptors,
            tx_descriptors: settings.tx_descriptors,
            ..PortConfig::default()
        };
        let pools = [self.rx_pool.share()];
        let (port, rx, tx) = Port::open(&self.eal, settings.device.name(), &wanted, &pools)
            .map_err(|source| NicError::Port {
                name: settings.name.clone(),
                source,
            })?;
        let granted = port.granted();
        let no_chains = || NicError::NoChains {
            name: settings.name.clone(),
            driver: port.driver().to_owned(),
        };
        if mode == TxMode::Attach && !granted.tx.multi_segment {
            return Err(no_chains());
        }
        let (Some(rx), Some(tx)) = (rx.into_iter().next(), tx.into_iter().next()) else {
            return Err(no_chains());
        };
        let builder = FrameBuilder::new(self.direct.share(), self.external.share());
        let transmitter = Transmitter::new(tx, builder, mode);
        Ok(Nic::new(settings.name.clone(), port, rx, transmitter))
    }

    fn arena(
        &self,
        config: &Config,
        nics: &[Nic],
        name: &str,
        bytes: usize,
        block_bytes: usize,
    ) -> Result<Arena, NicError> {
        // Memory the EAL does not know has no address; the arena refuses it then.
        let iova_of = |address: NonNull<u8>| self.eal.virt2iova(address).unwrap_or(u64::MAX);
        let arena = match config.cache().arena {
            ArenaKind::Eal => {
                let memory = self.eal.reserve(name, bytes)?;
                Arena::new(Box::new(memory), block_bytes, &iova_of)?
            }
            ArenaKind::Hugepages => {
                let memory = HugepageMemory::allocate(bytes)?;
                let mut memory = dpdk::RegisteredMemory::register(&self.eal, memory)?;
                for (nic, settings) in nics.iter().zip(config.ports()) {
                    if settings.device.kind() == DeviceKind::Pci {
                        memory.map_for(nic.device())?;
                    }
                }
                Arena::new(Box::new(memory), block_bytes, &iova_of)?
            }
        };
        Ok(arena)
    }
}

fn eal_config(config: &Config) -> EalConfig {
    let eal = config.eal();
    let devices = |kind| {
        config
            .ports()
            .iter()
            .filter(move |port| port.device.kind() == kind)
            .map(|port| port.device.to_string())
    };
    EalConfig {
        cpus: config
            .engine()
            .cores
            .iter()
            .filter_map(|core| u16::try_from(core).ok())
            .collect(),
        memory_mib: Some(eal.memory_mib),
        pages: if eal.hugepages {
            EalConfig::default().pages
        } else {
            Pages::Ordinary
        },
        pci: devices(DeviceKind::Pci).collect(),
        vdevs: devices(DeviceKind::Vdev)
            .map(|text| Vdev::parse(&text))
            .collect(),
        iova: match eal.iova {
            IovaMode::Auto => Iova::Auto,
            IovaMode::Physical => Iova::Physical,
            IovaMode::Virtual => Iova::Virtual,
        },
        file_prefix: eal.file_prefix.clone(),
        log_level: match eal.log_level {
            EalLogLevel::Error => LogLevel::Error,
            EalLogLevel::Warning => LogLevel::Warning,
            EalLogLevel::Notice => LogLevel::Notice,
            EalLogLevel::Info => LogLevel::Info,
            EalLogLevel::Debug => LogLevel::Debug,
        },
        ..EalConfig::default()
    }
}
