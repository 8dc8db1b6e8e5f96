//! Two of our stacks over links that misbehave: every byte arrives, in order,
//! in both directions, and no memory is held afterwards.

mod harness;

use std::fmt::Write;
use std::time::Duration;

use harness::link::{Faults, Link, Plan, Router};
use net::{Offload, Tso};
use proptest::prelude::*;

const TSO: Offload = Offload {
    ip_checksum: true,
    tcp_checksum: true,
    tso: Some(Tso {
        max_payload: 65_495,
        max_pieces: 40,
        max_segment: 1446,
    }),
};

fn run(plan: &Plan) -> Link {
    let mut link = Link::new(plan);
    link.run();
    link
}

#[test]
fn a_clean_link_needs_no_retransmission() {
    let link = run(&Plan::new(1, Faults::NONE, [3_000_000, 2_000_000]));
    for end in &link.ends {
        assert_eq!(end.stack.stats().retransmitted_frames, 0);
    }
    link.check();
}

#[test]
fn a_clean_link_carries_super_segments() {
    let mut plan = Plan::new(2, Faults::NONE, [3_000_000, 2_000_000]);
    plan.offload = [TSO; 2];
    let link = run(&plan);
    let stats = link.ends[0].stack.stats();
    assert_eq!(stats.retransmitted_frames, 0);
    assert!(
        stats.payload_bytes_out / stats.frames_out > 2500,
        "{stats:?}"
    );
    link.check();
}

#[test]
fn nothing_to_send_closes_all_the_same() {
    run(&Plan::new(3, Faults::NONE, [0, 0])).check();
}

/// One frame in five is lost with no mercy, a quarter of the others are
/// overtaken, a tenth repeated, and of one in twenty a damaged copy arrives too.
#[test]
fn a_fifth_of_all_frames_lost_loses_nothing() {
    let faults = Faults {
        loss: 200,
        repeat: 100,
        reorder: 250,
        corrupt: 50,
        burst: u32::MAX,
        delay: Duration::from_millis(1),
    };
    for seed in 0..20 {
        let mut plan = Plan::new(seed, faults, [200_000, 150_000]);
        plan.reads_slowly = seed % 2 == 0;
        if seed % 4 < 2 {
            plan.offload = [TSO; 2];
        }
        let link = run(&plan);
        assert!(
            link.ends
                .iter()
                .all(|end| end.stack.stats().dropped_checksum > 0)
        );
        link.check();
    }
}

#[test]
fn a_narrow_path_carries_everything_whether_its_router_says_so_or_not() {
    let faults = Faults {
        loss: 20,
        reorder: 100,
        ..Faults::NONE
    };
    for (seed, silent) in [(4, false), (5, true)] {
        for offload in [Offload::default(), TSO] {
            let mut plan = Plan::new(seed, faults, [3_000_000, 2_000_000]);
            plan.offload = [offload; 2];
            plan.router = Some(Router { mtu: 1280, silent });
            let link = run(&plan);
            for end in &link.ends {
                let stats = end.stack.stats();
                let found = (stats.path_mtu_lowered, stats.black_holes);
                assert!(
                    if silent { found.1 > 0 } else { found == (1, 0) },
                    "{found:?}"
                );
            }
            link.check();
        }
    }
}

/// Goodput of one direction at a given loss and delay, from fixed seeds: a
/// change to recovery shows here. Virtual time, so it is the same everywhere.
#[test]
fn throughput_by_loss() {
    const BYTES: usize = 4 << 20;
    let mut table = String::from("loss/1000  one-way delay  Mbit/s (median of 15)  timeouts\n");
    for loss in [0, 1, 5, 10, 20, 50] {
        for delay in [50, 1000, 10_000] {
            let faults = Faults {
                loss,
                delay: Duration::from_micros(delay),
                ..Faults::NONE
            };
            let mut runs: Vec<(u64, u64)> = (0..15)
                .map(|seed| {
                    let mut link = Link::new(&Plan::new(seed, faults, [BYTES, 0]));
                    let start = link.now;
                    link.run();
                    let micros = u64::try_from((link.now - start).as_micros()).unwrap();
                    let timeouts = link.ends[0].stack.stats().timeouts;
                    link.check();
                    (BYTES as u64 * 8 / micros, timeouts)
                })
                .collect();
            runs.sort_unstable();
            let (rate, timeouts) = runs[7];
            writeln!(table, "{loss:9}  {delay:10} µs  {rate:20}  {timeouts:8}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

fn faults() -> impl Strategy<Value = Faults> {
    (
        0_u64..150,
        0_u64..100,
        0_u64..300,
        0_u64..50,
        20_u64..20_000,
    )
        .prop_map(|(loss, repeat, reorder, corrupt, delay)| Faults {
            loss,
            repeat,
            reorder,
            corrupt,
            burst: 3,
            delay: Duration::from_micros(delay),
        })
}

fn plans() -> impl Strategy<Value = Plan> {
    (
        any::<u64>(),
        faults(),
        [0_usize..300_000, 0_usize..300_000],
        [576_u16..9000, 576_u16..9000],
        [2_000_usize..1_000_000, 2_000_usize..1_000_000],
        [any::<bool>(), any::<bool>()],
        any::<bool>(),
    )
        .prop_map(
            |(seed, faults, bytes, mtu, receive_window, tso, both_first)| Plan {
                seed,
                faults,
                bytes,
                mtu,
                receive_window,
                offload: tso.map(|tso| if tso { TSO } else { Offload::default() }),
                closes_first: [true, both_first],
                reads_slowly: seed % 2 == 0,
                router: None,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn streams_arrive_whole_over_any_link(plan in plans()) {
        run(&plan).check();
    }
}
