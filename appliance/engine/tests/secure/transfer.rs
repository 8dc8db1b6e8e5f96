//! Data through TLS: every byte arrives, none of it in clear, and none of it is copied.

use std::sync::Arc;

use engine::Sealing;
use nfs3_types::nfs3::{nfs_fh3, stable_how};
use rustls::ClientConfig;

use crate::lab::{Lab, Plan, SOON, contains, segment, stream};
use crate::peer::Peer;
use crate::world::operations::pattern;
use crate::world::{BLOCK, CLIENT_PORT, random_loss};

const MIB: usize = 1 << 20;

type Start = fn(&mut Lab, &Arc<ClientConfig>) -> (usize, Peer);

/// Both ways to begin.
const WAYS: [Start; 2] = [Lab::direct, Lab::starttls];

/// Offsets and lengths of WRITEs and READs: records of any length, and from block to block.
const PLACES: [(usize, usize); 7] = [
    (0, 1),
    (3, 100),
    (BLOCK - 1, 2),
    (0, 16 * 1024),
    (1, 16 * 1024 + 1),
    (7, MIB - 7),
    (BLOCK + 4097, 3 * BLOCK + 13),
];

pub fn carries_every_byte(lab: &mut Lab, client: usize) {
    let root = lab.world.mount(client);
    let file = lab.world.create(client, &root, "written");
    let mut data = vec![0; 2 * MIB];
    lab.world.origin.export.put("written", &data);
    for (seed, (offset, len)) in (1..).zip(PLACES) {
        let part = pattern(seed, len);
        data[offset..offset + len].copy_from_slice(&part);
        lab.world
            .write(client, &file, offset, &part, stable_how::UNSTABLE);
        assert!(lab.world.origin.export.data("written") == data);
    }
    lab.world.commit(client, &file);
    for (offset, len) in PLACES {
        let read = lab.world.read(client, &file, offset, len);
        assert!(read.bytes == data[offset..offset + len], "{offset} {len}");
    }
    assert!(lab.world.read_all(client, &file, MIB) == data);
}

#[test]
fn every_byte_arrives_both_ways() {
    for way in WAYS {
        let mut lab = Plan::new().begin();
        let anybody = lab.anonymous();
        let (client, _) = way(&mut lab, &anybody);
        carries_every_byte(&mut lab, client);
        let stats = lab.stats();
        assert_eq!((stats.handshakes, stats.handshakes_failed), (1, 0));
        assert_eq!(stats.copied_bytes, 0);
        lab.world.assert_at_rest();
    }
}

#[test]
fn file_data_is_sealed_once_and_never_copied() {
    let mut lab = Plan::new().begin();
    let data = pattern(2, 3 * BLOCK + 17);
    lab.world.origin.export.put("file", &data);
    let (client, _) = lab.starttls(&lab.anonymous());
    let file = lab.find(client, "file");
    for round in 1..=2 {
        lab.world.wires[CLIENT_PORT].block_bytes = 0;
        assert!(lab.world.read_all(client, &file, MIB) == data);
        let stats = lab.stats();
        assert_eq!(stats.sealed_bytes, round * data.len() as u64);
        assert_eq!(stats.copied_bytes, 0);
        let in_clear = lab.world.wires[CLIENT_PORT].block_bytes;
        assert_eq!(in_clear, 0, "nothing is sent out of blocks");
    }
    lab.world.assert_at_rest();
}

#[test]
fn what_is_copied_first_is_counted_and_arrives_too() {
    let mut plan = Plan::new();
    plan.sealing = Sealing::CopyThenInPlace;
    let mut lab = plan.begin();
    let (client, _) = lab.direct(&lab.anonymous());
    carries_every_byte(&mut lab, client);
    let stats = lab.stats();
    assert!(stats.sealed_bytes > 2 * MIB as u64);
    assert_eq!(stats.copied_bytes, stats.sealed_bytes);
    lab.world.assert_at_rest();
}

/// Types of the records in a stream of TLS, which must be whole. A client's first one may say TLS 1.0 (RFC 8446,
/// 5.1).
pub fn record_types(mut stream: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [kind, 3, 1 | 3, high, low, rest @ ..] = stream {
        types.push(*kind);
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        stream = rest.get(len..).expect("a whole record");
    }
    assert!(stream.is_empty(), "these are no records: {stream:?}");
    types
}

