//! What differs from driver to driver.

use dpdk_sys as sys;

/// How a transmit queue is made to free what the device has finished with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reclaim {
    /// virtio: by offering a frame too long for any ring.
    OversizedFrame,
    /// By DPDK's own call, where the driver has it.
    DoneCleanup,
}

/// The driver of a port, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    /// virtio over PCI or a socket.
    Virtio,
    /// The kernel's TAP device.
    Tap,
    /// Any other.
    Other,
}

impl Driver {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "net_virtio" | "net_virtio_user" => Self::Virtio,
            "net_tap" => Self::Tap,
            _ => Self::Other,
        }
    }

    pub(super) fn reclaim(self) -> Reclaim {
        match self {
            Self::Virtio => Reclaim::OversizedFrame,
            Self::Tap | Self::Other => Reclaim::DoneCleanup,
        }
    }

    /// Free descriptors below which the driver looks for finished ones; `None` leaves it
    /// to the driver.
    ///
    /// virtio looks only once fewer than this many are free, and by default lets seven
    /// eighths of a ring pile up. This is the most it accepts.
    pub(super) fn tx_free_threshold(self, descriptors: u16) -> Option<u16> {
        match self {
            Self::Virtio => descriptors
                .checked_sub(4)
                .filter(|threshold| *threshold > 0),
            Self::Tap | Self::Other => None,
        }
    }

    /// Transmit offloads to leave alone although the driver offers them.
    ///
    /// net_tap sums each segment of a frame by itself, so a segment of odd length before
    /// the last makes a wrong TCP checksum; what it cuts it sums in the same way.
    pub(super) fn distrusted_tx_offloads(self) -> u64 {
        match self {
            Self::Tap => {
                (sys::RTE_ETH_TX_OFFLOAD_TCP_CKSUM as u64)
                    | (sys::RTE_ETH_TX_OFFLOAD_TCP_TSO as u64)
            }
            Self::Virtio | Self::Other => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{PortConfig, TxOffloads};

    #[test]
    fn virtio_reclaims_as_early_as_it_can() {
        assert_eq!(
            Driver::named("net_virtio_user").tx_free_threshold(256),
            Some(252)
        );
        assert_eq!(Driver::named("net_virtio").tx_free_threshold(4), None);
        assert_eq!(Driver::named("net_ixgbe").tx_free_threshold(256), None);
    }

    #[test]
    fn tap_is_not_trusted_with_tcp() {
        let offered = PortConfig::default().tx.to_flags();
        let taken = offered & !Driver::named("net_tap").distrusted_tx_offloads();
        let granted = TxOffloads::from_flags(taken);
        assert!(granted.multi_segment && granted.ip_checksum);
        assert!(!granted.tcp_checksum && !granted.tso);
        assert_eq!(Driver::named("net_virtio_user").distrusted_tx_offloads(), 0);
    }
}
