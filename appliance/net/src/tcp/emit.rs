//! From a decision to send to a frame: headers, options, checksums, pieces.

use crate::nanos::Nanos;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::connection::{Connection, Context};
use super::options::{MAX_OPTIONS_LEN, Options};
use super::output::Outgoing;
use super::sack::SackBlocks;
use super::send_queue::FramePieces;
use super::sequence::Seq;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::Offload;
use crate::frame::{FrameOffload, FrameSink, TxFrame};
use crate::limits::MAX_TCP_FRAME_HEADER;
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{self, ETHERTYPE_IPV4, EthernetHeader};
use crate::wire::ipv4::{self, Ipv4Header, PROTOCOL_TCP};
use crate::wire::tcp::{self, Flags, TcpHeader};

/// The ends of the link a frame crosses.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub source_mac: [u8; 6],
    pub destination_mac: [u8; 6],
    pub address: [u8; 4],
    pub offload: Offload,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Headers {
    ethernet: EthernetHeader,
    ip: Ipv4Header,
    tcp: TcpHeader,
}

const _: () = assert!(size_of::<Headers>() + MAX_OPTIONS_LEN <= MAX_TCP_FRAME_HEADER);

/// The headers of the frame that went out last, of which the next has most in common.
struct Common {
    bytes: [u8; MAX_TCP_FRAME_HEADER],
    /// Of the TCP header and its options.
    tcp_len: usize,
    /// Of the pseudo-header without the length.
    checksum: Checksum,
    /// What the window field tells.
    edge: Seq,
}

/// Frames of one connection that go out one after the other, with nothing received in
/// between: those with data have all but a few fields of their headers in common.
pub(crate) struct Burst {
    link: Link,
    /// Of a frame with data.
    common: Option<Common>,
    /// Something went out that counts as sent until it is acknowledged.
    pub(super) occupied: bool,
}

