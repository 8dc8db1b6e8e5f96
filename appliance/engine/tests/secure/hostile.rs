//! Records that nobody should send, on an open session.

use nfs3_types::nfs3::{NFS_PROGRAM, stable_how};
use rustls::AlertDescription;
use tls::limits;

use crate::lab::{Lab, Plan, SOON};
use crate::peer::Peer;
use crate::world::BLOCK;
use crate::world::operations::pattern;

/// A client with an open session that has found a file.
fn lab() -> (Lab, usize, Peer, nfs3_types::nfs3::nfs_fh3) {
    let mut lab = Plan::new().begin();
    lab.world.origin.export.put("file", &pattern(1, 1 << 20));
    let (client, peer) = lab.starttls(&lab.anonymous());
    let file = lab.find(client, "file");
    (lab, client, peer, file)
}

fn fails_with(lab: &mut Lab, client: usize, peer: &Peer, alert: AlertDescription) {
    lab.run_until_closed(client);
    assert_eq!(peer.heard(), Some(alert));
    assert_eq!(lab.stats().sessions_failed, 1);
    lab.world.run_for(SOON);
    lab.world.assert_at_rest();
}

/// In the first record of a WRITE, in one amidst its data and in its last.
#[test]
fn a_flipped_bit_in_any_record_of_a_call() {
    for place in [5, 6, 100, 40_000, BLOCK, BLOCK + 200] {
        let (mut lab, client, peer, file) = lab();
        peer.tamper(move |mut bytes| {
            let place = place.min(bytes.len() - 1);
            bytes[place] ^= 0x10;
            bytes
        });
        let data = pattern(2, BLOCK);
        lab.world
            .begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
        fails_with(&mut lab, client, &peer, AlertDescription::BadRecordMac);
        assert_eq!(lab.world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 0);
        assert!(lab.world.origin.export.data("file") == pattern(1, 1 << 20));
    }
}

#[test]
fn a_record_longer_than_there_may_be() {
    let (mut lab, client, peer, file) = lab();
    peer.tamper(|_| {
        let len = u16::try_from((1 << 14) + 257).expect("short");
        [&[23, 3, 3][..], &len.to_be_bytes()].concat()
    });
    lab.world.begin_read(client, &file, 0, 1);
    fails_with(&mut lab, client, &peer, AlertDescription::RecordOverflow);
}

#[test]
fn clear_bytes_inside_tls() {
    let (mut lab, client, peer, _) = lab();
    lab.world.send_raw(client, &[0x80, 0, 0, 40, 0, 0, 0, 1]);
    fails_with(&mut lab, client, &peer, AlertDescription::UnexpectedMessage);
}

#[test]
fn more_key_updates_than_anybody_needs() {
    let (mut lab, client, peer, _) = lab();
    for _ in 0..=limits::CONTROL_ALLOWANCE {
        peer.with(|connection| connection.refresh_traffic_keys().expect("open"));
        lab.world.clients[client].flush();
    }
    fails_with(&mut lab, client, &peer, AlertDescription::UnexpectedMessage);
}

/// FIN in the middle of a record, and without a goodbye.
#[test]
fn a_record_that_is_cut_off_is_never_acted_upon() {
    for cut in [1, 5, 20, 4000] {
        let (mut lab, client, peer, file) = lab();
        peer.tamper(move |mut bytes| {
            bytes.truncate(bytes.len() - cut);
            bytes
        });
        let data = pattern(3, BLOCK);
        lab.world
            .begin_write(client, &file, 0, &data, stable_how::FILE_SYNC);
        lab.world.close(client);
        lab.run_until_closed(client);
        assert_eq!(lab.stats().truncations, 1);
        assert_eq!(lab.world.origin.calls(NFS_PROGRAM::NFSPROC3_WRITE), 0);
        lab.world.run_for(SOON);
        lab.world.assert_at_rest();
    }
}

