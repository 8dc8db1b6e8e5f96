//! IPv4 networks and addresses on links.

use core::fmt;
use std::net::Ipv4Addr;

/// An IPv4 network in CIDR notation (RFC 4632). No host bit is set and the prefix length is at most 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: Ipv4Addr,
    prefix_len: u8,
}

impl Cidr {
    /// The network in which `address` lies; `None` if `prefix_len` is above 32.
    pub fn containing(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        let mask = mask(prefix_len)?;
        Some(Self {
            network: Ipv4Addr::from_bits(address.to_bits() & mask),
            prefix_len,
        })
    }

    /// The network's lowest address.
    pub fn network(self) -> Ipv4Addr {
        self.network
    }

    /// Prefix length in bits, 0 to 32.
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// Whether `address` lies in the network.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        Self::containing(address, self.prefix_len) == Some(self)
    }

    /// The directed broadcast address; a /31 or /32 has none (RFC 3021).
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        if self.prefix_len > 30 {
            return None;
        }
        let mask = mask(self.prefix_len)?;
        Some(Ipv4Addr::from_bits(self.network.to_bits() | !mask))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_len)
    }
}

/// A port's own address together with the network it is on. The address is a unicast host address of
/// that network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortAddress {
    address: Ipv4Addr,
    network: Cidr,
}

impl PortAddress {
    /// `Err` says what kind of address it is instead of a host address of `network`.
    pub(super) fn new(address: Ipv4Addr, network: Cidr) -> Result<Self, &'static str> {
        match not_unicast(address) {
            Some(class) => Err(class),
            None if network.broadcast() == Some(address) => Err("its network's broadcast address"),
            None if network.broadcast().is_some() && network.network() == address => {
                Err("its network's own address")
            }
            None => Ok(Self { address, network }),
        }
    }

    /// The address.
    pub fn address(self) -> Ipv4Addr {
        self.address
    }

    /// Prefix length in bits.
    pub fn prefix_len(self) -> u8 {
        self.network.prefix_len()
    }

    /// The network on the link.
    pub fn network(self) -> Cidr {
        self.network
    }
}

impl fmt::Display for PortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len())
    }
}

/// `address/length` as written, host bits and all; `None` unless both parts are there and sane.
pub(super) fn parse_with_prefix(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, length) = text.split_once('/')?;
    let prefix_len: u8 = length.parse().ok().filter(|length| *length <= 32)?;
    // `parse` takes "+8" and "08"; nobody means those.
    if length != prefix_len.to_string() {
        return None;
    }
    Some((address.parse().ok()?, prefix_len))
}

/// What an address is that no single host can have.
pub(super) fn not_unicast(address: Ipv4Addr) -> Option<&'static str> {
    if address.octets()[0] == 0 {
        Some("an address of \"this network\" (0.0.0.0/8)")
    } else if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if address.is_broadcast() {
        Some("the broadcast address")
    } else if address.octets()[0] >= 240 {
        Some("a reserved address (240.0.0.0/4)")
    } else {
        None
    }
}

fn mask(prefix_len: u8) -> Option<u32> {
    match prefix_len {
        0 => Some(0),
        1..=32 => Some(u32::MAX << (32 - u32::from(prefix_len))),
        _ => None,
    }
}
