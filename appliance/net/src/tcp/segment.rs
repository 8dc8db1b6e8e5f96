//! A received segment: its header as meanings, its payload as owned pieces.

use core::net::Ipv4Addr;

use arrayvec::ArrayVec;
use zerocopy::FromBytes;

use super::options::Options;
use super::sequence::Seq;
use crate::buffer::RxBuffer;
use crate::limits::MAX_RECEIVED_PIECES;
use crate::wire::tcp::{Flags, HEADER_LEN, TcpHeader};

/// A range of a received buffer.
pub(crate) struct RxPiece<R> {
    pub buffer: R,
    pub start: usize,
    pub end: usize,
}

impl<R: RxBuffer> RxPiece<R> {
    pub(crate) fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.bytes().get(self.start..self.end).unwrap_or(&[])
    }

    /// Leaves out the first `count` bytes.
    pub(crate) fn trim_front(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Keeps the first `count` bytes at most.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.end = self.end.min(self.start.saturating_add(count));
    }
}

/// The pieces of one received frame.
pub(crate) type Pieces<R> = ArrayVec<RxPiece<R>, MAX_RECEIVED_PIECES>;

/// The two ends of a connection; our address is the stack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub remote: Ipv4Addr,
    pub remote_port: u16,
    pub local_port: u16,
}

/// The header of a received segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub endpoints: Endpoints,
    pub seq: Seq,
    pub ack: Seq,
    pub flags: Flags,
    /// As it stands in the header, not scaled.
    pub window: u16,
    pub options: Options,
    /// Bytes of payload.
    pub len: usize,
}

impl Segment {
    /// Reads the header at the start of `bytes`, which belongs to a segment of
    /// `total` bytes from `remote`. Yields the header's length too.
    pub(crate) fn parse(remote: Ipv4Addr, bytes: &[u8], total: usize) -> Option<(Self, usize)> {
        let (header, _) = TcpHeader::ref_from_prefix(bytes).ok()?;
        let header_len = usize::from(header.data_offset >> 4) * 4;
        let options = bytes.get(HEADER_LEN..header_len)?;
        let len = total.checked_sub(header_len)?;
        // Port 0 is reserved: nobody could answer to it (RFC 6335, 6).
        if header.source_port.get() == 0 || header.destination_port.get() == 0 {
            return None;
        }
        let segment = Self {
            endpoints: Endpoints {
                remote,
                remote_port: header.source_port.get(),
                local_port: header.destination_port.get(),
            },
            seq: Seq(header.sequence.get()),
            ack: Seq(header.acknowledgement.get()),
            flags: Flags(header.flags),
            window: header.window.get(),
            options: Options::parse(options),
            len,
        };
        Some((segment, header_len))
    }

    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.flags.has(flags)
    }

    /// SEG.LEN: payload bytes plus SYN and FIN.
    pub(crate) fn sequence_len(&self) -> usize {
        self.len + usize::from(self.has(Flags::SYN)) + usize::from(self.has(Flags::FIN))
    }

    /// The sequence number after everything the segment occupies.
    pub(crate) fn end(&self) -> Seq {
        self.seq.advanced(self.sequence_len())
    }
}
