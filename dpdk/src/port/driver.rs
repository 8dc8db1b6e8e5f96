//! What differs from driver to driver.

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

    /// Most payload of a segment cut from a large frame.
    pub(super) fn max_tso_segment(self, mtu: u16) -> u16 {
        match self {
            // It compares the MTU with the whole header, Ethernet's 14 bytes included, and
            // stops at a frame that exceeds it: leave room for IPv4 and the longest TCP.
            Self::Tap => mtu.saturating_sub(14 + 20 + 60),
            Self::Virtio | Self::Other => mtu.saturating_sub(40),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn tap_counts_the_ethernet_header() {
        assert_eq!(Driver::named("net_tap").max_tso_segment(1500), 1406);
        assert_eq!(Driver::named("net_virtio_user").max_tso_segment(1500), 1460);
    }
}
