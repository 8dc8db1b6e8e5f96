//! Under TLS with `tx = "attach"`, shown at the mbufs: file data is sealed once, out of its block, into memory of its
//! own; what is sent, and sent again, is that ciphertext where it lies, whatever becomes of the block (invariant
//! I4).

mod wire;

#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../tls/tests/tls/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../engine/tests/secure/peer.rs"]
mod peer;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../tls/tests/tls/pki.rs"]
mod pki;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peer::Peer;
use wire::world::operations::pattern;
use wire::world::{self, BLOCK, CLIENT_PORT, overwrite_block};
use wirepage::nic::Nics;

/// Bytes of ciphertext, by sequence number, and where they lie.
fn attached(frames: &[wire::Frame]) -> BTreeMap<u32, usize> {
    frames.iter().flat_map(wire::Frame::attached).collect()
}

#[test]
fn a_retransmission_is_the_stored_ciphertext() {
    let pki = pki::World::new();
    let config = wire::secure_config("attach");
    let nics = Nics::start(&config).expect("the EAL starts");
    let server = tls::ServerConfig::new(pki.server_settings()).expect("good settings");
    let mut world = wire::secure_world(&nics, &config, Some(server));
    // Ten segments with what TLS adds: what may be sent before anything is acknowledged.
    let data = pattern(1, 12_000);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let peer = Peer::new(&Arc::new(oracle::client_config(&pki)));
    world.clients[client].secure(peer.clone());
    world.run_until("the handshake", |_| peer.is_open());
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    assert_eq!(world.read_all(client, &file, BLOCK), data);
    world.run_for(world::SOON);

    // The reply is lost, and the NIC does not let go of it either.
    world.links[CLIENT_PORT].from_engine.lose(|_| true);
    let wire = &mut world.wires[CLIENT_PORT];
    wire.holding = true;
    wire.frames.clear();
    let sealed = world.engine.stats().security.sealed_bytes;
    let read = world.begin_read(client, &file, 0, BLOCK);
    world.run_until("the reply", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    let security = world.engine.stats().security;
    assert_eq!(security.sealed_bytes - sealed, data.len() as u64);
    assert_eq!(security.copied_bytes, 0);
    // The block has been let go, the slots have not.
    let cache = world.cache();
    assert_eq!((cache.pinned_blocks, cache.wire_references), (0, 0));
    assert_eq!(security.slots_in_use, 1, "head and data: {security:?}");
    assert!(security.slot_wire_references > 0);

    let wire = &mut world.wires[CLIENT_PORT];
    let first = std::mem::take(&mut wire.frames);
    let at_first = attached(&first);
    assert!(at_first.len() > data.len());
    let payload: usize = first.iter().map(wire::Frame::payload_len).sum();
    assert_eq!(at_first.len(), payload, "all of it is ciphertext");
    assert!(at_first.values().all(|at| wire.records.contains(at)));
    let addresses: BTreeSet<usize> = at_first.values().copied().collect();
    let starts = addresses
        .iter()
        .filter(|at| !addresses.contains(&(**at - 1)));
    for start in starts {
        assert_eq!((start + tls::limits::HEADER) % 64, 0, "a cache line begins");
    }
    assert!(wire.held_bytes().is_empty(), "nothing of the cache");
    let ciphertext = wire.held_bytes_of(&wire.records);
    assert_eq!(ciphertext.len(), payload);
    assert!(!ciphertext.windows(16).any(|window| window == &data[..16]));

    overwrite_block(wire.arena.clone(), &data, &pattern(2, data.len()));
    assert!(wire.held_bytes_of(&wire.records) == ciphertext);

    world.run_until("a retransmission", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    world.links[CLIENT_PORT].from_engine.mend();
    // What was sealed, and not what the block is by now.
    assert_eq!(world.finish_read(read).bytes, data);
    assert!(world.engine.stats().ports[CLIENT_PORT].retransmitted_frames > 0);
    let wire = &mut world.wires[CLIENT_PORT];
    assert_eq!(attached(&wire.frames), at_first, "at the same addresses");
    let held = wire.held_bytes_of(&wire.records);
    assert!(held.starts_with(&ciphertext), "and it is the same");
    assert!(held.len() >= 2 * ciphertext.len());
    let counts = wire.nic.tx_counts();
    assert_eq!((counts.copied_bytes, counts.attached_bytes), (0, 0));
    let security = world.engine.stats().security;
    assert_eq!(security.sealed_bytes - sealed, data.len() as u64, "once");

    // Acknowledged, but both transmissions are still in the NIC.
    world.run_for(world::SOON);
    let security = world.engine.stats().security;
    assert_eq!(security.slots_in_use, 0);
    assert!(security.slot_wire_references >= 2);
    world.wires[CLIENT_PORT].release();
    assert_eq!(world.engine.stats().security.slot_wire_references, 0);
    world.assert_at_rest();
    drop(world.end());
    assert_eq!(nics.mbufs_in_use(), 0);
}
