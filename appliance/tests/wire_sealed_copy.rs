//! Under TLS with `tx = "copy"`, shown at the mbufs: file data is copied into the memory of its record and sealed
//! there, and counted; a retransmission copies and seals nothing.

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

use std::sync::Arc;

use peer::Peer;
use wire::world::operations::pattern;
use wire::world::{self, BLOCK, CLIENT_PORT};
use wirepage::nic::Nics;

#[test]
fn file_data_is_copied_once_and_sealed_in_place() {
    let pki = pki::World::new();
    let config = wire::secure_config("copy");
    let nics = Nics::start(&config).expect("the EAL starts");
    let server = tls::ServerConfig::new(pki.server_settings()).expect("good settings");
    let mut world = wire::secure_world(&nics, &config, Some(server));
    let data = pattern(1, 2 * BLOCK + 100);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let peer = Peer::new(&Arc::new(oracle::client_config(&pki)));
    world.clients[client].secure(peer.clone());
    world.run_until("the handshake", |_| peer.is_open());
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");

    let mut frames = 0;
    world.links[CLIENT_PORT].from_engine.lose(move |_| {
        frames += 1;
        frames % 20 == 0
    });
    for _ in 0..2 {
        assert!(world.read_all(client, &file, BLOCK) == data);
    }
    assert!(world.engine.stats().ports[CLIENT_PORT].retransmitted_frames > 0);
    let security = world.engine.stats().security;
    let both = 2 * data.len() as u64;
    assert_eq!((security.sealed_bytes, security.copied_bytes), (both, both));
    let wire = &world.wires[CLIENT_PORT];
    let is_of_records = |(_, address): (u32, usize)| wire.records.contains(&address);
    let attached = || wire.frames.iter().flat_map(wire::Frame::attached);
    assert!(attached().count() > data.len());
    assert!(attached().all(is_of_records));
    assert_eq!(
        wire.nic.tx_counts().copied_bytes,
        0,
        "by way of records alone"
    );

    world.links[CLIENT_PORT].from_engine.mend();
    world.run_for(world::SOON);
    world.assert_at_rest();
    drop(world.end());
    assert_eq!(nics.mbufs_in_use(), 0);
}
