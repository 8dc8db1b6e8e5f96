//! The back end of a virtio ring: what Wirepage's NIC is connected to.

use std::path::Path;

use dpdk::eal::{LogLevel, Vdev};
use dpdk::{
    Eal, EalConfig, ExternalPool, ExternalPoolConfig, FrameBuilder, MbufBatch, Mempool,
    MempoolConfig, Part, Port, PortConfig, RxQueue, TxQueue,
};

use super::RingsError;

/// Frames taken or given at once.
const BURST: u16 = 64;

/// Descriptors of each ring.
const DESCRIPTORS: u16 = 1024;

/// Receive and transmit buffers, for both ports.
const MBUFS: u32 = 16_383;

/// MiB of the EAL.
const EAL_MIB: u32 = 256;

/// The EAL of this process, and its pools.
pub struct Backend {
    eal: Eal,
    receive: Mempool,
    direct: Mempool,
    external: ExternalPool,
}

impl Backend {
    /// In ordinary pages: only the front end's memory is shared.
    pub fn start(core: u16) -> Result<Self, RingsError> {
        let eal = Eal::start(&EalConfig {
            program: "bench-rings".to_owned(),
            cpus: vec![core],
            pages: dpdk::eal::Pages::Ordinary,
            memory_mib: Some(EAL_MIB),
            log_level: LogLevel::Error,
            ..EalConfig::default()
        })?;
        let pool = |name| {
            let config = MempoolConfig {
                count: MBUFS,
                ..MempoolConfig::default()
            };
            Mempool::create(&eal, name, config)
        };
        let external = ExternalPool::create(&eal, "external", ExternalPoolConfig::default())?;
        Ok(Self {
            receive: pool("receive")?,
            direct: pool("direct")?,
            external,
            eal,
        })
    }

    /// A port whose front end makes `socket`, sooner or later, and may send frames for the NIC to cut if `tso`.
    pub fn open(&self, number: usize, socket: &Path, tso: bool) -> Result<RingPort, RingsError> {
        let device = Vdev::new(format!("net_vhost{number}"))
            .argument("iface", socket.display())
            .argument("client", 1)
            // As NICs do it: a frame of up to 64 KiB, which is cut behind the ring, here not at all.
            .argument("tso", u8::from(tso));
        self.eal.plug(&device)?;
        let config = PortConfig {
            rx_descriptors: DESCRIPTORS,
            tx_descriptors: DESCRIPTORS,
            ..PortConfig::default()
        };
        let pools = [self.receive.share()];
        let (port, mut rx, mut tx) = Port::open(&self.eal, device.name(), &config, &pools)?;
        Ok(RingPort {
            port,
            rx: rx.remove(0),
            tx: tx.remove(0),
            received: MbufBatch::with_capacity(BURST),
            batch: MbufBatch::with_capacity(BURST),
            builder: FrameBuilder::new(self.direct.share(), self.external.share()),
        })
    }
}

/// One end of a link to Wirepage.
pub struct RingPort {
    port: Port,
    rx: RxQueue,
    tx: TxQueue,
    received: MbufBatch,
    batch: MbufBatch,
    builder: FrameBuilder,
}

impl RingPort {
    /// Whether the front end is there.
    pub fn is_up(&self) -> bool {
        self.port.link().is_ok_and(|link| link.up)
    }

    /// Gives a burst of received frames to `take`; whether there were any.
    pub fn receive(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        self.rx.receive(&mut self.received);
        let any = !self.received.is_empty();
        let mut flat = Vec::new();
        for frame in self.received.as_slice() {
            flat.clear();
            for segment in frame.segments() {
                flat.extend_from_slice(segment.bytes());
            }
            take(&flat);
        }
        self.received.clear();
        any
    }

    /// Sends frames; those that a full ring does not take are lost, as on a wire, and TCP sends them again.
    pub fn send(&mut self, frames: &[Vec<u8>]) -> Result<(), RingsError> {
        for chunk in frames.chunks(usize::from(BURST)) {
            for frame in chunk {
                let frame = self.builder.build(frame, [] as [Part<'_, Nothing>; 0])?;
                // There is room for a chunk.
                let _ = self.batch.push(frame);
            }
            let mut tries = 0;
            while !self.batch.is_empty() && tries < SEND_TRIES {
                self.tx.transmit(&mut self.batch);
                tries += 1;
            }
            self.batch.clear();
        }
        Ok(())
    }
}

/// How often a full ring is asked again before a frame is lost.
const SEND_TRIES: usize = 10_000;

/// Nothing is ever lent.
type Nothing = cache::WireRef;