#[test]
fn nothing_but_records_follows_the_reply_to_the_probe() {
    let mut lab = Plan::new().begin();
    let canary = pattern(77, 32);
    let data = canary.repeat(BLOCK / 16);
    lab.world.origin.export.put("secret-name", &data);
    let client = lab.world.connect();
    let sent = lab.tap();
    lab.probe(client);
    const STARTTLS_REPLY: usize = 4 + 32;
    assert_eq!(stream(&sent).len(), STARTTLS_REPLY);

    let peer = lab.begin_tls(client, &lab.anonymous());
    lab.run_until_open(&peer);
    let file = lab.find(client, "secret-name");
    assert!(lab.world.read_all(client, &file, MIB) == data);
    lab.world
        .write(client, &file, 5, &canary, stable_how::FILE_SYNC);
    lab.world.run_for(SOON);

    let stream = stream(&sent);
    let types = record_types(&stream[STARTTLS_REPLY..]);
    let protected = types.iter().position(|kind| *kind == 23).expect("data");
    assert!(protected <= 2, "a ServerHello and perhaps a CCS: {types:?}");
    assert!(types[protected..].iter().all(|kind| *kind == 23));
    for secret in [&canary[..16], b"secret-name", b"origin/"] {
        assert!(!contains(&stream, secret));
    }
    lab.world.assert_at_rest();
}

/// A READ's blocks are let go when its last byte is sealed, long before it is acknowledged.
#[test]
fn blocks_are_let_go_when_they_are_sealed() {
    let mut lab = Plan::new().begin();
    let data = pattern(3, 8000);
    lab.world.origin.export.put("file", &data);
    let (client, _) = lab.starttls(&lab.anonymous());
    let file = lab.find(client, "file");
    lab.world.read(client, &file, 0, BLOCK);
    lab.world.links[CLIENT_PORT]
        .from_engine
        .lose(|frame| segment(frame).is_some_and(|(_, bytes)| !bytes.is_empty()));
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world.run_for(SOON / 10);
    assert_eq!(lab.world.cache().pinned_blocks, 0);
    assert_eq!(lab.world.cache().wire_references, 0);
    let slots = lab.stats().slots_in_use;
    assert_eq!(slots, 1, "head and data wait to be acknowledged in one");
    lab.world.links[CLIENT_PORT].from_engine.mend();
    assert!(lab.world.finish_read(read).bytes == data);
    lab.world.assert_at_rest();
}

fn survives_loss(seed: u64, blocks: usize) {
    let mut plan = Plan::new();
    plan.setup.blocks = blocks;
    let mut lab = plan.begin();
    let (client, _) = lab.starttls(&lab.anonymous());
    let root = lab.world.mount(client);
    let file = lab.world.create(client, &root, "written");
    for (number, link) in (0..).zip(&mut lab.world.links) {
        link.from_engine.lose(random_loss(seed + 2 * number, 20));
        link.to_engine.lose(random_loss(seed + 2 * number + 1, 20));
    }
    let data = pattern(seed, 4 * MIB);
    let steps = || (0..data.len()).step_by(4 * BLOCK);
    let part = |at: usize| &data[at..at + 4 * BLOCK];
    let writes: Vec<_> = steps()
        .map(|at| {
            lab.world
                .begin_write(client, &file, at, part(at), stable_how::UNSTABLE)
        })
        .collect();
    for write in writes {
        lab.world.finish_write(write);
    }
    assert!(lab.world.origin.export.data("written") == data);
    let reads: Vec<_> = steps()
        .map(|at| lab.world.begin_read(client, &file, at, 4 * BLOCK))
        .collect();
    for (read, at) in reads.into_iter().zip(steps()) {
        let read = lab.world.finish_read(read).bytes;
        assert!(!read.is_empty() && data[at..].starts_with(&read));
    }
    for link in &mut lab.world.links {
        assert!(link.from_engine.lost > 0 && link.to_engine.lost > 0);
        link.from_engine.mend();
        link.to_engine.mend();
    }
    lab.world.run_for(10 * SOON);
    lab.world.assert_at_rest();
}

#[test]
fn links_that_lose_frames() {
    for seed in [1, 2] {
        survives_loss(seed, 64);
    }
    survives_loss(3, 32);
}

/// The same READ as a clear client's, from the same block.
#[test]
fn clear_and_protected_clients_share_the_cache() {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    let mut lab = plan.begin();
    let data = pattern(5, 2 * BLOCK);
    lab.world.origin.export.put("file", &data);
    let (secure, _) = lab.direct(&lab.anonymous());
    let clear = lab.world.connect();
    let file: nfs_fh3 = lab.find(clear, "file");
    assert!(lab.world.read_all(secure, &file, MIB) == data);
    let misses = lab.world.cache().misses;
    assert!(lab.world.read_all(clear, &file, MIB) == data);
    assert_eq!(lab.world.cache().misses, misses);
    assert_eq!(
        lab.world.wires[CLIENT_PORT].block_bytes,
        data.len() as u64,
        "in clear as it lies in its block"
    );
    lab.world.assert_at_rest();
}
