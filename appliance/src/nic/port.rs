//! One port of the engine: what it receives, what it does for the stack, and whether it sends at all.

use std::ops::Range;

use cache::Cache;
use net::{Offload, RxChecksums, Tso};

use super::transmitter::{Transmitter, TxCounts};
use super::{Mbuf, MbufBatch, NicError, Port, RxChecksum, RxQueue};
use crate::limits;

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
    pub(super) fn new(name: String, port: Port, rx: RxQueue, transmitter: Transmitter) -> Self {
        Self {
            name,
            port,
            rx,
            received: MbufBatch::with_capacity(limits::RX_BURST),
            transmitter,
            counts: NicCounts::default(),
        }
    }

    pub(super) fn device(&self) -> &Port {
        &self.port
    }

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
            if let Some(next) = self.received.as_slice().first() {
                next.prefetch();
            }
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
        self.transmitter.counts()
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
        self.transmitter.count_payload(arena);
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
        let pool_level = self.transmitter.free_header_mbufs();
        self.transmitter.send_by_itself(&header, &slice)?;
        Ok(Canary { pool_level })
    }

    /// Whether the canary frame has left.
    pub fn is_canary_gone(&mut self, canary: &Canary) -> bool {
        self.poll_link();
        self.transmitter.flush();
        self.transmitter.reclaim();
        self.transmitter.is_empty() && self.transmitter.free_header_mbufs() >= canary.pool_level
    }
}

/// A first frame on its way.
#[derive(Debug)]
pub struct Canary {
    /// Free header mbufs once the frame has been freed.
    pool_level: u32,
}