impl Burst {
    /// Over `link`; nothing has gone out yet.
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            common: None,
            occupied: false,
        }
    }
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Emits `outgoing` as one frame over the memory in the send queue, and
    /// notes that it was sent. [`Connection::end_burst`] follows the last one.
    pub(crate) fn emit(
        &mut self,
        outgoing: &Outgoing,
        burst: &mut Burst,
        context: &mut Context<'_>,
        sink: &mut impl FrameSink<T>,
    ) {
        let link_offload = burst.link.offload;
        let is_data = outgoing.len > 0 && outgoing.flags == Flags::ACK;
        let mut own = None;
        let common = if is_data {
            let new = || self.common(outgoing, &burst.link, context);
            burst.common.get_or_insert_with(new)
        } else {
            burst.common = None;
            own.insert(self.common(outgoing, &burst.link, context))
        };
        let mss = self.sending.mss;
        let mut pieces = FramePieces::new();
        let len = self.payload(outgoing, &mut pieces);
        let flags = self.flags(outgoing, len);

        let tcp_len = common.tcp_len;
        // Outgoing::len is bounded so that the packet fits; see most_payload.
        let total = u16::try_from(ipv4::HEADER_LEN + tcp_len + len).unwrap_or(u16::MAX);
        let cut = (len > mss).then(|| u16::try_from(mss).unwrap_or(u16::MAX));
        let offload = FrameOffload {
            ip_checksum: link_offload.ip_checksum,
            tcp_checksum: link_offload.tcp_checksum || cut.is_some(),
            tso_segment: cut,
        };
        // Both are there: MAX_TCP_FRAME_HEADER is all three headers with the most options.
        let Ok((headers, options)) = Headers::mut_from_prefix(&mut common.bytes) else {
            return;
        };
        let options = options.get(..tcp_len - tcp::HEADER_LEN).unwrap_or(&[]);
        headers.ip.total_len = total.into();
        headers.ip.identification = self.sending.identification.into();
        if !offload.ip_checksum {
            headers.ip = headers.ip.with_checksum();
        }
        headers.tcp.sequence = outgoing.seq.0.into();
        headers.tcp.flags = flags.0;
        if flags.has(Flags::ACK) {
            headers.tcp.acknowledgement = self.receiving.queue.next().0.into();
        }
        let mut checksum = common.checksum;
        if cut.is_none() {
            checksum.add_length(u16::try_from(tcp_len + len).unwrap_or(u16::MAX));
        }
        headers.tcp.checksum = if offload.tcp_checksum {
            checksum.folded().into()
        } else {
            headers.tcp.checksum = 0.into();
            checksum.add_bytes(headers.tcp.as_bytes());
            checksum.add_bytes(options);
            for piece in &pieces {
                let bytes = piece.buffer.bytes().get(piece.range.clone());
                checksum.add_bytes(bytes.unwrap_or(&[]));
            }
            checksum.finish().into()
        };
        let header_len = ethernet::HEADER_LEN + ipv4::HEADER_LEN + tcp_len;
        sink.emit(TxFrame {
            header: common.bytes.get(..header_len).unwrap_or(&[]),
            payload: &pieces,
            l2_len: u16::try_from(ethernet::HEADER_LEN).unwrap_or(0),
            l3_len: u16::try_from(ipv4::HEADER_LEN).unwrap_or(0),
            l4_len: u16::try_from(tcp_len).unwrap_or(0),
            offload,
        });
        drop(pieces);
        context.stats.frames_out += 1;
        let segments = if cut.is_some() { len.div_ceil(mss) } else { 1 };
        let segments = u16::try_from(segments).unwrap_or(1);
        self.sending.identification = self.sending.identification.wrapping_add(segments);
        let edge = common.edge;
        self.on_sent(outgoing, len, flags, edge, burst, context);
    }

    /// What has to be noted once for all frames of a burst.
    pub(crate) fn end_burst(&mut self, burst: &Burst, now: Nanos) {
        if burst.occupied {
            self.arm_tail_probe(now);
        }
    }

    /// The headers of `outgoing`, and of data that follows it, with 0 for what is its own.
    fn common(&self, outgoing: &Outgoing, link: &Link, context: &Context<'_>) -> Common {
        let (window, edge) = self.offered_window(outgoing.flags.has(Flags::SYN));
        let options = self.options(outgoing, context).encode();
        let tcp_len = tcp::HEADER_LEN + options.len();
        let mut bytes = [0; MAX_TCP_FRAME_HEADER];
        // Both fit.
        let (fixed, after) = bytes.split_at_mut(size_of::<Headers>());
        if let Some(room) = after.get_mut(..options.len()) {
            room.copy_from_slice(&options);
        }
        let destination = self.endpoints.remote.octets();
        let _ = Headers {
            ethernet: EthernetHeader {
                destination: link.destination_mac,
                source: link.source_mac,
                ethertype: ETHERTYPE_IPV4.into(),
            },
            ip: Ipv4Header::new(PROTOCOL_TCP, link.address, destination, 0, 0),
            tcp: TcpHeader {
                source_port: self.endpoints.local_port.into(),
                destination_port: self.endpoints.remote_port.into(),
                sequence: 0.into(),
                acknowledgement: 0.into(),
                data_offset: u8::try_from(tcp_len / 4).unwrap_or(0) << 4,
                flags: 0,
                window: window.into(),
                checksum: 0.into(),
                urgent: 0.into(),
            },
        }
        .write_to(fixed);
        Common {
            bytes,
            tcp_len,
            checksum: Checksum::pseudo_header(link.address, destination, PROTOCOL_TCP, 0),
            edge,
        }
    }

    fn options(&self, outgoing: &Outgoing, context: &Context<'_>) -> Options {
        let timestamps = self.timestamps.map(|clock| clock.option(context.now));
        if !outgoing.flags.has(Flags::SYN) {
            // A full segment has no room for blocks, so only empty ones have them.
            let sack = if self.sack && outgoing.len == 0 {
                self.receiving.sack_blocks()
            } else {
                SackBlocks::default()
            };
            return Options {
                timestamps,
                sack,
                ..Options::default()
            };
        }
        Options {
            mss: Some(self.settings.mss),
            window_scale: self.receiving.scale,
            timestamps,
            sack_permitted: self.sack,
            sack: SackBlocks::default(),
        }
    }

    /// The payload that fits one frame. Cut short by the number of pieces, it is
    /// whole segments again if it is more than one.
    fn payload<'a>(&'a self, outgoing: &Outgoing, pieces: &mut FramePieces<'a, T>) -> usize {
        if outgoing.len == 0 {
            return 0;
        }
        let most = self.settings.frame_pieces;
        let queue = &self.sending.queue;
        let len = queue.pieces(outgoing.seq, outgoing.len, most, pieces);
        if len == outgoing.len || len < self.sending.mss {
            return len;
        }
        let excess = len % self.sending.mss;
        if excess == 0 {
            return len;
        }
        pieces.clear();
        queue.pieces(outgoing.seq, len - excess, most, pieces)
    }

    /// PSH on the last bytes the source has; FIN with the last of all.
    fn flags(&self, outgoing: &Outgoing, len: usize) -> Flags {
        let mut flags = outgoing.flags;
        let end = outgoing.seq.advanced(len);
        if !outgoing.last || end != self.sending.queue.end() {
            return flags;
        }
        if len > 0 && !self.sending.source_ready {
            flags = flags | Flags::PSH;
        }
        let sent_before = self.sending.highest.is_after(end);
        if sent_before || self.may_send_fin(end.since(self.sending.unacknowledged)) {
            flags = flags | Flags::FIN;
        }
        flags
    }
}
