//! The time stamp counter.

/// Cycles since some moment in the past.
pub fn now() -> u64 {
    // SAFETY: reads the processor's counter; it has no precondition.
    unsafe { dpdk_sys::rte_rdtsc() }
}

/// Cycles in a second, as measured when the EAL started; 0 before that.
pub fn hz() -> u64 {
    // SAFETY: reads a variable that `rte_eal_init` sets once; it has no precondition.
    unsafe { dpdk_sys::rte_get_tsc_hz() }
}
