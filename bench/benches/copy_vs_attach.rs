//! Building and freeing the frame of one NFS payload: copied into mbufs against attached
//! where it lies in the cache.
//!
//! Frames are not freed at once but stay out for a while, as in a transmit ring, so that
//! copies go to memory that is not hot either. The wire itself is not part of it.
#![forbid(unsafe_code)]

use bench::{Bed, Source};
use cache::{BlockSlice, WireRef};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use dpdk::{FrameBuilder, Mbuf, Part};

/// Ethernet, IPv4 and TCP without options.
const HEADER: [u8; 54] = [0x11; 54];

/// Blocks of 64 KiB that stay in the second-level cache.
const HOT_BLOCKS: usize = 4;

fn copy(builder: &FrameBuilder, payload: &BlockSlice) -> Mbuf {
    let part = Part::<WireRef>::Copy(payload.as_slice());
    builder
        .build(&HEADER, [part])
        .expect("the pools are large enough")
}

fn attach(builder: &FrameBuilder, payload: &BlockSlice) -> Mbuf {
    let parts = Source::lend(payload).map(Part::Lend);
    builder
        .build(&HEADER, parts)
        .expect("the pools are large enough")
}

/// Measures one frame: built, put out, and the oldest one freed.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    outstanding: usize,
    mut build: impl FnMut() -> Mbuf,
) {
    let mut out: Vec<Option<Mbuf>> = std::iter::repeat_with(|| None).take(outstanding).collect();
    let mut oldest = 0;
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            out[oldest] = Some(build());
            oldest = (oldest + 1) % outstanding;
        });
    });
}

fn copy_vs_attach(criterion: &mut Criterion) {
    let bed = Bed::new().expect("an EAL, pools and a cache");
    for (len, outstanding) in [(1448, 512), (8 << 10, 512), (64 << 10, 64)] {
        let mut group = criterion.benchmark_group(format!("{len} B"));
        for (place, blocks) in [("L2", HOT_BLOCKS), ("DRAM", bed.blocks.len())] {
            let mut source = Source::new(&bed.blocks[..blocks], len);
            measure(
                &mut group,
                BenchmarkId::new("copy", place),
                outstanding,
                || copy(&bed.builder, source.advance()),
            );
            measure(
                &mut group,
                BenchmarkId::new("attach", place),
                outstanding,
                || attach(&bed.builder, source.advance()),
            );
        }
        group.finish();
    }
}

criterion_group!(benches, copy_vs_attach);
criterion_main!(benches);
