//! Frames built and freed, as a transmit ring makes it happen: without a port, and
//! through a real virtio ring.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dpdk::eal::Vdev;
use dpdk::{FrameBuilder, MbufBatch, Port, PortConfig, RxQueue, TxQueue, tsc};

use super::{Lane, Stage, Way};
use crate::frames::{attached, copied};
use crate::{BLOCK_BYTES, Bed, BedError, Frames};

/// Frames out at a time, of at most 8 KiB and of more.
const SMALL_OUT: usize = 512;
const LARGE_OUT: usize = 64;

/// Frames without a port: so many are out, and the oldest is freed.
pub struct Chains<'a> {
    copies: Frames<'a>,
    attaches: Frames<'a>,
}

impl<'a> Chains<'a> {
    /// For payloads of `len` bytes.
    pub fn new(builder: &'a FrameBuilder, len: usize) -> Self {
        let out = if len <= 8 << 10 { SMALL_OUT } else { LARGE_OUT };
        let [copies, attaches] = [(); 2].map(|()| Frames::new(builder, out));
        Self { copies, attaches }
    }
}

impl Stage for Chains<'_> {
    const PIECE: usize = BLOCK_BYTES;

    fn run(&mut self, lane: &mut Lane, payloads: usize) -> u64 {
        let start = tsc::fenced();
        for _ in 0..payloads * lane.pieces_each {
            let payload = lane.source.advance();
            match lane.way {
                Way::Copy => self.copies.copy(payload),
                Way::Attach => self.attaches.attach(payload),
            }
        }
        tsc::fenced() - start
    }
}

/// Slots of each ring.
const RING: u16 = 1024;

/// Frames handed to the ring at once: of 64 KiB copied each takes 34 slots.
const BURST: u16 = 16;

/// A virtio-user port whose backend is a vhost port of the same process.
pub struct Ring {
    tx: TxQueue,
    batch: MbufBatch,
    peer_rx: RxQueue,
    received: MbufBatch,
    builder: FrameBuilder,
    socket: PathBuf,
    _ports: [Port; 2],
}

impl Ring {
    /// Plugs and opens both; once in a process.
    ///
    /// # Errors
    /// When a port does not come up.
    ///
    /// # Panics
    /// When the two do not find each other.
    pub fn open(bed: &Bed) -> Result<Self, BedError> {
        let name = format!("wirepage-bench-{}.sock", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let back = Vdev::new("net_vhost0").argument("iface", socket.display());
        let front = Vdev::new("net_virtio_user0")
            .argument("path", socket.display())
            .argument("mac", "02:00:00:00:00:02")
            .argument("queue_size", RING);
        let config = PortConfig {
            rx_descriptors: RING,
            tx_descriptors: RING,
            ..PortConfig::default()
        };
        let pools = [bed.receive_pool().share()];
        let open = |device: &Vdev| {
            bed.eal().plug(device).map_err(BedError::Eal)?;
            Port::open(bed.eal(), device.name(), &config, &pools).map_err(BedError::Port)
        };
        let (peer, peer_rx, _) = open(&back)?;
        let (port, _, tx) = open(&front)?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while !peer.link().is_ok_and(|link| link.up) {
            assert!(Instant::now() < deadline, "the backend sees its front end");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self {
            tx: tx.into_iter().next().expect("one queue was asked for"),
            batch: MbufBatch::with_capacity(BURST),
            peer_rx: peer_rx.into_iter().next().expect("one queue was asked for"),
            received: MbufBatch::with_capacity(BURST),
            builder: bed.builder(),
            socket,
            _ports: [port, peer],
        })
    }

    /// Lets the backend take `frames` frames.
    fn drain(&mut self, mut frames: usize) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while frames > 0 {
            self.peer_rx.receive(&mut self.received);
            frames = frames.saturating_sub(self.received.len());
            self.received.clear();
            assert!(Instant::now() < deadline, "what was sent arrives");
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Ring {
    fn burst(&mut self, lane: &mut Lane, frames: usize) -> u64 {
        let start = tsc::fenced();
        for _ in 0..frames {
            let payload = lane.source.advance();
            let frame = match lane.way {
                Way::Copy => copied(&self.builder, payload),
                Way::Attach => attached(&self.builder, payload),
            };
            self.batch.push(frame).expect("room for a burst");
        }
        self.tx.flush_completions();
        let sent = self.tx.transmit(&mut self.batch);
        let ticks = tsc::fenced() - start;
        assert_eq!(sent, frames, "an empty ring takes a burst");
        self.drain(frames);
        ticks
    }
}

/// The sender's work counts: building the frames, filling the ring and freeing what the
/// backend is done with. The backend's does not.
impl Stage for Ring {
    const PIECE: usize = BLOCK_BYTES;

    fn run(&mut self, lane: &mut Lane, payloads: usize) -> u64 {
        let mut left = payloads * lane.pieces_each;
        let mut ticks = 0;
        while left > 0 {
            let frames = left.min(usize::from(BURST));
            ticks += self.burst(lane, frames);
            left -= frames;
        }
        ticks
    }
}
