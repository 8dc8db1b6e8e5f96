//! Real rings inside one process: a virtio-user port whose backend is a vhost port.

pub mod checks;

use crate::lent::Lender;
use dpdk::eal::{LogLevel, Vdev};
use dpdk::{
    Eal, EalConfig, ExternalPool, ExternalPoolConfig, FrameBuilder, MbufBatch, Mempool,
    MempoolConfig, Port, PortConfig, RxQueue, TxQueue,
};
use std::path::PathBuf;

/// Rounds a loop may take: far more than any machine needs, and still an end.
pub const ROUNDS: usize = 2_000_000;

/// Loans that the book of a check has room for.
pub const LOANS: usize = 4096;

/// Bytes to lend from.
pub const LENT_BYTES: usize = 8 << 20;

/// What every ring test starts the EAL with, apart from the pages.
pub fn eal_config() -> EalConfig {
    EalConfig {
        memory_mib: Some(192),
        log_level: LogLevel::Error,
        ..EalConfig::default()
    }
}

/// Pools and memory, shared by all checks of a process.
pub struct Stock {
    pub eal: Eal,
    pub rx_pool: Mempool,
    pub builder: FrameBuilder,
    pub lender: Lender,
}

impl Stock {
    pub fn new(eal: &Eal) -> Self {
        let direct = MempoolConfig {
            count: 4095,
            cache: 64,
            ..MempoolConfig::default()
        };
        let external = ExternalPoolConfig {
            count: 4095,
            cache: 64,
        };
        let builder = FrameBuilder::new(
            Mempool::create(eal, "direct", direct).expect("pool"),
            ExternalPool::create(eal, "external", external).expect("pool"),
        );
        Self {
            eal: eal.share(),
            rx_pool: Mempool::create(eal, "receive", direct).expect("pool"),
            builder,
            lender: Lender::new(eal, "lent", LENT_BYTES, LOANS),
        }
    }

    /// Every mbuf is back where it came from.
    pub fn assert_all_home(&self) {
        assert_eq!(
            self.builder.direct().available(),
            self.builder.direct().size(),
            "direct"
        );
        assert_eq!(
            self.builder.external().available(),
            self.builder.external().size(),
            "external"
        );
        assert_eq!(self.rx_pool.available(), self.rx_pool.size(), "receive");
    }
}

/// Both ends of one ring pair.
pub struct Rings {
    pub port: Port,
    pub rx: RxQueue,
    pub tx: TxQueue,
    pub peer: Port,
    pub peer_rx: RxQueue,
    pub peer_tx: TxQueue,
    vdevs: Option<(Vdev, Vdev)>,
    socket: PathBuf,
}

impl Rings {
    /// Plugs and opens a pair; `number` keeps pairs of one process apart and `ring` picks
    /// the kind of ring.
    pub fn open(stock: &Stock, number: usize, ring: &[(&str, &str)]) -> Self {
        let socket = std::env::temp_dir().join(format!(
            "wirepage-rings-{}-{number}.sock",
            std::process::id()
        ));
        let _ = std::fs::remove_file(&socket);
        let back = Vdev::new(format!("net_vhost{number}")).argument("iface", socket.display());
        let mut front = Vdev::new(format!("net_virtio_user{number}"))
            .argument("path", socket.display())
            .argument("mac", "02:00:00:00:00:02")
            .argument("queue_size", 256);
        for (key, value) in ring {
            front = front.argument(key, value);
        }
        let config = PortConfig {
            rx_descriptors: 256,
            tx_descriptors: 256,
            ..PortConfig::default()
        };
        let pools = [stock.rx_pool.share()];
        // The backend listens before the front end connects.
        stock.eal.plug(&back).expect("vhost");
        let (peer, mut peer_rx, mut peer_tx) =
            Port::open(&stock.eal, back.name(), &config, &pools).expect("vhost port");
        stock.eal.plug(&front).expect("virtio-user");
        let (port, mut rx, mut tx) =
            Port::open(&stock.eal, front.name(), &config, &pools).expect("virtio-user port");
        let up = (0..ROUNDS).any(|_| {
            std::thread::yield_now();
            peer.link().expect("link").up
        });
        assert!(up, "the backend sees its front end");
        Self {
            port,
            rx: rx.remove(0),
            tx: tx.remove(0),
            peer,
            peer_rx: peer_rx.remove(0),
            peer_tx: peer_tx.remove(0),
            vdevs: Some((front, back)),
            socket,
        }
    }

    /// Closes and unplugs both ends.
    pub fn close(mut self, eal: &Eal) {
        let vdevs = self.vdevs.take();
        let _ = std::fs::remove_file(&self.socket);
        drop(self);
        if let Some((front, back)) = vdevs {
            eal.unplug(&front).expect("virtio-user");
            eal.unplug(&back).expect("vhost");
        }
    }

    /// Lets the peer receive up to `frames` frames and hands each to `look`.
    pub fn drain_peer(&mut self, frames: usize, mut look: impl FnMut(&dpdk::Mbuf)) -> usize {
        let mut batch = MbufBatch::with_capacity(32);
        let mut count = 0;
        for _ in 0..ROUNDS {
            if count >= frames {
                break;
            }
            if self.peer_rx.receive(&mut batch) == 0 {
                std::thread::yield_now();
            }
            count += batch.len();
            batch.as_slice().iter().for_each(&mut look);
            batch.clear();
        }
        count
    }
}

/// All bytes of a frame, copied out.
pub fn flat(frame: &dpdk::Mbuf) -> Vec<u8> {
    frame
        .segments()
        .flat_map(|segment| segment.bytes().iter().copied())
        .collect()
}
