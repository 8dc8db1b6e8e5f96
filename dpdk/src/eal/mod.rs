//! The EAL: DPDK's process-wide state.

mod arguments;
mod vdev;

pub use arguments::{EalConfig, Iova, LogLevel, Pages};
pub use vdev::Vdev;

use crate::errno;
use std::collections::BTreeSet;
use std::ffi::{CString, c_char};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// The bus of every [`Vdev`].
const VDEV_BUS: &std::ffi::CStr = c"vdev";

/// Why the EAL did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EalError {
    /// the EAL was started before in this process; it starts once
    #[error("the EAL was started before in this process; it starts once")]
    AlreadyStarted,
    /// no CPU given for the EAL's thread
    #[error("no CPU given for the EAL's thread")]
    NoCpu,
    /// with ordinary pages the amount of memory must be given
    #[error("with ordinary pages the amount of memory must be given")]
    NoMemorySize,
    /// an argument holds a NUL byte
    #[error("an argument holds a NUL byte")]
    NulInArgument,
    /// the EAL did not start (its own messages above say where)
    #[error(
        "the EAL did not start: {0} (its own messages above say where). If it lacks hugepages, run \
         deploy/setup, or lower the memory asked for; if a PCI device is refused, run deploy/setup \
         to bind it; physical addresses need root"
    )]
    Start(io::Error),
    /// a device could not be plugged
    #[error(
        "cannot plug {device}: {source} (is its driver installed, and its socket's directory there?)"
    )]
    Plug {
        /// Name of the device.
        device: String,
        /// What the driver said.
        source: io::Error,
    },
    /// a device could not be unplugged
    #[error("cannot unplug {device}: {source}")]
    Unplug {
        /// Name of the device.
        device: String,
        /// What the driver said.
        source: io::Error,
    },
    /// a port is open and must be closed first
    #[error("port {0} is open and must be closed first")]
    PortOpen(String),
    /// virtio-user cannot live beside memory registered from outside the EAL
    #[error(
        "a virtio-user device cannot live beside memory registered from outside the EAL: its \
         backend would get no memory at all; take the memory from the EAL instead"
    )]
    RegisteredMemory,
}

/// The started EAL. Everything made from it holds it.
///
/// When the last holder goes, on the thread that started it and with every mbuf back
/// in its pool, the EAL is cleaned up: its memory is unmapped and its files removed.
/// Otherwise that is left to the end of the process, since memory may still be in use.
#[derive(Debug)]
pub struct Eal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    starter: ThreadId,
    state: Mutex<State>,
}

/// What is changed on the control path only.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Pools made and the mbufs in each; they live until the clean-up.
    pub(crate) pools: Vec<(PoolPointer, u32)>,
    /// Ports that are open, by name.
    pub(crate) open_ports: BTreeSet<String>,
    /// Memory regions registered from outside.
    pub(crate) registered_regions: usize,
    /// virtio-user devices plugged or made at the start.
    virtio_user_devices: usize,
}

impl State {
    pub(crate) fn has_virtio_user(&self) -> bool {
        self.virtio_user_devices > 0
    }
}

/// Address of a pool, kept for the clean-up.
#[derive(Debug)]
pub(crate) struct PoolPointer(pub(crate) NonNull<dpdk_sys::rte_mempool>);

// SAFETY: DPDK's pools may be used from any thread; this pointer is only ever used to
// count what the pool holds, under the state's lock or by its last owner.
unsafe impl Send for PoolPointer {}

static STARTED: AtomicBool = AtomicBool::new(false);

impl Eal {
    /// Starts the EAL, which a process can do once, and binds the calling thread to the
    /// CPUs of the configuration.
    ///
    /// # Errors
    ///
    /// [`EalError::Start`] when the EAL refuses, [`EalError::AlreadyStarted`] the second
    /// time (also after a failure or a clean-up), and what [`EalConfig::arguments`] says.
    pub fn start(config: &EalConfig) -> Result<Self, EalError> {
        let arguments = config
            .arguments()?
            .into_iter()
            .map(|argument| CString::new(argument).map_err(|_| EalError::NulInArgument))
            .collect::<Result<Vec<CString>, EalError>>()?;
        if STARTED.swap(true, Ordering::AcqRel) {
            return Err(EalError::AlreadyStarted);
        }
        let count = i32::try_from(arguments.len()).map_err(|_| EalError::AlreadyStarted)?;
        // Leaked: the EAL reorders the array and some drivers keep pointers into it.
        let mut pointers: Vec<*mut c_char> = arguments.into_iter().map(CString::into_raw).collect();
        pointers.push(std::ptr::null_mut());
        let pointers = pointers.leak();
        // SAFETY: `pointers` holds `count` NUL-terminated writable strings and a null, all
        // of which live for ever; `STARTED` makes this the only call in the process.
        if unsafe { dpdk_sys::rte_eal_init(count, pointers.as_mut_ptr()) } < 0 {
            return Err(EalError::Start(errno::last()));
        }
        let virtio_user_devices = config.vdevs.iter().filter(|v| v.is_virtio_user()).count();
        Ok(Self(Arc::new(Shared {
            starter: std::thread::current().id(),
            state: Mutex::new(State {
                virtio_user_devices,
                ..State::default()
            }),
        })))
    }

