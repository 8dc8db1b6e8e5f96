//! The NICs: all of the appliance that knows DPDK.
//!
//! Everything above sees frames as [`RxSegment`]s coming in and [`TxFrame`]s going
//! out. What a NIC lacks is found here at start: without chains of segments nothing
//! can be attached and the port is refused; checksums and segmentation it lacks are
//! done by the stack in software.

use std::collections::VecDeque;
use std::ops::Range;
use std::ptr::NonNull;

use cache::{Arena, Cache, HugepageMemory};
use dpdk::eal::{Iova, LogLevel, Pages, Vdev};
use dpdk::{
    Eal, EalConfig, EalThread, ExternalPool, ExternalPoolConfig, FrameBuilder, FrameError, Mbuf,
    MbufBatch, Mempool, MempoolConfig, Part, Port, PortConfig, RxChecksum, RxQueue, TxOffload,
    TxQueue,
};
use engine::TxBytes;
use gateway::Payload;
use net::{FrameSink, Offload, RxChecksums, Tso, TxFrame};

use crate::config::Config;
use crate::config::cache::ArenaKind;
use crate::config::device::DeviceKind;
use crate::config::eal::{EalLogLevel, IovaMode};
use crate::config::engine::TxMode;
use crate::config::port::Port as PortSettings;
use crate::limits;

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
        let arena = self.arena(config, &nics)?;
        Ok((nics, arena))
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
        Ok(Nic {
            name: settings.name.clone(),
            port,
            rx,
            received: MbufBatch::with_capacity(limits::RX_BURST),
            transmitter: Transmitter::new(tx, builder, mode),
            counts: NicCounts::default(),
        })
    }

    fn arena(&self, config: &Config, nics: &[Nic]) -> Result<Arena, NicError> {
        let size = config.cache().size;
        // Memory the EAL does not know has no address; the arena refuses it then.
        let iova_of = |address: NonNull<u8>| self.eal.virt2iova(address).unwrap_or(u64::MAX);
        let arena = match config.cache().arena {
            ArenaKind::Eal => {
                let memory = self.eal.reserve("cache", size.bytes())?;
                Arena::new(Box::new(memory), size.block_bytes(), &iova_of)?
            }
            ArenaKind::Hugepages => {
                let memory = HugepageMemory::allocate(size.bytes())?;
                let mut memory = dpdk::RegisteredMemory::register(&self.eal, memory)?;
                for (nic, settings) in nics.iter().zip(config.ports()) {
                    if settings.device.kind() == DeviceKind::Pci {
                        memory.map_for(&nic.port)?;
                    }
                }
                Arena::new(Box::new(memory), size.block_bytes(), &iova_of)?
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

/// One received segment, owned.
#[derive(Debug)]
pub struct RxSegment(Mbuf);

impl net::RxBuffer for RxSegment {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// What a NIC has carried.
#[derive(Clone, Copy, Debug, Default)]
pub struct NicCounts {
    /// Frames received.
    pub rx_frames: u64,
    /// Bytes in them.
    pub rx_bytes: u64,
}

/// One port with its queues.
pub struct Nic {
    name: String,
    port: Port,
    rx: RxQueue,
    received: MbufBatch,
    transmitter: Transmitter,
    counts: NicCounts,
}

impl Nic {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its Ethernet address.
    pub fn mac(&self) -> [u8; 6] {
        self.port.mac()
    }

    /// What it does for the stack; the rest the stack does in software.
    pub fn offload(&self) -> Offload {
        let granted = self.port.granted();
        Offload {
            ip_checksum: granted.tx.ip_checksum,
            tcp_checksum: granted.tx.tcp_checksum,
            tso: granted.tso.map(|tso| Tso {
                max_payload: usize::from(tso.max_payload),
                max_pieces: self.max_pieces(),
                max_segment: tso.max_segment,
            }),
        }
    }

    /// Most payload pieces of one frame: a segment each, besides the header's.
    pub fn max_pieces(&self) -> usize {
        let segments = usize::from(self.port.granted().max_segments);
        segments
            .saturating_sub(1)
            .clamp(1, net::limits::MAX_FRAME_PIECES)
    }

    /// One line for the log.
    pub fn description(&self) -> String {
        let granted = self.port.granted();
        let yes = |on: bool| if on { "NIC" } else { "software" };
        format!(
            "{}: driver {}, rings {}/{}, IPv4 checksums {}, TCP checksums {}, segmentation {}",
            self.name,
            self.port.driver(),
            granted.rx_descriptors,
            granted.tx_descriptors,
            yes(granted.tx.ip_checksum),
            yes(granted.tx.tcp_checksum),
            yes(granted.tso.is_some()),
        )
    }

    /// Gives one burst of received frames to `take`; returns how many.
    pub fn receive(
        &mut self,
        mut take: impl FnMut(RxSegment, &mut dyn Iterator<Item = RxSegment>, RxChecksums),
    ) -> usize {
        let count = self.rx.receive(&mut self.received);
        while let Some(frame) = self.received.pop() {
            self.counts.rx_frames += 1;
            self.counts.rx_bytes += frame.packet_len() as u64;
            let good = |sum| matches!(sum, RxChecksum::Good | RxChecksum::None);
            let checksums = RxChecksums {
                ip_good: frame.ip_checksum() == RxChecksum::Good,
                l4_good: good(frame.l4_checksum()),
            };
            let mut segments = frame.into_segments().map(RxSegment);
            if let Some(head) = segments.next() {
                take(head, &mut segments, checksums);
            }
        }
        count
    }

    /// Ends the port. Closing it frees what its rings still hold, so `wire_is_clear`
    /// says that they hold nothing of the cache.
    ///
    /// A virtio-user port whose rings are clear is left to the end of the process: once
    /// its backend has come back, closing it makes DPDK 22.11's interrupt thread panic.
    pub fn close(self, wire_is_clear: bool) {
        if wire_is_clear && self.port.driver() == "net_virtio_user" {
            std::mem::forget(self);
        }
    }

    /// Where frames go; nothing is sent before [`Nic::flush`] or a full batch.
    pub fn transmitter(&mut self) -> &mut Transmitter {
        &mut self.transmitter
    }

    /// What was sent.
    pub fn tx_counts(&self) -> TxCounts {
        self.transmitter.counts
    }

    /// What was received.
    pub fn counts(&self) -> NicCounts {
        self.counts
    }

    /// Frames the device dropped on receive because a ring was full or no mbuf free.
    pub fn rx_dropped(&self) -> u64 {
        self.port
            .stats()
            .map_or(0, |stats| stats.rx_missed + stats.rx_no_mbuf)
    }

    /// Counts external segments within `arena` as file data from now on: not before
    /// the first frame, whose bytes are no file's.
    pub fn count_payload(&mut self, arena: Range<usize>) {
        self.transmitter.arena = arena;
    }

    /// Looks after the link; a virtio-user port takes a returning backend up only here.
    pub fn poll_link(&self) -> bool {
        self.port.link().is_ok_and(|link| link.up)
    }

    /// Sends one frame that carries bytes of a cache block, and tells whether the
    /// device let go of it: a backend that cannot see the memory never does.
    ///
    /// # Errors
    /// When the frame cannot be built.
    pub fn send_canary(&mut self, cache: &mut Cache) -> Result<Canary, NicError> {
        let mut block = cache.allocate().ok_or(NicError::NoBlock)?;
        let len = limits::CANARY_BYTES.min(block.as_slice().len());
        if let Some(bytes) = block.as_mut_slice().get_mut(..len) {
            bytes.fill(0);
        }
        let slice = block.freeze().slice(0..len);
        let mut header = [0xff; 14];
        header[6..12].copy_from_slice(&self.mac());
        header[12..].copy_from_slice(&limits::CANARY_ETHER_TYPE.to_be_bytes());
        let transmitter = &mut self.transmitter;
        let frame = match transmitter.mode {
            TxMode::Attach => {
                let loan = Part::Lend(slice.lend(0..len));
                transmitter.builder.build(&header, [loan])?
            }
            TxMode::Copy => {
                let bytes: Part<'_, cache::WireRef> = Part::Copy(slice.as_slice());
                transmitter.builder.build(&header, [bytes])?
            }
        };
        let pool_level = transmitter.builder.direct().available() + 1;
        transmitter.push(frame, 0);
        transmitter.flush();
        Ok(Canary { pool_level })
    }

    /// Whether the canary frame has left.
    pub fn is_canary_gone(&mut self, canary: &Canary) -> bool {
        self.poll_link();
        self.transmitter.flush();
        self.transmitter.reclaim();
        self.transmitter.is_empty()
            && self.transmitter.builder.direct().available() >= canary.pool_level
    }
}

/// A first frame on its way.
#[derive(Debug)]
pub struct Canary {
    /// Free header mbufs once the frame has been freed.
    pool_level: u32,
}

/// What went out, taken from the mbufs that the driver accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxCounts {
    /// Frames.
    pub frames: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes in external segments whose address lies in the arena.
    pub attached_bytes: u64,
    /// File data copied into mbufs.
    pub copied_bytes: u64,
    /// Times the ring did not take the whole batch.
    pub ring_full: u64,
    /// Frames dropped because a pool was empty or the device could never send them; TCP
    /// sends their bytes again.
    pub dropped: u64,
}

/// Builds mbuf chains from frames and hands them to the transmit queue.
pub struct Transmitter {
    queue: TxQueue,
    batch: MbufBatch,
    /// What each frame of `batch` will count for.
    pending: VecDeque<FrameCounts>,
    builder: FrameBuilder,
    mode: TxMode,
    arena: Range<usize>,
    counts: TxCounts,
}

#[derive(Clone, Copy, Debug)]
struct FrameCounts {
    bytes: u64,
    attached_bytes: u64,
    copied_bytes: u64,
}

impl Transmitter {
    fn new(queue: TxQueue, builder: FrameBuilder, mode: TxMode) -> Self {
        Self {
            queue,
            batch: MbufBatch::with_capacity(limits::TX_BURST),
            pending: VecDeque::with_capacity(usize::from(limits::TX_BURST)),
            builder,
            mode,
            arena: 0..0,
            counts: TxCounts::default(),
        }
    }

    /// Hands what was emitted to the NIC; what it does not take stays for the next time.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let dropped = self.queue.prepare(&mut self.batch);
        if dropped > 0 {
            // Which ones is not told; none of them went out, so counting the last is as
            // good as any.
            self.pending.truncate(self.batch.len());
            self.counts.dropped += dropped as u64;
        }
        let sent = self.queue.transmit(&mut self.batch);
        self.counts.ring_full += u64::from(!self.batch.is_empty());
        for frame in self.pending.drain(..sent.min(self.pending.len())) {
            self.counts.frames += 1;
            self.counts.bytes += frame.bytes;
            self.counts.attached_bytes += frame.attached_bytes;
            self.counts.copied_bytes += frame.copied_bytes;
        }
    }

    /// Takes back what the NIC has finished with.
    pub fn reclaim(&mut self) {
        self.queue.flush_completions();
    }

    /// What went out.
    pub fn counts(&self) -> TxCounts {
        self.counts
    }

    /// The frames that wait for the NIC.
    pub fn waiting(&self) -> &[Mbuf] {
        self.batch.as_slice()
    }

    fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    fn push(&mut self, frame: Mbuf, copied_bytes: u64) {
        let attached = |address| self.arena.contains(&address);
        let attached_bytes = frame
            .segments()
            .filter(|segment| segment.is_external() && attached(segment.data_address()))
            .map(|segment| segment.len() as u64)
            .sum();
        let counts = FrameCounts {
            bytes: frame.packet_len() as u64,
            attached_bytes,
            copied_bytes,
        };
        match self.batch.push(frame) {
            Ok(()) => self.pending.push_back(counts),
            Err(_) => self.counts.dropped += 1,
        }
    }
}

impl FrameSink<TxBytes> for Transmitter {
    fn has_room(&self) -> bool {
        self.batch.room() > 0
    }

    fn emit(&mut self, frame: TxFrame<'_, TxBytes>) {
        let mut copied_bytes = 0;
        let parts = frame.payload.iter().map(|piece| match &piece.buffer.0 {
            Payload::Block(slice) if self.mode == TxMode::Attach => {
                Part::Lend(slice.lend(piece.range.clone()))
            }
            payload => {
                if matches!(payload, Payload::Block(_)) {
                    copied_bytes += piece.range.len() as u64;
                }
                Part::Copy(payload.bytes().get(piece.range.clone()).unwrap_or_default())
            }
        });
        let built = self.builder.build(frame.header, parts);
        let offload = frame.offload;
        let wanted = offload.ip_checksum || offload.tcp_checksum || offload.tso_segment.is_some();
        let ready = built.and_then(|mut mbuf| {
            if wanted {
                let narrow = |len: u16| u8::try_from(len).unwrap_or(0);
                let offload = TxOffload {
                    l2_len: narrow(frame.l2_len),
                    l3_len: frame.l3_len,
                    l4_len: narrow(frame.l4_len),
                    ip_checksum: offload.ip_checksum,
                    tcp_checksum: offload.tcp_checksum,
                    tso_segment: offload.tso_segment,
                };
                mbuf.set_tx_offload(&offload)
                    .map_err(|_| FrameError::Empty)?;
            }
            Ok(mbuf)
        });
        match ready {
            Ok(mbuf) => self.push(mbuf, copied_bytes),
            Err(_) => self.counts.dropped += 1,
        }
        if !self.has_room() {
            self.flush();
        }
    }
}
