//! With `tx = "copy"`, shown at the mbufs: file data is copied for every transmission,
//! and no frame references the cache.

mod wire;

use std::collections::BTreeSet;

use wire::world::operations::pattern;
use wire::world::{BLOCK, CLIENT_PORT, ORIGIN_PORT};
use wirepage::nic::Nics;

use nfs3_types::nfs3::stable_how;

#[test]
fn copied_file_data_is_copied_again_for_a_retransmission() {
    let config = wire::config("copy");
    let nics = Nics::start(&config).expect("the EAL starts");
    let mut world = wire::world(&nics, &config);
    let data = pattern(1, 12_000);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.create(client, &root, "file");
    world.write(client, &file, 0, &data, stable_how::FILE_SYNC);
    assert_eq!(world.origin.export.data("file"), data);
    let counts = world.wires[ORIGIN_PORT].nic.tx_counts();
    assert_eq!(counts.copied_bytes, data.len() as u64);

    world.links[CLIENT_PORT].from_engine.lose(|_| true);
    let wire = &mut world.wires[CLIENT_PORT];
    wire.holding = true;
    wire.frames.clear();
    let read = world.begin_read(client, &file, 0, BLOCK);
    world.run_until("the reply", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    let first = std::mem::take(&mut world.wires[CLIENT_PORT].frames);
    let counts = world.wires[CLIENT_PORT].nic.tx_counts();
    assert_eq!(counts.copied_bytes, data.len() as u64);
    assert_eq!(world.cache().wire_references, 0);

    world.run_until("a retransmission", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    world.links[CLIENT_PORT].from_engine.mend();
    assert_eq!(world.finish_read(read).bytes, data);

    let wire = &world.wires[CLIENT_PORT];
    let addresses = |frames: &[wire::Frame]| -> BTreeSet<usize> {
        let segments = frames.iter().flat_map(|frame| &frame.segments);
        segments.map(|segment| segment.address).collect()
    };
    assert!(addresses(&first).is_disjoint(&addresses(&wire.frames)));
    let all = || first.iter().chain(&wire.frames);
    assert!(all().all(|frame| frame.segments.iter().all(|segment| !segment.is_external)));
    assert!(all().all(|frame| frame.payload_len() > 0 && frame.attached_len() == 0));
    assert!(wire.held_bytes().is_empty(), "nothing of the arena");
    let counts = wire.nic.tx_counts();
    assert!(
        counts.copied_bytes >= 2 * data.len() as u64,
        "both transmissions"
    );
    assert_eq!(counts.attached_bytes, 0);

    world.wires[CLIENT_PORT].release();
    world.assert_at_rest();
    drop(world.end());
    assert_eq!(nics.mbufs_in_use(), 0);
}
