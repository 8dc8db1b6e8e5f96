//! Network ports and their queues.

mod config;
mod device;
mod driver;
mod open;
mod rx_queue;
mod tx_queue;

pub use config::{Granted, PortConfig, RxOffloads, Tso, TxOffloads};
pub(crate) use device::Device;
pub use rx_queue::RxQueue;
pub use tx_queue::TxQueue;

use crate::errno;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Why a port did not open or answer.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// there is no such port
    #[error(
        "there is no port {0}: name its virtual device in the configuration, or bind its NIC with \
         deploy/setup and allow its PCI address"
    )]
    Unknown(String),
    /// the port is open already
    #[error("port {0} is open already")]
    Open(String),
    /// the port has fewer queues than asked for
    #[error("port {port} has {max} {direction} queues, not {asked}: use fewer cores")]
    Queues {
        /// Name of the port.
        port: String,
        /// `receive` or `transmit`.
        direction: &'static str,
        /// Queues asked for.
        asked: u16,
        /// Queues it has.
        max: u16,
    },
    /// receive queues and pools do not match in number
    #[error("{queues} receive queues need 1 or {queues} pools, not {pools}")]
    Pools {
        /// Receive queues asked for.
        queues: u16,
        /// Pools given.
        pools: usize,
    },
    /// frames of the MTU do not fit into the pool's mbufs
    #[error(
        "frames of MTU {mtu} do not fit into mbufs with room for {room} bytes, and the port does not \
         spread them: lower the MTU or raise the pool's data room"
    )]
    MtuBeyondRoom {
        /// MTU asked for.
        mtu: u16,
        /// Bytes that one mbuf takes.
        room: u16,
    },
    /// the driver refused
    #[error("the driver of port {port} refused to {step}: {source}")]
    Driver {
        /// Name of the port.
        port: String,
        /// What it was asked to do.
        step: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// a pool is empty
    #[error("the receive pool is empty: make it larger than all receive rings together")]
    PoolEmpty,
}

/// Whether a port's link is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether frames can pass.
    pub up: bool,
    /// Megabits a second, if known.
    pub speed_mbps: Option<u32>,
}

/// What a port counted since it opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Frames received.
    pub rx_packets: u64,
    /// Frames transmitted.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes transmitted.
    pub tx_bytes: u64,
    /// Frames the device dropped because its ring was full.
    pub rx_missed: u64,
    /// Frames received broken.
    pub rx_errors: u64,
    /// Frames not transmitted because of an error.
    pub tx_errors: u64,
    /// Frames lost because the pool was empty.
    pub rx_no_mbuf: u64,
}

/// An open port: its control side. The data side is its queues.
///
/// The device is stopped and closed when this and all queues are dropped; a closed
/// port is gone until its device is plugged anew.
#[derive(Debug)]
pub struct Port {
    device: Arc<Device>,
    driver: String,
    mac: [u8; 6],
    granted: Granted,
}

impl Port {
    /// Its name.
    pub fn name(&self) -> &str {
        self.device.name()
    }

    /// Its driver's name.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// Its Ethernet address.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// What it does of what was asked.
    pub fn granted(&self) -> Granted {
        self.granted
    }

    /// Whether its link is up, without waiting. Call it every second: a virtio-user port
    /// in server mode takes a returning backend up only here.
    ///
    /// # Errors
    ///
    /// [`PortError::Driver`] when the driver does.
    pub fn link(&self) -> Result<Link, PortError> {
        let (mut speed, mut up) = (0, 0);
        // SAFETY: the device is open; both out pointers are valid for writing.
        let code =
            unsafe { dpdk_sys::shim_link_poll(self.device.id(), &raw mut speed, &raw mut up) };
        self.device.check(code, "tell its link status")?;
        // Unknown is all ones; some software drivers say nothing at all.
        let known = speed != 0 && speed != u32::MAX;
        Ok(Link {
            up: up != 0,
            speed_mbps: known.then_some(speed),
        })
    }

    /// What it counted.
    ///
    /// # Errors
    ///
    /// [`PortError::Driver`] when the driver counts nothing.
    pub fn stats(&self) -> Result<PortStats, PortError> {
        let mut stats = MaybeUninit::<dpdk_sys::rte_eth_stats>::zeroed();
        // SAFETY: the device is open; `stats` is valid for writing.
        let code = unsafe { dpdk_sys::rte_eth_stats_get(self.device.id(), stats.as_mut_ptr()) };
        self.device.check(code, "tell its statistics")?;
        // SAFETY: zeroed, and all integers.
        let stats = unsafe { stats.assume_init() };
        Ok(PortStats {
            rx_packets: stats.ipackets,
            tx_packets: stats.opackets,
            rx_bytes: stats.ibytes,
            tx_bytes: stats.obytes,
            rx_missed: stats.imissed,
            rx_errors: stats.ierrors,
            tx_errors: stats.oerrors,
            rx_no_mbuf: stats.rx_nombuf,
        })
    }

    pub(crate) fn device(&self) -> Arc<Device> {
        Arc::clone(&self.device)
    }
}

impl Device {
    fn check(&self, code: i32, step: &'static str) -> Result<(), PortError> {
        errno::check(code).map_err(|source| PortError::Driver {
            port: self.name().to_owned(),
            step,
            source,
        })
    }
}
