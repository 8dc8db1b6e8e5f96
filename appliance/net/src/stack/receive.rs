//! Frames in: Ethernet, IPv4, and on to ARP, ICMP or a TCP connection. Every
//! frame that goes no further is counted by its reason.

use crate::nanos::Nanos;
use core::net::Ipv4Addr;
use core::time::Duration;

use zerocopy::FromBytes;

use super::Stack;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::is_unicast;
use crate::frame::RxChecksums;
use crate::tcp::acceptance::Verdict;
use crate::tcp::connection::Context;
use crate::tcp::segment::{Pieces, RxPiece, Segment};
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{self, BROADCAST, ETHERTYPE_ARP, ETHERTYPE_IPV4, EthernetHeader};
use crate::wire::ipv4::{self, Ipv4Header, PROTOCOL_ICMP, PROTOCOL_TCP};

/// An IPv4 packet of which the header was checked.
struct Packet {
    source_mac: [u8; 6],
    source: Ipv4Addr,
    destination: [u8; 4],
    protocol: u8,
    /// Bytes after the header, without link padding.
    total: usize,
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Takes one whole received frame: `head` with all headers, then the rest.
    pub fn handle_frame(
        &mut self,
        head: R,
        tail: impl Iterator<Item = R>,
        checksums: RxChecksums,
        now: Duration,
    ) {
        let now = Nanos::of(now);
        self.stats.frames_in += 1;
        let Ok((header, rest)) = EthernetHeader::ref_from_prefix(head.bytes()) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let ours = header.destination == self.config.mac;
        match header.ethertype.get() {
            ETHERTYPE_ARP if ours || header.destination == BROADCAST => self.handle_arp(rest, now),
            ETHERTYPE_IPV4 if ours => {
                let source_mac = header.source;
                // Filled where it lies: it is too large to be moved about.
                let mut pieces = Pieces::new();
                let packet = self.take_packet(source_mac, (head, tail), &mut pieces, checksums);
                let Some(packet) = packet else {
                    return;
                };
                match packet.protocol {
                    PROTOCOL_TCP => self.handle_tcp(&packet, &mut pieces, checksums, now),
                    PROTOCOL_ICMP => {
                        let message = (&pieces, packet.total);
                        self.handle_icmp(packet.source_mac, packet.source, message, now);
                    }
                    _ => self.stats.dropped_protocol += 1,
                }
            }
            ETHERTYPE_ARP | ETHERTYPE_IPV4 => self.stats.dropped_not_for_us += 1,
            _ => self.stats.dropped_protocol += 1,
        }
    }

    /// Checks the IPv4 header and gathers what belongs to the packet.
    fn take_packet(
        &mut self,
        source_mac: [u8; 6],
        (head, tail): (R, impl Iterator<Item = R>),
        pieces: &mut Pieces<R>,
        checksums: RxChecksums,
    ) -> Option<Packet> {
        let bytes = head.bytes();
        let Some((header, _)) = bytes
            .get(ethernet::HEADER_LEN..)
            .and_then(|bytes| Ipv4Header::ref_from_prefix(bytes).ok())
        else {
            self.stats.dropped_split += 1;
            return None;
        };
        let header = *header;
        let header_len = header.header_len();
        let end = ethernet::HEADER_LEN + header_len;
        let total = usize::from(header.total_len.get());
        if header.version() != 4 || header_len < ipv4::HEADER_LEN || total < header_len {
            self.stats.dropped_malformed += 1;
            return None;
        }
        let Some(whole) = bytes.get(ethernet::HEADER_LEN..end) else {
            self.stats.dropped_split += 1;
            return None;
        };
        if !checksums.ip_good {
            let mut checksum = Checksum::default();
            checksum.add_bytes(whole);
            if checksum.finish() != 0 {
                self.stats.dropped_checksum += 1;
                return None;
            }
        }
        let source = Ipv4Addr::from(header.source);
        if header.destination != self.config.address.octets() || !self.is_sender(source) {
            self.stats.dropped_not_for_us += 1;
            return None;
        }
        if header.is_fragment() {
            self.stats.dropped_fragments += 1;
            return None;
        }
        let total = total - header_len;
        let first = RxPiece {
            start: end,
            end: bytes.len(),
            buffer: head,
        };
        match gather(first, tail, total, pieces) {
            Some(0) => {}
            Some(_) => {
                self.stats.dropped_malformed += 1;
                return None;
            }
            None => {
                self.stats.dropped_split += 1;
                return None;
            }
        }
        Some(Packet {
            source_mac,
            source,
            destination: header.destination,
            protocol: header.protocol,
            total,
        })
    }

    /// Whether a packet may come from `source` (RFC 1122, 3.2.1.3).
    fn is_sender(&self, source: Ipv4Addr) -> bool {
        is_unicast(source)
            && source != self.config.address
            && !self.config.is_subnet_broadcast(source)
    }

    fn handle_tcp(
        &mut self,
        packet: &Packet,
        pieces: &mut Pieces<R>,
        checksums: RxChecksums,
        now: Nanos,
    ) {
        let &Packet { source, total, .. } = packet;
        let bytes = pieces.first().map_or(&[][..], RxPiece::bytes);
        let Some((segment, header_len)) = Segment::parse(source, bytes, total) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        if !checksums.l4_good {
            let length = u16::try_from(total).unwrap_or(u16::MAX);
            let (from, to) = (source.octets(), packet.destination);
            let mut checksum = Checksum::pseudo_header(from, to, PROTOCOL_TCP, length);
            for piece in pieces.iter() {
                checksum.add_bytes(piece.bytes());
            }
            if checksum.finish() != 0 {
                self.stats.dropped_checksum += 1;
                return;
            }
        }
        if let Some(first) = pieces.first_mut() {
            first.trim_front(header_len);
        }
        self.dispatch(packet.source_mac, &segment, pieces, now);
    }

    pub(super) fn dispatch(
        &mut self,
        source_mac: [u8; 6],
        segment: &Segment,
        pieces: &mut Pieces<R>,
        now: Nanos,
    ) {
        let Some(index) = self.connections.find(&segment.endpoints) else {
            return self.handle_unmatched(source_mac, segment, pieces, now);
        };
        let Some(connection) = self.connections.at(index) else {
            return;
        };
        let mut context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        let before = connection.sending.unacknowledged;
        let verdict = connection.on_segment(segment, pieces, &mut context);
        if connection.sending.unacknowledged != before {
            self.neighbours
                .confirm(connection.next_hop, connection.neighbour, now);
        }
        match verdict {
            Verdict::Done => self.settle(index),
            Verdict::AnswerWithReset => {
                self.settle(index);
                self.answer_with_reset(source_mac, segment);
            }
            Verdict::Reincarnate => {
                self.end_time_wait(index);
                if self.connections.find(&segment.endpoints).is_none() {
                    self.handle_unmatched(source_mac, segment, pieces, now);
                }
            }
        }
    }
}

/// Fills `pieces` with what holds the first `total` bytes from `first` on, and tells
/// how many of those are missing; `None` when there are too many pieces.
fn gather<R: RxBuffer>(
    mut first: RxPiece<R>,
    tail: impl Iterator<Item = R>,
    total: usize,
    pieces: &mut Pieces<R>,
) -> Option<usize> {
    first.truncate(total);
    let mut missing = total - first.len();
    // It stays even when it is empty: headers are looked for there.
    pieces.push(first);
    for buffer in tail {
        let end = buffer.bytes().len().min(missing);
        missing -= end;
        if end > 0 {
            let start = 0;
            pieces.try_push(RxPiece { buffer, start, end }).ok()?;
        }
    }
    Some(missing)
}