    /// Another holder of the same EAL.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Makes a virtual device; its port can then be opened by its name.
    ///
    /// # Errors
    ///
    /// [`EalError::Plug`] when the driver refuses, [`EalError::RegisteredMemory`] for a
    /// virtio-user device while memory from outside is registered.
    pub fn plug(&self, vdev: &Vdev) -> Result<(), EalError> {
        let (name, arguments) = vdev.to_c()?;
        let mut state = self.state();
        if vdev.is_virtio_user() && state.registered_regions > 0 {
            return Err(EalError::RegisteredMemory);
        }
        // SAFETY: the EAL is up while `self` lives; the three strings are NUL-terminated
        // and copied by the callee.
        let code = unsafe {
            dpdk_sys::rte_eal_hotplug_add(VDEV_BUS.as_ptr(), name.as_ptr(), arguments.as_ptr())
        };
        errno::check(code).map_err(|source| EalError::Plug {
            device: vdev.name().to_owned(),
            source,
        })?;
        state.virtio_user_devices += usize::from(vdev.is_virtio_user());
        Ok(())
    }

    /// Takes a virtual device away.
    ///
    /// # Errors
    ///
    /// [`EalError::PortOpen`] while its port is open, [`EalError::Unplug`] when there is
    /// no such device or the driver refuses.
    pub fn unplug(&self, vdev: &Vdev) -> Result<(), EalError> {
        let (name, _) = vdev.to_c()?;
        // Held throughout, so that the port cannot be opened meanwhile.
        let mut state = self.state();
        if state.open_ports.contains(vdev.name()) {
            return Err(EalError::PortOpen(vdev.name().to_owned()));
        }
        // SAFETY: the EAL is up while `self` lives; both strings are NUL-terminated; no
        // `Port` uses the device, as was just checked under the lock that opening takes.
        let code = unsafe { dpdk_sys::rte_eal_hotplug_remove(VDEV_BUS.as_ptr(), name.as_ptr()) };
        errno::check(code).map_err(|source| EalError::Unplug {
            device: vdev.name().to_owned(),
            source,
        })?;
        let virtio_user = usize::from(vdev.is_virtio_user());
        state.virtio_user_devices = state.virtio_user_devices.saturating_sub(virtio_user);
        Ok(())
    }

    /// The address that devices see for a byte of this process, if it has one.
    ///
    /// Slow where devices see physical addresses: it asks the kernel. Ask once for each
    /// block of memory, not once for each frame.
    pub fn virt2iova(&self, address: NonNull<u8>) -> Option<u64> {
        // SAFETY: the EAL is up; the callee looks the address up and never reads it.
        let iova = unsafe { dpdk_sys::rte_mem_virt2iova(address.as_ptr().cast()) };
        // RTE_BAD_IOVA is all ones.
        (iova != u64::MAX).then_some(iova)
    }

    /// Which addresses devices see: [`Iova::Physical`] or [`Iova::Virtual`].
    pub fn iova(&self) -> Iova {
        // SAFETY: the EAL is up; it has no other precondition.
        let mode = unsafe { dpdk_sys::rte_eal_iova_mode() };
        if mode == dpdk_sys::rte_iova_mode_RTE_IOVA_PA {
            Iova::Physical
        } else {
            Iova::Virtual
        }
    }

    /// Whether some port is a virtio-user device, so that only EAL memory can be sent.
    pub fn has_virtio_user(&self) -> bool {
        self.state().has_virtio_user()
    }

    /// DPDK's name and version.
    pub fn version(&self) -> String {
        // SAFETY: it has no precondition and returns a NUL-terminated string that is
        // built once and kept for the life of the process.
        let version = unsafe { dpdk_sys::rte_version() };
        // SAFETY: as above, the string is NUL-terminated and never freed or changed.
        unsafe { std::ffi::CStr::from_ptr(version) }
            .to_string_lossy()
            .into_owned()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every change to the state is one step, so a panic leaves nothing half done.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Only here is the count of a pool exact: pools, ports and registered threads all
        // hold the EAL, so nobody allocates any more and no other thread has a pool cache
        // that it might be moving; frees by unregistered threads can only add.
        if std::thread::current().id() != self.starter {
            return;
        }
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let all_home = state.pools.iter().all(|(pool, size)| {
            // SAFETY: pools are freed by the clean-up only, which has not run.
            unsafe { dpdk_sys::rte_mempool_avail_count(pool.0.as_ptr()) == *size }
        });
        if all_home {
            // SAFETY: nothing holds the EAL and no mbuf is out, so no pointer into its
            // memory is left; this is the thread that started it.
            unsafe { dpdk_sys::rte_eal_cleanup() };
        }
    }
}
