//! DPDK's error numbers, which are the system's.

use std::io;

/// What the last DPDK call of this thread that reports through `rte_errno` left there.
pub(crate) fn last() -> io::Error {
    // SAFETY: reads this thread's own `rte_errno`; it has no precondition.
    let number = unsafe { dpdk_sys::shim_errno() };
    io::Error::from_raw_os_error(number)
}

/// The error of a call that returns zero or more for success and `-errno` for failure.
pub(crate) fn check(code: i32) -> io::Result<()> {
    if code < 0 {
        Err(io::Error::from_raw_os_error(code.saturating_neg()))
    } else {
        Ok(())
    }
}
