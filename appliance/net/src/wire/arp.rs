//! ARP for IPv4 over Ethernet (RFC 826).

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::ethernet::{BROADCAST, ETHERTYPE_ARP, ETHERTYPE_IPV4, EthernetHeader};

pub(crate) const REQUEST: u16 = 1;
pub(crate) const REPLY: u16 = 2;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct ArpPacket {
    pub hardware: U16,
    pub protocol: U16,
    pub hardware_len: u8,
    pub protocol_len: u8,
    pub operation: U16,
    pub sender_mac: [u8; 6],
    pub sender_address: [u8; 4],
    pub target_mac: [u8; 6],
    pub target_address: [u8; 4],
}

#[derive(Clone, Copy, IntoBytes, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct ArpFrame {
    pub ethernet: EthernetHeader,
    pub arp: ArpPacket,
}

impl ArpPacket {
    /// Whether the packet maps IPv4 to Ethernet addresses.
    pub(crate) fn is_ipv4_over_ethernet(&self) -> bool {
        self.hardware.get() == 1
            && self.protocol.get() == ETHERTYPE_IPV4
            && self.hardware_len == 6
            && self.protocol_len == 4
    }
}

impl ArpFrame {
    /// A request (broadcast) or a reply (to `target_mac`).
    pub(crate) fn new(
        operation: u16,
        sender: ([u8; 6], [u8; 4]),
        target: ([u8; 6], [u8; 4]),
    ) -> Self {
        let destination = if operation == REPLY {
            target.0
        } else {
            BROADCAST
        };
        Self {
            ethernet: EthernetHeader {
                destination,
                source: sender.0,
                ethertype: ETHERTYPE_ARP.into(),
            },
            arp: ArpPacket {
                hardware: 1.into(),
                protocol: ETHERTYPE_IPV4.into(),
                hardware_len: 6,
                protocol_len: 4,
                operation: operation.into(),
                sender_mac: sender.0,
                sender_address: sender.1,
                target_mac: target.0,
                target_address: target.1,
            },
        }
    }
}
