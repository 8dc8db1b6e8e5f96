//! Safe owners for the part of DPDK that Wirepage uses.
