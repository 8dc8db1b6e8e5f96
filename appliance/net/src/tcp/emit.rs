//! From a decision to send to a frame: headers, options, checksums, pieces.

use zerocopy::{Immutable, IntoBytes, Unaligned};

use arrayvec::ArrayVec;

use super::connection::{Connection, Context};
use super::options::Options;
use super::output::Outgoing;
use super::sack::SackBlocks;
use super::send_queue::FramePieces;
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

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Headers {
    ethernet: EthernetHeader,
    ip: Ipv4Header,
    tcp: TcpHeader,
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Emits `outgoing` as one frame over the memory in the send queue, and
    /// notes that it was sent.
    pub(crate) fn emit(
        &mut self,
        outgoing: &Outgoing,
        link: &Link,
        context: &mut Context<'_>,
        sink: &mut impl FrameSink<T>,
    ) {
        let syn = outgoing.flags.has(Flags::SYN);
        let (window, edge) = self.offered_window(syn);
        let options = self.options(outgoing, context).encode();
        let mss = self.sending.mss;
        let mut pieces = FramePieces::new();
        let len = self.payload(outgoing, &mut pieces);
        let flags = self.flags(outgoing, len);
        let segments = len.div_ceil(mss).max(1);

        let tcp_len = tcp::HEADER_LEN + options.len();
        // Outgoing::len is bounded so that the packet fits; see most_payload.
        let total = u16::try_from(ipv4::HEADER_LEN + tcp_len + len).unwrap_or(u16::MAX);
        let destination = self.endpoints.remote.octets();
        let cut = (len > mss).then(|| u16::try_from(mss).unwrap_or(u16::MAX));
        let offload = FrameOffload {
            ip_checksum: link.offload.ip_checksum,
            tcp_checksum: link.offload.tcp_checksum || cut.is_some(),
            tso_segment: cut,
        };
        let mut ip = Ipv4Header::new(
            PROTOCOL_TCP,
            link.address,
            destination,
            total,
            self.sending.identification,
        );
        if !offload.ip_checksum {
            ip = ip.with_checksum();
        }
        let mut tcp = TcpHeader {
            source_port: self.endpoints.local_port.into(),
            destination_port: self.endpoints.remote_port.into(),
            sequence: outgoing.seq.0.into(),
            acknowledgement: if flags.has(Flags::ACK) {
                self.receiving.queue.next().0.into()
            } else {
                0.into()
            },
            data_offset: u8::try_from(tcp_len / 4).unwrap_or(0) << 4,
            flags: flags.0,
            window: window.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        let covered = if cut.is_some() {
            0
        } else {
            u16::try_from(tcp_len + len).unwrap_or(u16::MAX)
        };
        let mut checksum =
            Checksum::pseudo_header(link.address, destination, PROTOCOL_TCP, covered);
        tcp.checksum = if offload.tcp_checksum {
            checksum.folded().into()
        } else {
            checksum.add_bytes(tcp.as_bytes());
            checksum.add_bytes(&options);
            for piece in &pieces {
                let bytes = piece.buffer.bytes().get(piece.range.clone());
                checksum.add_bytes(bytes.unwrap_or(&[]));
            }
            checksum.finish().into()
        };
        let headers = Headers {
            ethernet: EthernetHeader {
                destination: link.destination_mac,
                source: link.source_mac,
                ethertype: ETHERTYPE_IPV4.into(),
            },
            ip,
            tcp,
        };
        let mut header = ArrayVec::<u8, MAX_TCP_FRAME_HEADER>::new();
        header.extend(headers.as_bytes().iter().copied());
        header.extend(options);
        sink.emit(TxFrame {
            header: &header,
            payload: &pieces,
            l2_len: u16::try_from(ethernet::HEADER_LEN).unwrap_or(0),
            l3_len: u16::try_from(ipv4::HEADER_LEN).unwrap_or(0),
            l4_len: u16::try_from(tcp_len).unwrap_or(0),
            offload,
        });
        drop(pieces);
        context.stats.frames_out += 1;
        let segments = u16::try_from(segments).unwrap_or(1);
        self.sending.identification = self.sending.identification.wrapping_add(segments);
        self.on_sent(outgoing, len, flags, edge, context);
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
        let excess = len % self.sending.mss;
        if len == outgoing.len || len < self.sending.mss || excess == 0 {
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
