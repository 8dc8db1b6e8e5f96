//! ICMP: echo requests are answered, and "fragmentation needed" lowers the
//! segment size of the connection that it quotes (RFC 1191). Everything else is
//! ignored: hard errors prove nothing about a peer that TCP could not find out
//! itself (RFC 5927).

use crate::nanos::Nanos;
use core::net::Ipv4Addr;

use zerocopy::FromBytes;
use zerocopy::byteorder::network_endian::{U16, U32};

use super::Stack;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::tcp::connection::Context;
use crate::tcp::path_mtu::next_plateau;
use crate::tcp::segment::{Endpoints, Pieces, RxPiece};
use crate::tcp::sequence::Seq;
use crate::wire::checksum::Checksum;
use crate::wire::icmp::{
    ECHO_REQUEST, FRAGMENTATION_NEEDED, HEADER_LEN, IcmpUnreachable, UNREACHABLE,
};
use crate::wire::ipv4::{Ipv4Header, PROTOCOL_TCP};

/// A packet of ours that a router found too big.
struct TooBig {
    endpoints: Endpoints,
    seq: Seq,
    /// Largest packet that would have passed.
    mtu: u16,
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Takes the ICMP message in `pieces`, `total` bytes long.
    pub(super) fn handle_icmp(
        &mut self,
        source_mac: [u8; 6],
        source: Ipv4Addr,
        (pieces, total): (&Pieces<R>, usize),
        now: Nanos,
    ) {
        let first = pieces.first().map_or(&[][..], RxPiece::bytes);
        let mut checksum = Checksum::default();
        for piece in pieces {
            checksum.add_bytes(piece.bytes());
        }
        if checksum.finish() != 0 {
            self.stats.dropped_checksum += 1;
            return;
        }
        match first {
            [] => self.stats.dropped_malformed += 1,
            [ECHO_REQUEST, 0, ..] => self.answer_echo(source_mac, source, pieces, total),
            [UNREACHABLE, FRAGMENTATION_NEEDED, ..] => match self.read_too_big(first) {
                Some(too_big) => self.handle_too_big(&too_big, now),
                None => self.stats.dropped_malformed += 1,
            },
            _ => self.stats.dropped_protocol += 1,
        }
    }

    /// Reads the message and the packet that it quotes: its header and the first
    /// eight bytes of TCP's.
    fn read_too_big(&self, message: &[u8]) -> Option<TooBig> {
        let (icmp, _) = IcmpUnreachable::ref_from_prefix(message).ok()?;
        let quoted = message.get(HEADER_LEN..)?;
        let (ip, _) = Ipv4Header::ref_from_prefix(quoted).ok()?;
        let tcp = quoted.get(ip.header_len()..)?;
        let (source_port, tcp) = U16::ref_from_prefix(tcp).ok()?;
        let (destination_port, tcp) = U16::ref_from_prefix(tcp).ok()?;
        let (seq, _) = U32::ref_from_prefix(tcp).ok()?;
        let size = ip.total_len.get();
        let mtu = match icmp.next_hop_mtu.get() {
            // A router older than RFC 1191.
            0 => next_plateau(size),
            mtu => mtu,
        };
        let is_ours = ip.version() == 4
            && ip.protocol == PROTOCOL_TCP
            && ip.source == self.config.address.octets();
        (is_ours && mtu < size).then_some(TooBig {
            endpoints: Endpoints {
                remote: ip.destination.into(),
                remote_port: destination_port.get(),
                local_port: source_port.get(),
            },
            seq: Seq(seq.get()),
            mtu,
        })
    }

    fn handle_too_big(&mut self, too_big: &TooBig, now: Nanos) {
        let Some(index) = self.connections.find(&too_big.endpoints) else {
            return;
        };
        let mut context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        if let Some(connection) = self.connections.at(index) {
            connection.on_packet_too_big(too_big.seq, too_big.mtu, &mut context);
            self.settle(index);
        }
    }
}
