//! ICMP echo (RFC 792) and "fragmentation needed" (RFC 1191, 4).

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of an ICMP header.
pub(crate) const HEADER_LEN: usize = 8;

pub(crate) const ECHO_REPLY: u8 = 0;
pub(crate) const UNREACHABLE: u8 = 3;
pub(crate) const ECHO_REQUEST: u8 = 8;

/// The code of `UNREACHABLE` for a packet that is too big for the next hop.
pub(crate) const FRAGMENTATION_NEEDED: u8 = 4;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct IcmpEcho {
    pub kind: u8,
    pub code: u8,
    pub checksum: U16,
    pub identifier: U16,
    pub sequence: U16,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct IcmpUnreachable {
    pub kind: u8,
    pub code: u8,
    pub checksum: U16,
    pub unused: U16,
    pub next_hop_mtu: U16,
}
