//! Copy against attach, for developers: criterion's view of what
//! `bench copy-vs-attach` measures in turns.
//!
//! Frames are not freed at once but stay out for a while, as in a transmit ring, so that
//! copies go to memory that is not hot either.
#![forbid(unsafe_code)]

use std::time::Duration;

use bench::copy_vs_attach::{CIPHERS, Chains, PLACES, Ring, SIZES, Sealer, Stage, Way, blocks_of};
use bench::pki::Pki;
use bench::{Bed, COLD_BYTES, fill, last_core, pin};
use cache::BlockRef;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dpdk::tsc;

/// One stage with payloads of one size from every place, both ways.
fn measure<S: Stage>(
    criterion: &mut Criterion,
    (name, ways): (&str, [&str; 2]),
    blocks: &[BlockRef],
    len: usize,
    stage: &mut S,
) {
    let mut group = criterion.benchmark_group(format!("{name}/{len} B"));
    group.throughput(Throughput::Bytes(len as u64));
    for (place, bytes) in PLACES {
        for (way, label) in [Way::Copy, Way::Attach].into_iter().zip(ways) {
            let mut lane = S::lane(blocks_of(blocks, bytes), len, way);
            group.bench_function(BenchmarkId::new(label, place), |bencher| {
                bencher.iter_custom(|payloads| {
                    let payloads = usize::try_from(payloads).expect("a 64-bit machine");
                    let ticks = stage.run(&mut lane, payloads);
                    Duration::from_secs_f64(ticks as f64 / tsc::hz() as f64)
                });
            });
        }
    }
    group.finish();
}

fn copy_vs_attach(criterion: &mut Criterion) {
    let core = last_core();
    let bed = Bed::start(core).expect("an EAL and pools");
    pin(usize::from(core));
    let mut cache = bed.cache("cache", COLD_BYTES).expect("memory");
    let blocks = fill(&mut cache);
    let builder = bed.builder();
    let mut ring = Ring::open(&bed).expect("a virtio ring");
    let mut slots = bed.slots("records").expect("memory");
    let plain = ["copy", "attach"];
    let sealed = ["copy, then seal", "seal in one pass"];
    for len in SIZES {
        measure(
            criterion,
            ("frames", plain),
            &blocks,
            len,
            &mut Chains::new(&builder, len),
        );
        measure(criterion, ("virtio", plain), &blocks, len, &mut ring);
    }
    for (name, suite) in CIPHERS {
        let mut sealer = Sealer::new(Pki::new(suite).sender(), &mut slots);
        for len in SIZES {
            measure(criterion, (name, sealed), &blocks, len, &mut sealer);
        }
    }
}

criterion_group!(benches, copy_vs_attach);
criterion_main!(benches);
