//! Two of our stacks over links that misbehave: every byte arrives, in order,
//! in both directions, and no memory is held afterwards.

mod harness;

use std::time::Duration;

use harness::link::{Faults, Link, Plan};
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
