//! Generates the raw names, and C wrappers for those that are static inline.

use std::path::PathBuf;

const FUNCTIONS: &[&str] = &[
    // EAL
    "rte_eal_(init|cleanup|iova_mode|has_hugepages|hotplug_add|hotplug_remove)",
    "rte_(version|strerror|rdtsc|get_tsc_hz|lcore_id|socket_id)",
    "rte_thread_(register|unregister)",
    // memory
    "rte_memzone_(reserve_aligned|free)",
    "rte_mem_virt2iova",
    "rte_extmem_(register|unregister)",
    "rte_dev_dma_(map|unmap)",
    // mbufs and their pools
    "rte_pktmbuf_(pool_create|alloc|free|free_bulk|data_room_size)",
    "rte_mempool_(avail_count|free)",
    // ports
    "rte_eth_dev_(info_get|configure|adjust_nb_rx_tx_desc|start|stop|close|get_port_by_name|socket_id)",
    "rte_eth_dev_(get_mtu|get_name_by_port)",
    "rte_eth_(rx|tx)_queue_setup",
    "rte_eth_(macaddr_get|promiscuous_enable|stats_get|find_next)",
    "rte_eth_(rx_burst|tx_burst|tx_prepare|tx_done_cleanup)",
    "shim_.*",
];

const TYPES: &[&str] = &[
    "rte_eth_conf",
    "rte_eth_dev_info",
    "rte_eth_stats",
    "rte_eth_txconf",
    "rte_ether_addr",
    "rte_mbuf_ext_shared_info",
    "rte_memzone",
    "rte_iova_mode",
    "rte_eth_rx_mq_mode",
    "shim_.*",
];

const CONSTANTS: &[&str] = &[
    "RTE_ETH_(RX|TX)_OFFLOAD_.*",
    "RTE_ETH_RSS_(IP|TCP)",
    "RTE_MBUF_F_.*",
    "RTE_MBUF_PRIV_ALIGN",
    "RTE_PKTMBUF_HEADROOM",
    "RTE_MEMZONE_(1GB|2MB|SIZE_HINT_ONLY|IOVA_CONTIG)",
    "RTE_MAX_ETHPORTS",
    "LCORE_ID_ANY",
    "SHIM_.*",
];

/// Writes `bindings.rs` into `OUT_DIR`; gives the path of the C wrappers.
pub fn generate(cflags: &[String]) -> PathBuf {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let wrappers = out.join("static_wrappers.c");
    let mut builder = bindgen::Builder::default()
        .header("csrc/shim.h")
        .clang_args(cflags)
        .clang_arg("-Icsrc")
        .use_core()
        .generate_comments(false)
        .layout_tests(true)
        .default_enum_style(bindgen::EnumVariation::Consts)
        // Declared by hand in src/mbuf.rs: its field paths differ from release to release.
        .blocklist_type("rte_mbuf")
        // Never looked into, and full of unions that differ from release to release.
        .opaque_type("rte_mempool")
        .opaque_type("rte_device")
        // Without this every constant built by RTE_BIT64 is silently missing.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(&out)
        .wrap_static_fns(true)
        .wrap_static_fns_path(&wrappers)
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()));
    for pattern in FUNCTIONS {
        builder = builder.allowlist_function(pattern);
    }
    for pattern in TYPES {
        builder = builder.allowlist_type(pattern);
    }
    for pattern in CONSTANTS {
        builder = builder.allowlist_var(pattern);
    }
    builder
        .generate()
        .expect("bindgen cannot read the DPDK headers; it needs libclang 14 or newer")
        .write_to_file(out.join("bindings.rs"))
        .expect("OUT_DIR is writable");
    wrappers
}
