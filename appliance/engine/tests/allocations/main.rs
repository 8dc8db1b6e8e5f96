//! Once it has warmed up, the engine allocates nothing for the calls it is for. One test, since the
//! counts are the process's.

#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../secure/lab.rs"]
mod lab;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../../../tls/tests/tls/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../secure/origin_side.rs"]
mod origin_side;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../secure/peer.rs"]
mod peer;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../../../tls/tests/tls/pki.rs"]
mod pki;
#[allow(
    dead_code,
    unused_imports,
    reason = "other test programs use the rest of it"
)]
#[path = "../engine/world/mod.rs"]
mod world;

use std::alloc::System;
use std::cell::Cell;

use gateway::Coherence;
use lab::{Plan, SOON};
use nfs3_types::nfs3::{nfs_fh3, stable_how};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use world::operations::pattern;
use world::{BLOCK, HeldWire, Setup, World};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Calls before anything is counted: every table and queue has then been as full as it gets.
const WARM_UP: usize = 64;

/// Calls whose allocations are counted.
const COUNTED: usize = 64;

/// Calls in flight at once.
const DEPTH: usize = 8;

const FILE_BYTES: usize = 4 * BLOCK;

thread_local! {
    static IN_ENGINE: Cell<usize> = const { Cell::new(0) };
}

fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

/// Counts what is allocated by the engine's work.
fn metered(work: &mut dyn FnMut()) {
    let before = allocations();
    work();
    let own = allocations() - before;
    IN_ENGINE.set(IN_ENGINE.get().wrapping_add(own));
}

/// Takes what the test's wire allocates out of the count.
fn aside(work: &mut dyn FnMut()) {
    let before = allocations();
    work();
    let own = allocations() - before;
    IN_ENGINE.set(IN_ENGINE.get().wrapping_sub(own));
}

/// What a client does over and over.
#[derive(Clone, Copy, Debug)]
enum Work {
    Attributes,
    Read(usize),
    Write(usize),
}

const WORKS: [Work; 5] = [
    Work::Attributes,
    Work::Read(4096),
    Work::Read(BLOCK),
    Work::Write(4096),
    Work::Write(BLOCK),
];

/// Makes `count` calls, `DEPTH` at a time; allocations of the engine meanwhile.
fn repeat(
    world: &mut World<HeldWire>,
    client: usize,
    file: &nfs_fh3,
    work: Work,
    count: usize,
) -> usize {
    let data = pattern(9, BLOCK);
    IN_ENGINE.set(0);
    for first in (0..count).step_by(DEPTH) {
        let place = |number: usize| (first + number) * BLOCK % FILE_BYTES;
        match work {
            Work::Attributes => {
                for _ in 0..DEPTH {
                    world.attributes(client, file);
                }
            }
            Work::Read(len) => {
                let reads: Vec<_> = (0..DEPTH)
                    .map(|number| world.begin_read(client, file, place(number), len))
                    .collect();
                for read in reads {
                    assert_eq!(world.finish_read(read).bytes.len(), len);
                }
            }
            Work::Write(len) => {
                let writes: Vec<_> = (0..DEPTH)
                    .map(|number| {
                        let stable = stable_how::UNSTABLE;
                        world.begin_write(client, file, place(number), &data[..len], stable)
                    })
                    .collect();
                for write in writes {
                    world.finish_write(write);
                }
            }
        }
        world.run_for(SOON / 10);
    }
    IN_ENGINE.get()
}

fn counts(world: &mut World<HeldWire>, client: usize, way: &str) -> Vec<String> {
    world.meter = metered;
    for wire in &mut world.wires {
        wire.aside = aside;
    }
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    world.read_all(client, &file, BLOCK);
    let mut failures = Vec::new();
    for work in WORKS {
        let warming = repeat(world, client, &file, work, WARM_UP);
        let counted = repeat(world, client, &file, work, COUNTED);
        println!("{way} {work:?}: {warming} while warming up, then {counted}");
        if counted > 0 {
            failures.push(format!("{way} {work:?}: {counted} in {COUNTED} calls"));
        }
    }
    world.assert_at_rest();
    failures
}

#[test]
fn a_warm_engine_allocates_nothing() {
    let setup = Setup {
        coherence: Coherence::Immutable,
        ..Setup::default()
    };
    let data = pattern(1, FILE_BYTES);

    let mut world = World::new(setup);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let mut failures = counts(&mut world, client, "clear");

    let mut plan = Plan::new();
    plan.setup = Setup {
        security: lab::TLS,
        ..setup
    };
    let mut lab = plan.begin();
    lab.world.origin.export.put("file", &data);
    let (client, _) = lab.direct(&lab.anonymous());
    failures.extend(counts(&mut lab.world, client, "TLS"));

    assert!(failures.is_empty(), "allocations: {failures:#?}");
}