#[test]
fn a_goodbye_is_answered_and_no_truncation() {
    let (mut lab, client, peer, file) = lab();
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    peer.with(rustls_close);
    lab.world.clients[client].flush();
    // What is owed still comes.
    assert!(lab.world.finish_read(read).bytes == pattern(1, 1 << 20)[..BLOCK]);
    lab.run_until_closed(client);
    assert!(peer.has_heard_close());
    let stats = lab.stats();
    assert_eq!((stats.truncations, stats.sessions_failed), (0, 0));
    lab.world.assert_at_rest();
}

/// RFC 8446, 6.1: what comes after the goodbye is not the peer's any more.
#[test]
fn what_follows_a_goodbye_is_ignored() {
    let (mut lab, client, peer, file) = lab();
    lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_READ);
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    lab.world
        .run_until("the READ", |world| world.origin.held_replies() > 0);
    peer.with(rustls_close);
    lab.world.clients[client].flush();
    lab.world.send_raw(client, &[23, 3, 3, 0, 40]);
    lab.world.send_raw(client, &[7; 40]);
    lab.world.run_for(SOON);
    lab.world.origin.release_replies();
    assert!(lab.world.finish_read(read).bytes == pattern(1, 1 << 20)[..BLOCK]);
    lab.run_until_closed(client);
    assert!(peer.has_heard_close());
    assert_eq!(lab.stats().sessions_failed, 0);
    lab.world.assert_at_rest();
}

fn rustls_close(connection: &mut rustls::Connection) {
    connection.send_close_notify();
}

type Leave = fn(&mut Lab, usize);

/// However a client goes, and whenever: every pin, slot and reference comes back.
#[test]
fn clients_that_go_in_the_middle() {
    let ways: [Leave; 3] = [
        |lab, client| lab.world.reset(client),
        |lab, client| lab.world.close(client),
        |lab, client| {
            lab.world.clients[client].unplugged = true;
            lab.world.run_for(600 * SOON);
        },
    ];
    for leave in ways {
        // In the middle of a reply.
        let (mut gone, client, _, file) = lab();
        gone.world.begin_read(client, &file, 0, 1 << 20);
        gone.world.run_until("half a reply", |world| {
            world.clients[client].partial_reply() > 100_000
        });
        assert!(gone.stats().slots_in_use > 0);
        leave(&mut gone, client);
        assert_nothing_is_left(gone, client);

        // In the middle of a record of a WRITE.
        let (mut gone, client, peer, file) = lab();
        peer.tamper(|mut bytes| {
            bytes.truncate(200_000);
            bytes
        });
        let data = pattern(2, 1 << 20);
        gone.world
            .begin_write(client, &file, 0, &data, stable_how::UNSTABLE);
        gone.world.run_for(SOON / 10);
        assert!(gone.world.cache().pinned_bytes > 0);
        leave(&mut gone, client);
        assert_nothing_is_left(gone, client);

        // In the middle of the handshake.
        let (mut gone, ..) = lab();
        let client = gone.world.connect();
        let peer = Peer::new(&gone.anonymous());
        peer.tamper(|mut hello| {
            hello.truncate(100);
            hello
        });
        gone.world.clients[client].secure(peer);
        gone.world.run_for(SOON / 10);
        assert_eq!(gone.stats().handshakes_under_way, 1);
        leave(&mut gone, client);
        assert_nothing_is_left(gone, client);
    }
}

fn assert_nothing_is_left(mut lab: Lab, gone: usize) {
    lab.world.run_for(10 * SOON);
    lab.world.assert_at_rest();
    let stats = lab.world.engine.stats();
    assert!(stats.clients <= gone, "at most those before: {stats:#?}");
}

#[test]
fn a_drain_says_goodbye() {
    let (mut lab, client, peer, file) = lab();
    lab.world.begin_read(client, &file, 0, 1 << 20);
    lab.world.run_until("half a reply", |world| {
        world.clients[client].partial_reply() > 100_000
    });
    lab.world.engine.drain();
    lab.world
        .run_until("the end of the drain", |world| world.engine.is_drained());
    lab.world.engine.close_all(lab.world.now);
    lab.run_until_closed(client);
    assert!(peer.has_heard_close());
    lab.world.assert_at_rest();
}
