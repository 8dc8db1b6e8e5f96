//! Data through TLS toward the origin: every byte arrives, in records only, and where it belongs.

use std::collections::BTreeMap;

use gateway::OriginSecurity;
use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};
use rustls::AlertDescription;
use tls::limits::CONTENT;

use crate::lab::{Frames, Lab, SOON, contains, segment};
use crate::origin_side::{WAYS, plan};
use crate::peer::Peer;
use crate::transfer::{carries_every_byte, record_types};
use crate::world::operations::pattern;
use crate::world::{BLOCK, ORIGIN_PORT};

/// The streams to the origin's NFS port, by source port; every segment came once and in order.
fn nfs_streams(frames: &Frames) -> Vec<Vec<u8>> {
    const NFS: [u8; 2] = 2049_u16.to_be_bytes();
    let mut streams: BTreeMap<[u8; 2], Vec<u8>> = BTreeMap::new();
    for frame in frames.borrow().iter() {
        if let Some((_, bytes)) = segment(frame)
            && frame[36..38] == NFS
        {
            let stream = streams.entry([frame[34], frame[35]]).or_default();
            stream.extend_from_slice(bytes);
        }
    }
    streams.into_values().collect()
}

#[test]
fn every_byte_arrives_through_tls_on_both_sides() {
    for way in WAYS {
        let mut lab = plan(way).begin();
        let sent = lab.tap_port(ORIGIN_PORT);
        let (client, _) = lab.starttls(&lab.anonymous());
        carries_every_byte(&mut lab, client);
        let canary = pattern(77, 5000);
        let root = lab.world.mount(client);
        let file = lab.world.create(client, &root, "secret-name");
        lab.world
            .write(client, &file, 5, &canary, stable_how::FILE_SYNC);
        lab.world.run_for(SOON);

        let streams = nfs_streams(&sent);
        assert_eq!(streams.len(), 2, "two connections");
        for stream in streams {
            let probe_len = if way == OriginSecurity::StartTls {
                44
            } else {
                0
            };
            let types = record_types(&stream[probe_len..]);
            let protected = types.iter().position(|kind| *kind == 23).expect("data");
            assert!(protected <= 2, "a ClientHello and perhaps a CCS: {types:?}");
            assert!(types[protected..].iter().all(|kind| *kind == 23));
            for secret in [&canary[..16], b"secret-name", root.data.as_ref()] {
                assert!(!contains(&stream, secret));
            }
        }
        let stats = lab.stats();
        assert_eq!((stats.handshakes, stats.handshakes_failed), (3, 0));
        assert_eq!((stats.copied_bytes, stats.sessions_failed), (0, 0));
        lab.world.assert_at_rest();
    }
}

