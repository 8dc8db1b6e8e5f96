//! Byte-exact both ways through a box that loses, repeats, holds back and
//! corrupts frames.

use std::time::Duration;

use super::harness::link::Faults;
use super::middle_box::MiddleBox;
use super::namespace::isolated;
use super::network::direct;
use super::streams::{Order, Plan};
use super::transfers::{MEBIBYTE, call, serve};

const PLAN: Plan = Plan {
    to_stack: 3 * MEBIBYTE + 1,
    to_kernel: 3 * MEBIBYTE + 1,
    order: Order::Together,
};

/// Frames are held back by up to nine times the delay.
const REORDERING: Faults = Faults {
    repeat: 30,
    reorder: 100,
    delay: Duration::from_micros(200),
    ..Faults::NONE
};

/// Beside good copies of the same frames, so that nothing else goes wrong.
const CORRUPTING: Faults = Faults {
    repeat: 0,
    reorder: 0,
    corrupt: 50,
    ..REORDERING
};

const EVERYTHING: Faults = Faults {
    loss: 10,
    corrupt: 20,
    ..REORDERING
};

fn kernel_connects(faults: Faults, seed: u64) -> net::Stats {
    serve(direct, MiddleBox::new(faults, seed), PLAN, 1)
}

fn stack_connects(faults: Faults, seed: u64) -> net::Stats {
    call(direct, MiddleBox::new(faults, seed), PLAN, 1)
}

/// Segments of which the kernel found the checksum wrong, in this namespace.
fn bad_checksums_of_the_kernel() -> u64 {
    let counters = std::fs::read_to_string("/proc/thread-self/net/snmp").expect("counters");
    let mut tcp = counters.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (tcp.next().expect("names"), tcp.next().expect("values"));
    names
        .split_whitespace()
        .zip(values.split_whitespace())
        .find(|(name, _)| *name == "InCsumErrors")
        .and_then(|(_, value)| value.parse().ok())
        .expect("a counter")
}

#[test]
fn the_kernel_connects_through_disorder() {
    isolated(|| {
        let stats = kernel_connects(REORDERING, 1);
        assert!(stats.out_of_order > 0, "{stats:?}");
        assert!(stats.duplicates_reported > 0, "{stats:?}");
    });
}

#[test]
fn the_stack_connects_through_disorder() {
    isolated(|| {
        let stats = stack_connects(REORDERING, 2);
        assert!(stats.out_of_order > 0, "{stats:?}");
        assert!(stats.duplicates_reported > 0, "{stats:?}");
    });
}

#[test]
fn checksums_catch_what_is_corrupted_both_ways() {
    isolated(|| {
        let stats = kernel_connects(CORRUPTING, 3);
        assert!(stats.dropped_checksum > 0, "{stats:?}");
        assert!(bad_checksums_of_the_kernel() > 0);
    });
}

#[test]
fn everything_at_once_while_the_kernel_connects() {
    isolated(|| {
        kernel_connects(EVERYTHING, 4);
    });
}

#[test]
fn everything_at_once_while_the_stack_connects() {
    isolated(|| {
        stack_connects(EVERYTHING, 5);
    });
}
