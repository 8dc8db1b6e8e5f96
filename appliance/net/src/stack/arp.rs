//! ARP (RFC 826): answering, asking, announcing (RFC 5227).

use crate::nanos::Nanos;
use core::net::Ipv4Addr;

use arrayvec::ArrayVec;
use zerocopy::{FromBytes, IntoBytes};

use super::Stack;
use super::control::ControlFrame;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::is_unicast;
use crate::event::CloseReason;
use crate::tcp::connection::Context;
use crate::tcp::state::State;
use crate::wire::arp::{ArpFrame, ArpPacket, REPLY, REQUEST};

/// A target address that is not known.
const UNKNOWN: [u8; 6] = [0; 6];

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Announces our address to the link (gratuitous ARP, RFC 5227, 3).
    pub fn announce(&mut self) {
        let address = self.config.address.octets();
        self.push_arp(REQUEST, UNKNOWN, address);
    }

    pub(super) fn request_address(&mut self, address: Ipv4Addr) {
        self.stats.arp_requests += 1;
        self.push_arp(REQUEST, UNKNOWN, address.octets());
    }

    fn push_arp(&mut self, operation: u16, target_mac: [u8; 6], target: [u8; 4]) {
        let sender = (self.config.mac, self.config.address.octets());
        let frame = ArpFrame::new(operation, sender, (target_mac, target));
        let mut bytes = ArrayVec::new();
        bytes.extend(frame.as_bytes().iter().copied());
        self.push_control(ControlFrame {
            bytes,
            l3_len: 0,
            l4_len: 0,
        });
    }

    pub(super) fn push_control(&mut self, frame: ControlFrame) {
        if !self.control.push(frame) {
            self.stats.dropped_control += 1;
        }
    }

    /// Takes the packet after the Ethernet header.
    pub(super) fn handle_arp(&mut self, bytes: &[u8], now: Nanos) {
        let Ok((packet, _)) = ArpPacket::ref_from_prefix(bytes) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        if !packet.is_ipv4_over_ethernet() {
            self.stats.dropped_protocol += 1;
            return;
        }
        let sender = Ipv4Addr::from(packet.sender_address);
        let asks_us = packet.operation.get() == REQUEST
            && packet.target_address == self.config.address.octets();
        let is_host = is_unicast(sender)
            && sender != self.config.address
            && self.config.is_on_link(sender)
            && packet.sender_mac[0] & 1 == 0
            && packet.sender_mac != UNKNOWN;
        if is_host
            && self
                .neighbours
                .learn(sender, packet.sender_mac, asks_us, now)
        {
            self.resume_connections(sender);
        }
        // A probe (RFC 5227) has no sender address and wants an answer as well.
        if asks_us && (is_host || sender.is_unspecified()) {
            let (mac, address) = (packet.sender_mac, packet.sender_address);
            self.push_arp(REPLY, mac, address);
        }
    }

    /// Lets the connections through `next_hop` send what they held back.
    fn resume_connections(&mut self, next_hop: Ipv4Addr) {
        for connection in self.connections.iter() {
            if connection.next_hop == next_hop && connection.output_due {
                self.sendable.push(connection.id.index);
            }
        }
    }

    /// The next hop does not answer. Those who only start are told; the others
    /// have their own time-out.
    pub(super) fn give_up_connecting(&mut self, next_hop: Ipv4Addr, now: Nanos) {
        let mut context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        for connection in self.connections.iter_mut() {
            if connection.next_hop == next_hop && connection.state == State::SynSent {
                connection.terminate(CloseReason::Unreachable, &mut context);
                self.eventful.push(connection.id.index);
            }
        }
    }
}
