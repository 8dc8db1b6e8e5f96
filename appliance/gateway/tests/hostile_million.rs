//! A million spoiled records, and replies as bad: no panic, no leak, no growth, and whoever comes afterwards is
//! served as if nothing had been.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod fuzz;
mod lab;

use std::alloc::System;

use fuzz::Fuzz;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RECORDS: u64 = 1_000_000;

/// Records between two times of peace, at which everything must be given back.
const BETWEEN_PEACES: u64 = 20_000;

/// Records until every table is as full as it gets.
const WARM_UP: u64 = 300_000;

/// Bytes that live memory may differ by from one peace to another: two large buffers that were never needed
/// before. A byte lost with every sixth record would be more.
const GROWTH_MAX: usize = 128 * 1024;

fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

#[test]
fn a_million_hostile_records() {
    let mut fuzz = Fuzz::new(Vec::new(), 0x0f05_5e55);
    let mut baseline = None;
    while fuzz.calls < RECORDS {
        fuzz.peaceful = false;
        let end = fuzz.calls + BETWEEN_PEACES;
        while fuzz.calls < end {
            fuzz.step();
        }
        fuzz.make_peace();
        fuzz.assert_at_rest();
        fuzz.assert_serves();
        fuzz.assert_at_rest();
        let live = live_bytes();
        if fuzz.calls >= WARM_UP {
            let baseline = *baseline.get_or_insert(live);
            assert!(
                live < baseline + GROWTH_MAX,
                "after {}: {baseline} bytes have become {live}",
                fuzz.calls
            );
        }
    }
    // It was about something: calls got through, and replies were refused.
    let stats = fuzz.gateway.stats();
    for (what, count) in [
        ("calls", stats.client_calls),
        ("READs", stats.client_reads),
        ("WRITEs", stats.client_writes),
        ("refused calls", stats.client_protocol_errors),
        ("calls refused by exports", stats.refused_by_export),
        ("calls to the origin", stats.origin_calls),
        ("calls sent again", stats.origin_resent),
        ("replies refused", stats.origin_protocol_errors),
        ("replies unknown", stats.origin_unknown_replies),
        ("repeated calls", stats.duplicates_answered),
    ] {
        assert!(count > 1000, "{what}: {count}");
    }
}