/// A lab whose origin cuts its records as told, and what is opened in place of a READ of a whole block.
fn opened_in_place(prepare: fn(&Peer)) -> u64 {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    lab.protect_origin_with(prepare);
    let data = pattern(3, BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    let before = lab.stats().opened_in_place_bytes;
    assert_eq!(before, 0);
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    let opened = lab.stats().opened_in_place_bytes;
    // From the cache, where it is right too.
    let reads = lab.world.origin.calls(NFS_PROGRAM::NFSPROC3_READ);
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    assert_eq!(lab.world.origin.calls(NFS_PROGRAM::NFSPROC3_READ), reads);
    lab.world.assert_at_rest();
    opened
}

/// Full records one after the other: the first has the reply's head in it and the last ends with the block, where
/// there is no place for the byte that TLS puts behind the data.
#[test]
fn what_is_data_and_nothing_else_is_opened_in_its_block() {
    assert_eq!(opened_in_place(|_| {}), 3 * CONTENT as u64);
}

/// As we do it ourselves: a record for the head, then records that end with the block.
#[test]
fn a_head_in_a_record_of_its_own() {
    let opened = opened_in_place(|peer| {
        peer.cut(|data| match data.len() {
            len if len > BLOCK => len - BLOCK,
            len if len > CONTENT => CONTENT,
            len => len,
        });
    });
    assert_eq!(opened, (BLOCK - CONTENT) as u64);
}

#[test]
fn small_records_within_the_data() {
    let opened = opened_in_place(|peer| {
        peer.cut(|data| match data.len() {
            len if len > BLOCK => len - BLOCK,
            _ => 1000,
        });
    });
    assert_eq!(opened, (BLOCK / 1000 * 1000) as u64);
}

/// A record that begins with the end of the head, and another one that goes beyond the data.
#[test]
fn records_that_hold_something_else_too() {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    let data = pattern(4, 8000);
    let (client, file) = lab.clear_client_with(&data);
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    assert_eq!(lab.stats().opened_in_place_bytes, 0);
    assert_eq!(
        opened_in_place(|peer| peer.cut(|data| match data.len() {
            len if len > BLOCK => len - BLOCK + 10,
            len if len > CONTENT => CONTENT,
            len => len,
        })),
        ((BLOCK - 10) / CONTENT * CONTENT) as u64
    );
}

/// A client's WRITE, as rustls cuts it.
#[test]
fn a_writes_data_is_opened_in_its_block() {
    let mut lab = crate::lab::Plan::new().begin();
    let (client, _) = lab.starttls(&lab.anonymous());
    let root = lab.world.mount(client);
    let file = lab.world.create(client, &root, "file");
    let data = pattern(5, BLOCK);
    lab.world
        .write(client, &file, 0, &data, stable_how::FILE_SYNC);
    assert_eq!(lab.stats().opened_in_place_bytes, 3 * CONTENT as u64);
    assert!(lab.world.origin.export.data("file") == data);
}

/// Of a READ's reply one bit is another: in the head's record, in one opened in the block, in the last.
#[test]
fn nothing_of_a_record_with_a_flipped_bit_is_published() {
    const RECORD: usize = tls::limits::RECORD;
    for place in [5, 100, RECORD - 1, RECORD + 9, 3 * RECORD - 1, usize::MAX] {
        let mut lab = plan(OriginSecurity::StartTls).begin();
        let data = pattern(6, BLOCK);
        let (client, file) = lab.clear_client_with(&data);
        let other = lab.world.connect();
        lab.world.mount(other);
        for peer in lab.origin_peers.all().iter() {
            peer.tamper(move |mut bytes| {
                if bytes.len() > BLOCK {
                    let place = place.min(bytes.len() - 1);
                    bytes[place] ^= 4;
                }
                bytes
            });
        }
        let reads = [client, other].map(|client| lab.world.begin_read(client, &file, 0, BLOCK));
        lab.world.run_until("the end of the session", |world| {
            world.engine.stats().security.sessions_failed == 1
        });
        // Nobody was told anything of it, and nobody who asks now finds any of it.
        let late = lab.world.begin_read(other, &file, 0, 100);
        lab.world.run_for(SOON / 10);
        for read in [reads[0], reads[1], late] {
            assert!(!lab.world.is_answered(read));
        }
        let told = |peer: &Peer| peer.heard() == Some(AlertDescription::BadRecordMac);
        assert!(lab.origin_peers.all().iter().any(told));

        for read in reads {
            assert!(lab.world.finish_read(read).bytes == data, "{place}");
        }
        assert!(lab.world.finish_read(late).bytes == data[..100]);
        assert_eq!(lab.world.origin.repeated, 1, "the same READ once more");
        assert_eq!(lab.stats().sessions_failed, 1);
        lab.world.assert_at_rest();
    }
}

/// I1: what a WRITE upstream was sealed from stays until the reply, whatever the wire has let go of.
#[test]
fn a_writes_block_is_kept_until_the_reply() {
    for way in WAYS {
        let mut lab = plan(way).begin();
        let (client, file) = lab.clear_client_with(b"");
        let data = pattern(7, BLOCK);
        lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
        let write = lab
            .world
            .begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
        lab.world.run_for(5 * SOON);
        assert_eq!(lab.world.origin.held_replies(), 1);
        assert_eq!(lab.stats().sealed_bytes, BLOCK as u64);
        assert_eq!(lab.stats().slots_in_use, 0, "all is acknowledged");
        assert_eq!(lab.world.cache().wire_references, 0);
        assert_eq!(lab.world.cache().pinned_bytes, BLOCK);
        let in_clear = lab.world.wires[ORIGIN_PORT].block_bytes;
        assert_eq!(in_clear, 0, "nothing is sent out of blocks");

        // The reply is lost with its connection: sealed once more, from the same block.
        lab.world.origin.reset_connections();
        lab.world
            .run_until("the WRITE again", |world| world.origin.held_replies() == 1);
        assert_eq!(lab.world.origin.repeated, 1);
        assert_eq!(lab.stats().sealed_bytes, 2 * BLOCK as u64);
        assert_eq!(lab.world.cache().pinned_bytes, BLOCK);

        lab.world.origin.release_replies();
        assert_eq!(lab.world.finish_write(write).count as usize, BLOCK);
        assert!(lab.world.origin.export.data("file") == data);
        lab.world.assert_at_rest();
    }
}

#[test]
fn a_drain_says_goodbye_to_the_origin() {
    let mut lab: Lab = plan(OriginSecurity::Direct).begin();
    let data = pattern(8, BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    assert!(lab.world.read_all(client, &file, BLOCK) == data);
    lab.world.engine.drain();
    lab.world
        .run_until("the end of the drain", |world| world.engine.is_drained());
    lab.world.engine.close_all(lab.world.now);
    lab.world.run_for(SOON);
    let peers = lab.origin_peers.all();
    assert!(peers[..2].iter().all(Peer::has_heard_close));
    drop(peers);
    lab.world.assert_at_rest();
}
