//! Lengths that are announced and never come: whatever a peer says, no memory is taken for it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::alloc::System;

use gateway::ClientId;
use lab::attack::{Attack, good_arguments};
use lab::xdr::{Out, record};
use lab::{READ, WRITE};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one lie may cost.
const GROWTH_MAX: usize = 64 * 1024;

const BOMBS: [u32; 8] = [
    0x0010_0000,
    0x00ff_ffff,
    0x3fff_ffff,
    0x7fff_fffc,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    u32::MAX,
];

/// Bytes allocated while the gateway takes a stream, by everybody in the process.
fn allocated_for(attack: &mut Attack, client: u64, stream: &[u8]) -> usize {
    let now = attack.lab.now;
    let before = ALLOCATOR.stats().bytes_allocated;
    // Whether it waits for more or closes is not the question here.
    let _ = attack
        .lab
        .gateway
        .client_bytes(ClientId(client), stream, now);
    ALLOCATOR.stats().bytes_allocated - before
}

/// A record of this call with every aligned word of it in turn replaced by every bomb.
fn bombs_in(call: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let words = (0..call.len()).step_by(4);
    words.flat_map(move |at| {
        BOMBS.into_iter().map(move |bomb| {
            let mut spoiled = call.to_vec();
            spoiled[at..at + 4].copy_from_slice(&bomb.to_be_bytes());
            record(&spoiled)
        })
    })
}

// One test, because the allocator counts for all threads.
#[test]
fn no_length_on_the_wire_takes_memory() {
    let mut attack = Attack::begin();
    // Some of these calls are good ones.
    attack.lab.add_file("spoiled", b"data");
    let file = attack.lab.lookup(2, "spoiled");
    let root = attack.root.clone();

    // In the record mark, of the first fragment and of the second.
    for bomb in BOMBS {
        for prefix in [Vec::new(), vec![0, 0, 0, 4, 1, 2, 3, 4]] {
            let connection = attack.connect(2049);
            let stream = [prefix, bomb.to_be_bytes().to_vec(), vec![0; 1000]].concat();
            let grown = allocated_for(&mut attack, connection, &stream);
            assert!(grown < GROWTH_MAX, "a mark of {bomb:#x}: {grown} bytes");
            attack.disconnect(connection);
        }
    }

    // In any word of any call: credential, verifier, handle, name, data, array.
    let mut calls = Vec::new();
    for (procedure, args) in (0..).zip(good_arguments(&root, &root)) {
        calls.push((100_003, 3, procedure, args));
    }
    calls.push((100_003, 3, READ, good_arguments(&file, &root)[6].clone()));
    calls.push((100_003, 3, WRITE, good_arguments(&file, &root)[7].clone()));
    calls.push((100_005, 3, 1, Out::new().opaque(b"/export").0));
    calls.push((100_005, 3, 3, Out::new().opaque(b"/export").0));
    let acl = |list: Out| list.u32(1).u32(1).u32(1).u32(0).u32(7).u32(0).u32(0).0;
    calls.push((100_227, 3, 2, acl(Out::new().opaque(&root).u32(0xf))));
    calls.push((
        100_000,
        2,
        3,
        Out::new().u32(100_003).u32(3).u32(6).u32(0).0,
    ));
    let binding = Out::new()
        .u32(100_003)
        .u32(3)
        .opaque(b"tcp")
        .opaque(b"")
        .opaque(b"");
    calls.push((100_000, 4, 3, binding.0));
    let mut largest = 0;
    for (program, version, procedure, args) in calls {
        let (_, call) = attack.lab.call_bytes(program, version, procedure, 0, &args);
        for stream in bombs_in(&call) {
            let connection = attack.connect(2049);
            let grown = allocated_for(&mut attack, connection, &stream);
            largest = largest.max(grown);
            assert!(grown < GROWTH_MAX, "{program} {procedure}: {grown} bytes");
            attack.lab.run();
            attack.disconnect(connection);
        }
        attack.serve_bystander();
    }
    assert!(largest > 0, "the allocator counts");
    attack.end();
}
