//! `rte_mbuf`, whose layout DPDK keeps but whose generated field paths it does not.

use crate::bindings::{rte_mbuf_ext_shared_info, rte_mempool};

/// One segment of a frame, with DPDK's own field names.
///
/// Declared by hand because bindgen's paths through its anonymous unions changed
/// between 22.11 and 24.11 while the layout did not. `csrc/shim.c` asserts every
/// offset against the headers that are compiled, this file against itself.
#[repr(C, align(64))]
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "DPDK's name")]
#[allow(missing_docs, reason = "documented by DPDK")]
pub struct rte_mbuf {
    pub buf_addr: *mut core::ffi::c_void,
    pub buf_iova: u64,
    pub data_off: u16,
    pub refcnt: u16,
    pub nb_segs: u16,
    pub port: u16,
    pub ol_flags: u64,
    pub packet_type: u32,
    pub pkt_len: u32,
    pub data_len: u16,
    pub vlan_tci: u16,
    pub hash: [u32; 2],
    pub vlan_tci_outer: u16,
    pub buf_len: u16,
    pub pool: *mut rte_mempool,
    pub next: *mut rte_mbuf,
    pub tx_offload: u64,
    pub shinfo: *mut rte_mbuf_ext_shared_info,
    pub priv_size: u16,
    pub timesync: u16,
    pub dynfield1: [u32; 9],
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<rte_mbuf>() == 128);
    assert!(offset_of!(rte_mbuf, buf_iova) == 8);
    assert!(offset_of!(rte_mbuf, data_off) == 16);
    assert!(offset_of!(rte_mbuf, refcnt) == 18);
    assert!(offset_of!(rte_mbuf, nb_segs) == 20);
    assert!(offset_of!(rte_mbuf, port) == 22);
    assert!(offset_of!(rte_mbuf, ol_flags) == 24);
    assert!(offset_of!(rte_mbuf, packet_type) == 32);
    assert!(offset_of!(rte_mbuf, pkt_len) == 36);
    assert!(offset_of!(rte_mbuf, data_len) == 40);
    assert!(offset_of!(rte_mbuf, vlan_tci) == 42);
    assert!(offset_of!(rte_mbuf, hash) == 44);
    assert!(offset_of!(rte_mbuf, vlan_tci_outer) == 52);
    assert!(offset_of!(rte_mbuf, buf_len) == 54);
    assert!(offset_of!(rte_mbuf, pool) == 56);
    assert!(offset_of!(rte_mbuf, next) == 64);
    assert!(offset_of!(rte_mbuf, tx_offload) == 72);
    assert!(offset_of!(rte_mbuf, shinfo) == 80);
    assert!(offset_of!(rte_mbuf, priv_size) == 88);
    assert!(offset_of!(rte_mbuf, timesync) == 90);
    assert!(offset_of!(rte_mbuf, dynfield1) == 92);
};
