//! Memory from outside the EAL, made known to it and to devices.

use super::MemoryError;
use crate::port::Device;
use crate::{Eal, Port, errno};
use extbuf::Region;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// Smallest page that memory can consist of; a power of two.
const SMALLEST_PAGE: usize = 4096;

/// Memory from outside the EAL that PCI devices may read, until it is dropped.
///
/// Register it once, then map it for every port that sends from it. It cannot live
/// beside a virtio-user device, whose backend is told of EAL memory only and gets
/// none at all once other memory is registered.
#[derive(Debug)]
pub struct RegisteredMemory<R: Region> {
    /// Dropped last: nothing may know its pages any more.
    memory: R,
    mappings: Vec<Mapping>,
    eal: Eal,
}

/// A stretch that is contiguous in IO address space, known to one device.
#[derive(Debug)]
struct Mapping {
    device: Arc<Device>,
    address: usize,
    iova: u64,
    len: usize,
}

impl<R: Region> RegisteredMemory<R> {
    /// Makes the EAL know the memory, page by page.
    ///
    /// # Errors
    ///
    /// See [`MemoryError`]; the memory is dropped then.
    pub fn register(eal: &Eal, memory: R) -> Result<Self, MemoryError> {
        let page_size = memory.page_size();
        let whole = page_size >= SMALLEST_PAGE
            && page_size.is_power_of_two()
            && memory.len() > 0
            && memory.len().is_multiple_of(page_size)
            && memory.base().addr().get().is_multiple_of(page_size);
        if !whole {
            return Err(MemoryError::Unaligned { page_size });
        }
        let mut pages = page_iovas(eal, &memory)?;
        let count = u32::try_from(pages.len()).map_err(|_| MemoryError::Unaligned { page_size })?;
        // Held throughout, so that no virtio-user device is plugged meanwhile.
        let mut state = eal.state();
        if state.has_virtio_user() {
            return Err(MemoryError::VirtioUser);
        }
        // SAFETY: the region is mapped and exclusively owned (contract of `Region`), starts
        // at a page and is `count` pages long, as was just checked; `pages` holds one
        // address for each and is copied.
        let code = unsafe {
            dpdk_sys::rte_extmem_register(
                memory.base().as_ptr().cast(),
                memory.len(),
                pages.as_mut_ptr(),
                count,
                page_size,
            )
        };
        if code != 0 {
            return Err(MemoryError::Register(errno::last()));
        }
        state.registered_regions += 1;
        drop(state);
        Ok(Self {
            memory,
            mappings: Vec::new(),
            eal: eal.share(),
        })
    }

    /// Lets the port's device read the memory. Needed by PCI devices behind an IOMMU;
    /// virtual devices refuse it.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Map`] when the device refuses. What was mapped before stays so
    /// until the memory is dropped.
    pub fn map_for(&mut self, port: &Port) -> Result<(), MemoryError> {
        let pages = page_iovas(&self.eal, &self.memory)?;
        let page_size = self.memory.page_size();
        let mut page = 0;
        while let Some(&iova) = pages.get(page) {
            // As many pages as follow each other in IO address space too.
            let run = pages
                .iter()
                .skip(page)
                .enumerate()
                .take_while(|(n, next)| **next == iova.wrapping_add((n * page_size) as u64))
                .count();
            let mapping = Mapping {
                device: port.device(),
                address: self.memory.base().addr().get() + page * page_size,
                iova,
                len: run * page_size,
            };
            let device = mapping.device.rte_device().map_err(MemoryError::Map)?;
            // SAFETY: the device is open as long as `mapping.device` lives; the stretch is
            // part of the registered region and contiguous from `iova` on.
            let code =
                unsafe { dpdk_sys::rte_dev_dma_map(device, mapping.pointer(), iova, mapping.len) };
            if code != 0 {
                return Err(MemoryError::Map(errno::last()));
            }
            self.mappings.push(mapping);
            page += run;
        }
        Ok(())
    }
}

impl Mapping {
    fn pointer(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.address)
    }
}

/// The IO address of every page.
fn page_iovas<R: Region>(eal: &Eal, memory: &R) -> Result<Vec<u64>, MemoryError> {
    let base = memory.base();
    // Devices get the addresses and use them, whatever Rust thinks of provenance.
    let _ = base.as_ptr().expose_provenance();
    (0..memory.len() / memory.page_size())
        .map(|page| {
            let offset = page * memory.page_size();
            base.addr()
                .checked_add(offset)
                .and_then(|address| eal.virt2iova(base.with_addr(address)))
                .ok_or(MemoryError::NoIova { page })
        })
        .collect()
}

// SAFETY: passes on the inner region's promise. Registering gives nobody else the right to
// write, and devices read only what is lent to them.
unsafe impl<R: Region> Region for RegisteredMemory<R> {
    fn base(&self) -> NonNull<u8> {
        self.memory.base()
    }

    fn len(&self) -> usize {
        self.memory.len()
    }

    fn page_size(&self) -> usize {
        self.memory.page_size()
    }
}

impl<R: Region> Drop for RegisteredMemory<R> {
    fn drop(&mut self) {
        for mapping in self.mappings.drain(..) {
            if let Ok(device) = mapping.device.rte_device() {
                // SAFETY: `map_for` mapped exactly this stretch for this device, which
                // `mapping.device` still holds open.
                unsafe {
                    dpdk_sys::rte_dev_dma_unmap(
                        device,
                        mapping.pointer(),
                        mapping.iova,
                        mapping.len,
                    )
                };
            }
        }
        let mut state = self.eal.state();
        // SAFETY: `register` registered exactly this region, once, and the EAL is up.
        let code = unsafe {
            dpdk_sys::rte_extmem_unregister(self.memory.base().as_ptr().cast(), self.memory.len())
        };
        // If it fails the EAL still lists the memory, and virtio-user must stay barred.
        if code == 0 {
            state.registered_regions -= 1;
        }
    }
}
