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

/// As [`now`], after everything before it has been done and before anything behind it
/// is begun: for measuring.
#[cfg(target_arch = "x86_64")]
pub fn fenced() -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    let fence = || unsafe { std::arch::x86_64::_mm_lfence() };
    fence();
    let now = now();
    fence();
    now
}
