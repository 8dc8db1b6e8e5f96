//! What a stack is told at start.

use core::net::Ipv4Addr;

use crate::limits;

/// Configuration of one stack: one address on one interface.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our Ethernet address.
    pub mac: [u8; 6],
    /// Our IPv4 address.
    pub address: Ipv4Addr,
    /// Length of the on-link prefix in bits, at most 32.
    pub prefix_len: u8,
    /// Next hop for everything off the link.
    pub gateway: Option<Ipv4Addr>,
    /// Largest IPv4 packet of the link in bytes, headers included
    /// (576..=65,535).
    pub mtu: u16,
    /// What the device does for us on transmit.
    pub offload: Offload,
    /// Key for sequence numbers and hashing: random, and different at every
    /// start.
    pub secret: [u8; 16],
    /// Bounds.
    pub limits: Limits,
}

/// Transmit offloads the device grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The device fills in IPv4 header checksums.
    pub ip_checksum: bool,
    /// The device fills in TCP checksums.
    pub tcp_checksum: bool,
    /// The device cuts super-segments (which implies both checksums).
    pub tso: Option<Tso>,
}

/// How the congestion window grows, and how much a loss takes of it, on
/// connections with selective acknowledgements; others use NewReno.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CongestionControl {
    /// RFC 9438.
    #[default]
    Cubic,
    /// RFC 5681 and 6582.
    NewReno,
}

/// Bounds of TCP segmentation offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tso {
    /// Most payload bytes of one super-segment; what an IPv4 packet cannot hold
    /// (65,495 bytes and less with options) is not used.
    pub max_payload: usize,
    /// Most payload pieces of one frame.
    pub max_pieces: usize,
    /// Largest segment the device may be asked to cut (some devices accept less
    /// than the link's).
    pub max_segment: u16,
}

/// Bounds that depend on the machine; see [`limits`] for the fixed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all states, TIME_WAIT included. Each takes about 1 KiB from
    /// the start, and what its queues grow to while it lives.
    pub connections: usize,
    /// Half-open connections per listening port.
    pub backlog: usize,
    /// Receive window of a connection in bytes (at most 1 GiB).
    pub receive_window: usize,
    /// Bytes of a connection that may be in the send queue (sent and not
    /// acknowledged, or pulled and not sent).
    pub send_buffer: usize,
    /// Received buffers held for all connections together: what the receive
    /// buffer pool can spare.
    pub receive_buffers: usize,
    /// Neighbours (Ethernet addresses) remembered.
    pub neighbours: usize,
    /// Payload pieces of one frame when there is no TSO.
    pub max_pieces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: limits::DEFAULT_CONNECTIONS,
            backlog: limits::DEFAULT_BACKLOG,
            receive_window: limits::DEFAULT_RECEIVE_WINDOW,
            send_buffer: limits::DEFAULT_SEND_BUFFER,
            receive_buffers: limits::DEFAULT_RECEIVE_BUFFERS,
            neighbours: limits::DEFAULT_NEIGHBOURS,
            max_pieces: limits::DEFAULT_MAX_PIECES,
        }
    }
}

/// Why a configuration is refused. All of them are the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// the MTU is below 576 bytes
    #[error("the MTU is below 576 bytes")]
    Mtu,
    /// the prefix is longer than 32 bits
    #[error("the prefix is longer than 32 bits")]
    PrefixLength,
    /// the address is not a unicast address
    #[error("the address is not a unicast address")]
    Address,
    /// the Ethernet address is not a unicast address
    #[error("the Ethernet address is not a unicast address")]
    Mac,
    /// the gateway is not on the link
    #[error("the gateway is not on the link")]
    Gateway,
    /// a bound is zero or larger than its type allows
    #[error("the bound `{0}` is zero or too large")]
    Limit(&'static str),
}

impl Config {
    /// Checks everything that must hold before a stack is built.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.mtu < limits::MIN_MTU {
            return Err(ConfigError::Mtu);
        }
        if self.prefix_len > 32 {
            return Err(ConfigError::PrefixLength);
        }
        if !is_unicast(self.address) {
            return Err(ConfigError::Address);
        }
        if self.mac[0] & 1 != 0 || self.mac == [0; 6] {
            return Err(ConfigError::Mac);
        }
        if let Some(gateway) = self.gateway
            && (!is_unicast(gateway) || !self.is_on_link(gateway) || gateway == self.address)
        {
            return Err(ConfigError::Gateway);
        }
        let bounds = [
            ("connections", self.limits.connections, 1 << 24),
            ("backlog", self.limits.backlog, 1 << 24),
            ("receive_window", self.limits.receive_window, 1 << 30),
            ("send_buffer", self.limits.send_buffer, 1 << 30),
            ("receive_buffers", self.limits.receive_buffers, 1 << 30),
            ("neighbours", self.limits.neighbours, 1 << 16),
            (
                "max_pieces",
                self.limits.max_pieces,
                limits::MAX_FRAME_PIECES,
            ),
        ];
        for (name, value, most) in bounds {
            if value == 0 || value > most {
                return Err(ConfigError::Limit(name));
            }
        }
        if let Some(tso) = self.offload.tso
            && (tso.max_payload == 0 || tso.max_pieces == 0 || tso.max_segment < limits::MIN_MSS)
        {
            return Err(ConfigError::Limit("tso"));
        }
        Ok(())
    }

    pub(crate) fn netmask(&self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.prefix_len))
            .unwrap_or(0)
    }

    pub(crate) fn is_on_link(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.netmask() == 0
    }

    /// Whether `address` is the directed broadcast address of the link.
    pub(crate) fn is_subnet_broadcast(&self, address: Ipv4Addr) -> bool {
        self.prefix_len < 31
            && self.is_on_link(address)
            && address.to_bits() | self.netmask() == u32::MAX
    }

    /// Who gets the frames for `remote`, or `None` without a route.
    pub(crate) fn next_hop(&self, remote: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.is_on_link(remote) {
            Some(remote)
        } else {
            self.gateway
        }
    }
}

/// Whether `address` can be one host's.
pub(crate) fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_loopback()
        || address.octets()[0] >= 240)
}
