//! With `tx = "attach"`, shown at the mbufs: a retransmission references the very same
//! memory of the cache block as the first transmission, in frames of its own. Were that memory to change,
//! which nothing does (invariant I3), the wire would show it.

mod wire;

use std::collections::{BTreeMap, BTreeSet};

use wire::world::operations::pattern;
use wire::world::{BLOCK, CLIENT_PORT, overwrite_block};
use wirepage::nic::Nics;

#[test]
fn a_retransmission_references_the_same_block_memory() {
    let config = wire::config("attach");
    let nics = Nics::start(&config).expect("the EAL starts");
    let mut world = wire::world(&nics, &config);
    // Ten segments: what may be sent before anything is acknowledged.
    let data = pattern(1, 12_000);
    world.origin.export.put("file", &data);
    let client = world.connect();
    let root = world.mount(client);
    let file = world.lookup(client, &root, "file");
    assert_eq!(world.read_all(client, &file, BLOCK), data);

    // The reply is lost, and the NIC does not let go of it either.
    world.links[CLIENT_PORT].from_engine.lose(|_| true);
    let wire = &mut world.wires[CLIENT_PORT];
    wire.holding = true;
    wire.frames.clear();
    let counted = wire.nic.tx_counts();
    let read = world.begin_read(client, &file, 0, BLOCK);
    world.run_until("the reply", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    let wire = &mut world.wires[CLIENT_PORT];
    let first = std::mem::take(&mut wire.frames);
    let at_first: BTreeMap<u32, usize> = first.iter().flat_map(wire::Frame::attached).collect();
    assert_eq!(at_first.len(), data.len(), "every byte of the file, once");
    assert!(first.iter().all(|frame| !frame.segments[0].is_external));
    let block = *at_first.values().next().expect("bytes");
    assert!(wire.arena.contains(&block));
    assert_eq!(
        (block - wire.arena.start) % BLOCK,
        0,
        "the block's first byte"
    );
    assert!(at_first.values().copied().eq(block..block + data.len()));
    assert_eq!(wire.held_bytes(), data, "the block's bytes are the file's");
    let sent = wire.nic.tx_counts();
    assert_eq!(
        sent.attached_bytes - counted.attached_bytes,
        data.len() as u64
    );

    // What the NIC still holds is the block itself.
    let changed = pattern(2, data.len());
    overwrite_block(wire.arena.clone(), &data, &changed);
    assert_eq!(wire.held_bytes(), changed);

    // Nothing arrives until TCP has sent again.
    world.run_until("a retransmission", |world| {
        !world.wires[CLIENT_PORT].frames.is_empty()
    });
    world.links[CLIENT_PORT].from_engine.mend();
    assert_eq!(world.finish_read(read).bytes, changed);
    assert!(world.engine.stats().ports[CLIENT_PORT].retransmitted_frames > 0);

    let wire = &mut world.wires[CLIENT_PORT];
    let again: Vec<_> = wire.frames.iter().flat_map(wire::Frame::attached).collect();
    let whole: BTreeMap<u32, usize> = again.iter().copied().collect();
    assert_eq!(whole, at_first, "every byte again, at the same address");
    assert!(
        wire.frames
            .iter()
            .all(|frame| !frame.segments[0].is_external)
    );
    let headers = |frames: &[wire::Frame]| -> BTreeSet<usize> {
        frames
            .iter()
            .map(|frame| frame.segments[0].address)
            .collect()
    };
    let (old, new) = (headers(&first), headers(&wire.frames));
    assert!(
        old.is_disjoint(&new),
        "each frame has header mbufs of its own"
    );
    let counts = wire.nic.tx_counts();
    let recounted = counts.attached_bytes - sent.attached_bytes;
    assert_eq!(recounted, again.len() as u64, "retransmissions count again");
    assert!(recounted >= data.len() as u64);
    assert_eq!(counts.copied_bytes, 0);

    // Acknowledged, but both transmissions are still in the NIC.
    world.run_for(std::time::Duration::from_secs(1));
    assert_eq!(world.cache().pinned_blocks, 0);
    assert!(world.cache().wire_references >= 2);
    world.wires[CLIENT_PORT].release();
    assert_eq!(world.cache().wire_references, 0);
    world.assert_at_rest();
    let stats = world.end().stats();
    assert_eq!((stats.pinned_blocks, stats.wire_references), (0, 0));
    assert_eq!(nics.mbufs_in_use(), 0);
}
