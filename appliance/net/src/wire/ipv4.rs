//! IPv4 headers (RFC 791).

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Checksum;

/// Bytes of a header without options, the only one we send.
pub(crate) const HEADER_LEN: usize = 20;

pub(crate) const PROTOCOL_ICMP: u8 = 1;
pub(crate) const PROTOCOL_TCP: u8 = 6;

const TIME_TO_LIVE: u8 = 64;
const DONT_FRAGMENT: u16 = 0x4000;
/// More fragments, or a fragment offset.
const FRAGMENT: u16 = 0x3fff;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Ipv4Header {
    pub version_ihl: u8,
    pub dscp_ecn: u8,
    pub total_len: U16,
    pub identification: U16,
    pub flags_fragment: U16,
    pub time_to_live: u8,
    pub protocol: u8,
    pub checksum: U16,
    pub source: [u8; 4],
    pub destination: [u8; 4],
}

impl Ipv4Header {
    /// A header with the checksum field 0. DF is always set: we send no
    /// fragments, and routers shall not make any (RFC 6864: with DF the
    /// identification has no meaning).
    pub(crate) fn new(
        protocol: u8,
        source: [u8; 4],
        destination: [u8; 4],
        total_len: u16,
        identification: u16,
    ) -> Self {
        Self {
            version_ihl: 0x45,
            dscp_ecn: 0,
            total_len: total_len.into(),
            identification: identification.into(),
            flags_fragment: DONT_FRAGMENT.into(),
            time_to_live: TIME_TO_LIVE,
            protocol,
            checksum: 0.into(),
            source,
            destination,
        }
    }

    /// Fills in the header checksum.
    pub(crate) fn with_checksum(mut self) -> Self {
        self.checksum = 0.into();
        let mut checksum = Checksum::default();
        checksum.add_bytes(self.as_bytes());
        self.checksum = checksum.finish().into();
        self
    }

    pub(crate) fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// Bytes of the header with its options.
    pub(crate) fn header_len(&self) -> usize {
        usize::from(self.version_ihl & 0xf) * 4
    }

    pub(crate) fn is_fragment(&self) -> bool {
        self.flags_fragment.get() & FRAGMENT != 0
    }
}
