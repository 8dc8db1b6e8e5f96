//! Frames on their way out: chains of mbufs, attached or copied, and what they count for.

use std::collections::VecDeque;
use std::ops::Range;

use cache::BlockSlice;
use engine::{TxBytes, TxMemory};
use gateway::Payload;
use net::{FrameSink, TxFrame};

use super::{FrameBuilder, FrameError, Mbuf, MbufBatch, Part, TxOffload, TxQueue};
use crate::config::engine::TxMode;
use crate::limits;

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
    /// Times the driver was asked to take frames.
    pub bursts: u64,
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
    /// Sends through `queue` what `builder` makes.
    pub fn new(queue: TxQueue, builder: FrameBuilder, mode: TxMode) -> Self {
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
        self.counts.bursts += 1;
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

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Counts external segments within `arena` as file data from now on.
    pub fn count_payload(&mut self, arena: Range<usize>) {
        self.arena = arena;
    }

    /// Mbufs of the direct pool that are free now; not for every frame.
    pub(super) fn free_header_mbufs(&self) -> u32 {
        self.builder.direct().available()
    }

    /// Sends one frame outside of any connection, in the way file data goes.
    pub(super) fn send_by_itself(
        &mut self,
        header: &[u8],
        data: &BlockSlice,
    ) -> Result<(), FrameError> {
        let part = match self.mode {
            TxMode::Attach => Part::Lend(data.lend(0..data.len())),
            TxMode::Copy => Part::Copy(data.as_slice()),
        };
        let frame = self.builder.build(header, [part])?;
        self.push(frame, 0);
        self.flush();
        Ok(())
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
        let parts = frame
            .payload
            .iter()
            .map(|piece| match &piece.buffer.memory {
                TxMemory::Record(record) => Part::Lend(record.lend(piece.range.clone())),
                TxMemory::Payload(Payload::Block(slice)) if self.mode == TxMode::Attach => {
                    Part::Lend(slice.lend(piece.range.clone()))
                }
                TxMemory::Payload(payload) => {
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
