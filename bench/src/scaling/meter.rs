//! Ticks and memory of the engine's own work.

use std::alloc::System;
use std::cell::Cell;

use dpdk::tsc;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::world::{HeldWire, World};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the engine used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Of the time-stamp counter.
    pub ticks: u64,
    /// Bytes of the heap it took and did not give back.
    pub bytes: u64,
}

thread_local! {
    static USED: Cell<Used> = const { Cell::new(Used { ticks: 0, bytes: 0 }) };
}

/// Bytes of the heap that are in use.
pub fn heap_bytes() -> u64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated) as u64
}

/// What `work` used, whoever's it is.
fn used(work: &mut dyn FnMut()) -> Used {
    let (bytes, ticks) = (heap_bytes(), tsc::now());
    work();
    Used {
        ticks: tsc::now().wrapping_sub(ticks),
        bytes: heap_bytes().wrapping_sub(bytes),
    }
}

fn metered(work: &mut dyn FnMut()) {
    let more = used(work);
    let sum = USED.get();
    USED.set(Used {
        ticks: sum.ticks.wrapping_add(more.ticks),
        bytes: sum.bytes.wrapping_add(more.bytes),
    });
}

/// The wire's own work is taken out again.
fn aside(work: &mut dyn FnMut()) {
    let less = used(work);
    let sum = USED.get();
    USED.set(Used {
        ticks: sum.ticks.wrapping_sub(less.ticks),
        bytes: sum.bytes.wrapping_sub(less.bytes),
    });
}

/// Counts the engine's work in this world from now on.
pub fn attach(world: &mut World<HeldWire>) {
    world.meter = metered;
    for wire in &mut world.wires {
        wire.aside = aside;
    }
}

/// What was used since the last call.
pub fn take() -> Used {
    USED.take()
}

/// Ticks of the engine for one call: the median of so many, so that neighbours on the machine, who interrupt few
/// of them, do not count.
pub fn ticks_per_call(calls: usize, mut call: impl FnMut()) -> u64 {
    let mut ticks: Vec<u64> = (0..calls)
        .map(|_| {
            take();
            call();
            take().ticks
        })
        .collect();
    ticks.sort_unstable();
    ticks.get(calls / 2).copied().unwrap_or(0)
}
