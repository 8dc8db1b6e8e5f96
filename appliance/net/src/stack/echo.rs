//! Answering ICMP echo requests (RFC 792, 1122 3.2.2.6).

use core::net::Ipv4Addr;

use arrayvec::ArrayVec;
use zerocopy::{FromBytes, IntoBytes};

use super::Stack;
use super::control::ControlFrame;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::tcp::segment::{Pieces, RxPiece};
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{self, ETHERTYPE_IPV4, EthernetHeader};
use crate::wire::icmp::{ECHO_REPLY, HEADER_LEN, IcmpEcho};
use crate::wire::ipv4::{self, Ipv4Header, PROTOCOL_ICMP};

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Takes the request in `pieces`, `total` bytes long.
    pub(super) fn answer_echo(
        &mut self,
        source_mac: [u8; 6],
        source: Ipv4Addr,
        pieces: &Pieces<R>,
        total: usize,
    ) {
        let first = pieces.first().map_or(&[][..], RxPiece::bytes);
        let Ok((echo, _)) = IcmpEcho::ref_from_prefix(first) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let mut bytes = ArrayVec::new();
        let fits = ethernet::HEADER_LEN + ipv4::HEADER_LEN + total <= bytes.capacity()
            && ipv4::HEADER_LEN + total <= usize::from(self.config.mtu);
        if !fits {
            self.stats.dropped_protocol += 1;
            return;
        }
        let mut reply = IcmpEcho {
            kind: ECHO_REPLY,
            checksum: 0.into(),
            ..*echo
        };
        let data = |piece: usize| if piece == 0 { HEADER_LEN } else { 0 };
        let mut checksum = Checksum::default();
        checksum.add_bytes(reply.as_bytes());
        for (index, piece) in pieces.iter().enumerate() {
            checksum.add_bytes(piece.bytes().get(data(index)..).unwrap_or(&[]));
        }
        reply.checksum = checksum.finish().into();

        let ethernet = EthernetHeader {
            destination: source_mac,
            source: self.config.mac,
            ethertype: ETHERTYPE_IPV4.into(),
        };
        let ip_total = u16::try_from(ipv4::HEADER_LEN + total).unwrap_or(u16::MAX);
        let ours = self.config.address.octets();
        let ip = Ipv4Header::new(PROTOCOL_ICMP, ours, source.octets(), ip_total, 0).with_checksum();
        bytes.extend(ethernet.as_bytes().iter().copied());
        bytes.extend(ip.as_bytes().iter().copied());
        bytes.extend(reply.as_bytes().iter().copied());
        for (index, piece) in pieces.iter().enumerate() {
            bytes.extend(piece.bytes().iter().skip(data(index)).copied());
        }
        self.stats.icmp_echoes += 1;
        self.push_control(ControlFrame {
            bytes,
            l3_len: u16::try_from(ipv4::HEADER_LEN).unwrap_or(0),
            l4_len: 0,
        });
    }
}
