//! The device behind a port and its queues.

use super::PortError;
use crate::{Eal, Mempool, errno};
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

/// A device in use by one [`Port`](super::Port) and its queues, which share it; it is
/// stopped and closed with the last of them.
#[derive(Debug)]
pub(crate) struct Device {
    id: u16,
    name: String,
    /// Whether the device was changed, so that it must be closed.
    configured: bool,
    /// Whose mbufs its receive rings hold.
    _rx_pools: Vec<Mempool>,
    eal: Eal,
}

impl Device {
    /// Takes the port of this name for its only user.
    pub(super) fn take(eal: &Eal, name: &str, rx_pools: &[Mempool]) -> Result<Self, PortError> {
        let unknown = || PortError::Unknown(name.to_owned());
        let c_name = CString::new(name).map_err(|_| unknown())?;
        let mut state = eal.state();
        if state.open_ports.contains(name) {
            return Err(PortError::Open(name.to_owned()));
        }
        let mut id = 0;
        // SAFETY: the EAL is up; the name is NUL-terminated; `id` is valid for writing.
        let code = unsafe { dpdk_sys::rte_eth_dev_get_port_by_name(c_name.as_ptr(), &raw mut id) };
        errno::check(code).map_err(|_| unknown())?;
        state.open_ports.insert(name.to_owned());
        drop(state);
        Ok(Self {
            id,
            name: name.to_owned(),
            configured: false,
            _rx_pools: rx_pools.iter().map(Mempool::share).collect(),
            eal: eal.share(),
        })
    }

    pub(super) fn id(&self) -> u16 {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says that the device is about to be changed.
    pub(super) fn begin_configuring(&mut self) {
        self.configured = true;
    }

    pub(super) fn info(&self) -> io::Result<dpdk_sys::rte_eth_dev_info> {
        let mut info = MaybeUninit::<dpdk_sys::rte_eth_dev_info>::zeroed();
        // SAFETY: the port is open; `info` is valid for writing.
        errno::check(unsafe { dpdk_sys::rte_eth_dev_info_get(self.id, info.as_mut_ptr()) })?;
        // SAFETY: zeroed and then filled in; all its fields are integers and raw pointers.
        Ok(unsafe { info.assume_init() })
    }

    /// The bus's view of the device; valid while `self` lives.
    pub(crate) fn rte_device(&self) -> io::Result<*mut dpdk_sys::rte_device> {
        self.info().map(|info| info.device)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // A device that was only looked at can be opened later.
        if self.configured {
            // SAFETY: the port is open and no queue of it is left to be polled. A driver
            // that fails to stop is closed all the same.
            unsafe { dpdk_sys::rte_eth_dev_stop(self.id) };
            // SAFETY: as above; this frees what its rings hold, into pools that the EAL
            // keeps.
            unsafe { dpdk_sys::rte_eth_dev_close(self.id) };
        }
        self.eal.state().open_ports.remove(&self.name);
    }
}
