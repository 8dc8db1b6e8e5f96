//! What a port is asked for, and what it grants.

use dpdk_sys as sys;

/// What a port is asked for. Sizes are lowered to what the driver can do, offloads that
/// it lacks are not granted; see [`Granted`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortConfig {
    /// Receive queues. More than one takes receive-side scaling, by address and port.
    pub rx_queues: u16,
    /// Transmit queues.
    pub tx_queues: u16,
    /// Descriptors of each receive ring.
    pub rx_descriptors: u16,
    /// Descriptors of each transmit ring.
    pub tx_descriptors: u16,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// Receive frames for other stations too.
    pub promiscuous: bool,
    /// What the port shall do for received frames.
    pub rx: RxOffloads,
    /// What the port shall do for transmitted frames.
    pub tx: TxOffloads,
}

/// What a port does for received frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RxOffloads {
    /// Verify IPv4 header checksums.
    pub ip_checksum: bool,
    /// Verify TCP checksums.
    pub tcp_checksum: bool,
    /// Spread a frame over several segments when it does not fit into one.
    pub scatter: bool,
    /// Join TCP segments. Needs `scatter` to be of use.
    pub lro: bool,
}

/// What a port does for transmitted frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TxOffloads {
    /// Take frames of several segments. Without it nothing can be attached.
    pub multi_segment: bool,
    /// Fill in IPv4 header checksums.
    pub ip_checksum: bool,
    /// Fill in TCP checksums.
    pub tcp_checksum: bool,
    /// Cut large TCP frames. Not granted without `multi_segment` and `tcp_checksum`.
    pub tso: bool,
}

/// What a port does: what was asked of it and it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// For received frames.
    pub rx: RxOffloads,
    /// For transmitted frames.
    pub tx: TxOffloads,
    /// Bounds of large TCP frames, if the port cuts them.
    pub tso: Option<Tso>,
    /// Most segments of one transmitted frame.
    pub max_segments: u16,
    /// Descriptors of each receive ring.
    pub rx_descriptors: u16,
    /// Descriptors of each transmit ring.
    pub tx_descriptors: u16,
}

/// Bounds of large TCP frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tso {
    /// Most payload of each segment that the device cuts: the MTU less both headers.
    pub max_segment: u16,
    /// Most payload of one frame: an IPv4 packet of 65,535 bytes.
    pub max_payload: u16,
}

impl Default for PortConfig {
    /// One queue each way of 1,024 descriptors, and every offload that is of use.
    fn default() -> Self {
        Self {
            rx_queues: 1,
            tx_queues: 1,
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            mtu: 1500,
            promiscuous: false,
            rx: RxOffloads {
                ip_checksum: true,
                tcp_checksum: true,
                scatter: true,
                lro: false,
            },
            tx: TxOffloads {
                multi_segment: true,
                ip_checksum: true,
                tcp_checksum: true,
                tso: true,
            },
        }
    }
}

/// Every offload of this kind with its flag.
macro_rules! flags {
    ($self:ident: $($field:ident = $flag:ident),*) => {
        [$(($self.$field, sys::$flag as u64)),*]
            .into_iter()
            .fold(0, |flags, (wanted, flag)| if wanted { flags | flag } else { flags })
    };
}

impl RxOffloads {
    pub(super) fn to_flags(self) -> u64 {
        flags!(self:
            ip_checksum = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM,
            tcp_checksum = RTE_ETH_RX_OFFLOAD_TCP_CKSUM,
            scatter = RTE_ETH_RX_OFFLOAD_SCATTER,
            lro = RTE_ETH_RX_OFFLOAD_TCP_LRO)
    }

    pub(super) fn from_flags(flags: u64) -> Self {
        Self {
            ip_checksum: flags & sys::RTE_ETH_RX_OFFLOAD_IPV4_CKSUM as u64 != 0,
            tcp_checksum: flags & sys::RTE_ETH_RX_OFFLOAD_TCP_CKSUM as u64 != 0,
            scatter: flags & sys::RTE_ETH_RX_OFFLOAD_SCATTER as u64 != 0,
            lro: flags & sys::RTE_ETH_RX_OFFLOAD_TCP_LRO as u64 != 0,
        }
    }
}

impl TxOffloads {
    pub(super) fn to_flags(self) -> u64 {
        // Never RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE: it skips the release of loans.
        flags!(self:
            multi_segment = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
            ip_checksum = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
            tcp_checksum = RTE_ETH_TX_OFFLOAD_TCP_CKSUM,
            tso = RTE_ETH_TX_OFFLOAD_TCP_TSO)
    }

    pub(super) fn from_flags(flags: u64) -> Self {
        let has = |flag: u64| flags & flag != 0;
        let multi_segment = has(sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS as u64);
        let tcp_checksum = has(sys::RTE_ETH_TX_OFFLOAD_TCP_CKSUM as u64);
        Self {
            multi_segment,
            ip_checksum: has(sys::RTE_ETH_TX_OFFLOAD_IPV4_CKSUM as u64),
            tcp_checksum,
            // Each segment that the device cuts needs a checksum of its own.
            tso: multi_segment && tcp_checksum && has(sys::RTE_ETH_TX_OFFLOAD_TCP_TSO as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_the_round_trip() {
        let rx = RxOffloads {
            ip_checksum: true,
            tcp_checksum: false,
            scatter: true,
            lro: false,
        };
        assert_eq!(RxOffloads::from_flags(rx.to_flags()), rx);
        let tx = PortConfig::default().tx;
        assert_eq!(TxOffloads::from_flags(tx.to_flags()), tx);
    }

    #[test]
    fn fast_free_is_never_asked_for() {
        let all = PortConfig::default().tx.to_flags();
        assert_eq!(all & sys::RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE as u64, 0);
    }

    #[test]
    fn tso_needs_checksums_and_chains() {
        for lacking in [
            sys::RTE_ETH_TX_OFFLOAD_TCP_CKSUM,
            sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
        ] {
            let flags = PortConfig::default().tx.to_flags() & !(lacking as u64);
            assert!(!TxOffloads::from_flags(flags).tso);
        }
    }
}
