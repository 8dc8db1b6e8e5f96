//! Byte-exact both ways through a router that drops packets at random.

use super::harness::link::Faults;
use super::middle_box::MiddleBox;
use super::namespace::isolated;
use super::network::{dropped_by_router, routed};
use super::streams::{Order, Plan};
use super::transfers::{MEBIBYTE, call, serve};

const PLAN: Plan = Plan {
    to_stack: 3 * MEBIBYTE + 1,
    to_kernel: 3 * MEBIBYTE + 1,
    order: Order::Together,
};

fn kernel_connects(percent: u32) {
    let clean = MiddleBox::new(Faults::NONE, 0);
    let network = |application| routed(percent, application);
    let stats = serve(network, clean, PLAN, 1);
    check(&stats);
}

fn stack_connects(percent: u32) {
    let clean = MiddleBox::new(Faults::NONE, 0);
    let network = |application| routed(percent, application);
    let stats = call(network, clean, PLAN, 1);
    check(&stats);
}

/// Both sides had losses to mend, and mended them by selective acknowledgements.
fn check(stats: &net::Stats) {
    let dropped = dropped_by_router();
    assert!(dropped.iter().all(|&count| count > 5), "{dropped:?}");
    assert!(stats.fast_retransmits > 0, "{stats:?}");
    assert!(stats.out_of_order > 0, "{stats:?}");
}

#[test]
fn the_kernel_connects_and_1_percent_is_lost() {
    isolated(|| kernel_connects(1));
}

#[test]
fn the_stack_connects_and_1_percent_is_lost() {
    isolated(|| stack_connects(1));
}

#[test]
fn the_kernel_connects_and_5_percent_are_lost() {
    isolated(|| kernel_connects(5));
}

#[test]
fn the_stack_connects_and_5_percent_are_lost() {
    isolated(|| stack_connects(5));
}
