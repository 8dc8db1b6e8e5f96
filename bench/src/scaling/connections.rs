//! More and more connections.

use gateway::Coherence;

use super::meter;
use super::table::Row;
use crate::world::{HeldWire, SOON, Setup, World};

/// Machines the connections come from: none has ports for all.
const MACHINES: usize = 4;

/// Bytes of a READ.
const READ: usize = 4096;

/// Calls measured, each on another connection where there are as many.
const CALLS: usize = 2000;

fn setup(connections: usize) -> Setup {
    Setup {
        blocks: 64,
        // A machine may have as many connections as are free, see `gateway`: so one machine's share more.
        connections: connections + connections.div_ceil(MACHINES) + 512,
        coherence: Coherence::Immutable,
        ..Setup::default()
    }
}

/// Bytes of an engine's tables for each connection there may be.
fn bytes_at_start(connections: usize) -> u64 {
    let bytes = |connections| {
        let before = meter::heap_bytes();
        let world = World::new(setup(connections));
        let bytes = meter::heap_bytes() - before;
        drop(world);
        bytes
    };
    // Both stacks have as many places; the origin's cost the same as the clients'.
    bytes(connections).saturating_sub(bytes(0)) / connections as u64
}

/// Connects every machine until each has so many connections, a few at a time.
fn connect_up_to(world: &mut World<HeldWire>, each: usize) {
    const AT_A_TIME: usize = 8;
    while let Some(least) = world.crowds.iter().map(|crowd| crowd.connected).min()
        && least < each
    {
        let wanted = each.min(least + AT_A_TIME);
        let now = world.now;
        for crowd in &mut world.crowds {
            (crowd.connected..wanted).for_each(|_| crowd.connect(now));
        }
        world.run_until("the connections", |world| {
            world.crowds.iter().all(|crowd| crowd.connected >= wanted)
        });
    }
}

/// A row for each count; the counts rise.
pub fn measure(counts: &[usize]) -> Vec<Row> {
    let most = counts.last().copied().unwrap_or(1);
    let bytes_at_start = bytes_at_start(most);
    let mut world = World::new(setup(most));
    let file = world.origin.export.add_files(1, READ).next().expect("one");
    let client = world.connect();
    world.mount(client);
    world.read(client, &file, 0, READ);
    for _ in 0..MACHINES {
        world.add_crowd(most.div_ceil(MACHINES) + 16);
    }
    meter::attach(&mut world);
    let mut rows = Vec::new();
    for &count in counts {
        meter::take();
        let before = world.engine.stats().clients;
        connect_up_to(&mut world, count.div_ceil(MACHINES));
        world.run_for(SOON);
        let come = world.engine.stats().clients - before;
        let bytes_later =
            meter::take().bytes.cast_signed().max(0).cast_unsigned() / come.max(1) as u64;
        let mut next = 0;
        let ticks_per_call = meter::ticks_per_call(CALLS, || {
            // A prime step: connections are not visited in the order they came in.
            next = (next + 7919) % count;
            let (machine, number) = (next % MACHINES, next / MACHINES);
            world.crowds[machine].read(number, &file, 0, READ);
            world.run_until("a reply", |world| world.crowds[machine].has_reply(number));
            assert_eq!(world.crowds[machine].take_read(number).len(), READ);
        });
        rows.push(Row {
            count,
            calls: CALLS,
            ticks_per_call,
            bytes_at_start,
            bytes_later,
        });
    }
    rows
}
