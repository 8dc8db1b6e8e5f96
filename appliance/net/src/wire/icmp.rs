//! ICMP echo (RFC 792).

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of an ICMP echo header.
pub(crate) const HEADER_LEN: usize = 8;

pub(crate) const ECHO_REPLY: u8 = 0;
pub(crate) const ECHO_REQUEST: u8 = 8;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct IcmpEcho {
    pub kind: u8,
    pub code: u8,
    pub checksum: U16,
    pub identifier: U16,
    pub sequence: U16,
}
