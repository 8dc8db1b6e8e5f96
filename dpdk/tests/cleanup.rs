//! The last holder of the EAL gives its memory back to the system.

use dpdk::eal::{LogLevel, Pages};
use dpdk::{Eal, EalConfig, Mempool, MempoolConfig};

/// Whether some mapping of this process holds the address.
fn mapped(address: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a Linux system");
    maps.lines().any(|line| {
        let range = line
            .split_whitespace()
            .next()
            .and_then(|range| range.split_once('-'));
        let Some((start, end)) = range else {
            return false;
        };
        let bound = |text| usize::from_str_radix(text, 16).expect("hexadecimal");
        (bound(start)..bound(end)).contains(&address)
    })
}

#[test]
fn memory_goes_when_the_last_holder_does() {
    let eal = Eal::start(&EalConfig {
        pages: Pages::Ordinary,
        memory_mib: Some(64),
        log_level: LogLevel::Error,
        ..EalConfig::default()
    })
    .expect("the EAL starts");
    let pool = Mempool::create(&eal, "pool", MempoolConfig::default()).expect("pool");
    let mbuf = pool.allocate().expect("mbuf");
    let address = mbuf.bytes().as_ptr().addr();
    drop(mbuf);
    drop(eal);
    assert!(mapped(address), "the pool holds the EAL");
    drop(pool);
    assert!(!mapped(address));
    assert!(Eal::start(&EalConfig::default()).is_err(), "it starts once");
}
