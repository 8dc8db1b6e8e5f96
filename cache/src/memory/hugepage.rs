//! Hugepages of the system's default size.

use core::ptr::NonNull;
use std::alloc::Layout;
use std::fs;
use std::io;

use extbuf::Region;

use crate::error::ArenaError;

/// Memory in hugepages, populated, not passed on to child processes.
///
/// It is all there when [`HugepageMemory::allocate`] returns: a shortage is an
/// error then and not a bus error at some later touch.
#[derive(Debug)]
pub struct HugepageMemory {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the mapping is owned and not tied to a thread; it may be unmapped anywhere.
unsafe impl Send for HugepageMemory {}

impl HugepageMemory {
    /// At least `len` bytes, rounded up to whole hugepages, zeroed.
    ///
    /// # Errors
    /// If `len` is zero or beyond the address space, the system has no hugepages,
    /// too few are free, or the kernel is older than Linux 5.14.
    pub fn allocate(len: usize) -> Result<Self, ArenaError> {
        // Asked for here as well because `hugepage_rs` panics where there are none.
        let page_size = default_page_size().ok_or(ArenaError::HugepagesUnsupported)?;
        let invalid = ArenaError::InvalidLength { len };
        // Rounded here because `hugepage_rs` does not check for overflow.
        let Some(rounded) = len.checked_next_multiple_of(page_size) else {
            return Err(invalid);
        };
        let Ok(layout) = Layout::from_size_align(rounded, page_size) else {
            return Err(invalid);
        };
        if rounded == 0 {
            return Err(invalid);
        }
        let shortage = |source| ArenaError::HugepageShortage {
            pages: rounded / page_size,
            page_size,
            source,
        };
        // SAFETY: the layout's size is not zero, as just checked.
        let base = unsafe { hugepage_rs::alloc(layout) };
        // Read at once: `hugepage_rs` gives null and leaves the reason in `errno`.
        let reason = io::Error::last_os_error();
        let Some(base) = NonNull::new(base) else {
            return Err(shortage(reason));
        };
        // From here on `drop` unmaps it.
        let memory = Self { base, layout };
        // A child would get a copy-on-write view: the first write after a fork would
        // move this process to new pages while the NIC still reads the old ones.
        memory
            .advise(libc::MADV_DONTFORK)
            .map_err(|source| ArenaError::Advice {
                advice: "MADV_DONTFORK",
                source,
            })?;
        memory
            .advise(libc::MADV_POPULATE_WRITE)
            .map_err(|source| match source.raw_os_error() {
                Some(libc::EINVAL) => ArenaError::Advice {
                    advice: "MADV_POPULATE_WRITE",
                    source,
                },
                _ => shortage(source),
            })?;
        Ok(memory)
    }

    fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the range is this value's own mapping, whole pages of it; neither
        // advice changes or drops its contents.
        let result =
            unsafe { libc::madvise(self.base.as_ptr().cast(), self.layout.size(), advice) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl Drop for HugepageMemory {
    fn drop(&mut self) {
        // SAFETY: `base` came from `hugepage_rs::alloc` with this very layout.
        unsafe { hugepage_rs::dealloc(self.base.as_ptr(), self.layout) }
    }
}

// SAFETY: a private anonymous mapping, populated and zeroed, that lives until `drop`
// and that nobody else knows; hugepages of the size that the layout is aligned to.
unsafe impl Region for HugepageMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.layout.size()
    }

    fn page_size(&self) -> usize {
        self.layout.align()
    }
}

/// Bytes of a default hugepage, or `None` where there are none.
fn default_page_size() -> Option<usize> {
    parse_page_size(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_page_size(meminfo: &str) -> Option<usize> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("Hugepagesize:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let size = kibibytes.checked_mul(1024)?;
    size.is_power_of_two().then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_size_is_read_from_meminfo() {
        let meminfo = "MemTotal: 1 kB\nHugepagesize:       2048 kB\n";
        assert_eq!(parse_page_size(meminfo), Some(2 << 20));
        assert_eq!(parse_page_size("Hugepagesize: 1048576 kB\n"), Some(1 << 30));
    }

    #[test]
    fn meminfo_without_a_usable_page_size_gives_none() {
        for meminfo in [
            "",
            "MemTotal: 1 kB\n",
            "Hugepagesize: kB\n",
            "Hugepagesize: 3 kB\n",
        ] {
            assert_eq!(parse_page_size(meminfo), None, "{meminfo:?}");
        }
    }
}
