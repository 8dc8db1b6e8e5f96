//! Keys toward the origin that are renewed, and connections that end, with calls under way: each call is
//! answered once, and one that is sent again is the same (invariant I6; the origin compares them).

use engine::Rekey;
use gateway::OriginSecurity;
use nfs3_types::nfs3::{NFS_PROGRAM, nfs_fh3, stable_how};

use crate::lab::{Lab, SOON};
use crate::origin_side::{WAYS, plan};
use crate::world::BLOCK;
use crate::world::operations::pattern;

const MIB: usize = 1 << 20;

/// Records after which keys are renewed.
const REKEY_AFTER: u64 = 100;

/// How often keys were renewed while a file of 16 MiB was written and read, four calls at a time.
fn copy(way: OriginSecurity, rekey: Rekey) -> Lab {
    const LEN: usize = 16 * MIB;
    let mut plan = plan(way);
    let origin = plan.origin.as_mut().expect("planned");
    origin.rekey = rekey;
    origin.settings.rekey_after = Some(REKEY_AFTER);
    let mut lab = plan.begin();
    let data = pattern(1, LEN);
    let (client, file) = lab.clear_client_with(&[]);
    for at in (0..LEN).step_by(MIB) {
        let pieces = (at..at + MIB).step_by(MIB / 4);
        let writes: Vec<_> = pieces
            .map(|at| {
                let piece = &data[at..at + MIB / 4];
                lab.world
                    .begin_write(client, &file, at, piece, stable_how::FILE_SYNC)
            })
            .collect();
        for write in writes {
            assert_eq!(lab.world.finish_write(write).count as usize, MIB / 4);
        }
    }
    assert!(lab.world.origin.export.data("file") == data);
    assert!(read_back(&mut lab, client, &file, LEN) == data);
    let stats = lab.stats();
    assert_eq!((stats.sessions_failed, stats.truncations), (0, 0));
    assert_eq!(stats.handshakes_failed, 0);
    assert_eq!(lab.world.origin.repeated, 0, "calls were finished before");
    lab.world.run_for(SOON);
    lab.world.assert_at_rest();
    lab
}

fn read_back(lab: &mut Lab, client: usize, file: &nfs_fh3, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for at in (0..len).step_by(MIB) {
        let pieces = (at..at + MIB).step_by(MIB / 4);
        let reads: Vec<_> = pieces
            .map(|at| lab.world.begin_read(client, file, at, MIB / 4))
            .collect();
        for read in reads {
            all.extend(lab.world.finish_read(read).bytes);
        }
    }
    all
}

#[test]
fn a_copy_through_many_key_updates() {
    for way in WAYS {
        let lab = copy(way, Rekey::Update);
        let stats = lab.stats();
        assert!(stats.key_updates > 10, "{stats:?}");
        assert_eq!((stats.connections_retired, stats.handshakes), (0, 2));
    }
}

#[test]
fn a_copy_through_many_connections() {
    for way in WAYS {
        let lab = copy(way, Rekey::Reconnect);
        let stats = lab.stats();
        assert!(stats.connections_retired > 10, "{stats:?}");
        assert_eq!(stats.key_updates, 0);
        assert!(stats.handshakes_resumed > 10, "{stats:?}");
        let peers = lab.origin_peers.all();
        let closed = peers.iter().filter(|peer| peer.has_heard_close()).count();
        assert_eq!(closed as u64, stats.connections_retired);
    }
}

/// The keys are worn out while the origin has not answered: the connection stays until it has.
#[test]
fn a_worn_out_connection_waits_for_its_answers() {
    let mut plan = plan(OriginSecurity::StartTls);
    plan.setup.blocks = 256;
    let origin = plan.origin.as_mut().expect("planned");
    origin.settings.rekey_after = Some(REKEY_AFTER);
    let mut lab = plan.begin();
    let (client, file) = lab.clear_client_with(&[]);
    lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let data = pattern(2, BLOCK);
    let writes: Vec<_> = (0..100)
        .map(|number| {
            let at = number * BLOCK;
            lab.world
                .begin_write(client, &file, at, &data, stable_how::FILE_SYNC)
        })
        .collect();
    lab.world.run_for(5 * SOON);
    let stats = lab.stats();
    assert_eq!(stats.connections_retired, 2, "both are worn out");
    assert_eq!(lab.origin_peers.all().len(), 2, "and still there");
    lab.world.origin.release_replies();
    for write in writes {
        lab.world.finish_write(write);
    }
    let whole = lab.world.origin.export.data("file");
    assert!(whole.chunks(BLOCK).all(|block| block == data) && whole.len() == 100 * BLOCK);
    assert_eq!(lab.world.origin.repeated, 0);
    lab.world.run_for(SOON);
    lab.world.assert_at_rest();
}

/// In the middle of a WRITE's data, and in the middle of a reply.
#[test]
fn the_origin_renews_its_keys_in_the_middle() {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    let (client, file) = lab.clear_client_with(&[]);
    let data = pattern(3, MIB);
    let refresh = |lab: &mut Lab| {
        for peer in lab.origin_peers.all().iter() {
            peer.with(|connection| connection.refresh_traffic_keys().expect("open"));
        }
        lab.world.origin.flush_all();
    };
    for at in (0..8 * MIB).step_by(MIB) {
        let write = lab
            .world
            .begin_write(client, &file, at, &data, stable_how::UNSTABLE);
        refresh(&mut lab);
        lab.world.finish_write(write);
        let read = lab.world.begin_read(client, &file, at, MIB);
        lab.world.run_for(SOON / 2000);
        refresh(&mut lab);
        assert!(lab.world.finish_read(read).bytes == data);
    }
    assert_eq!(lab.stats().sessions_failed, 0);
    lab.world.assert_at_rest();
}

/// What a connection's end means for the calls on it: nothing but that they are sent again, the same.
fn survives(end: impl Fn(&mut Lab)) -> Lab {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    let data = pattern(4, 2 * BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    lab.world.origin.hold_replies(NFS_PROGRAM::NFSPROC3_WRITE);
    let newer = pattern(5, BLOCK);
    let write = lab
        .world
        .begin_write(client, &file, 0, &newer, stable_how::FILE_SYNC);
    lab.world
        .run_until("the WRITE", |world| world.origin.held_replies() == 1);
    end(&mut lab);
    let read = lab.world.begin_read(client, &file, BLOCK, BLOCK);
    lab.world
        .run_until("the WRITE again", |world| world.origin.repeated >= 1);
    lab.world.origin.release_replies();
    assert_eq!(lab.world.finish_write(write).count as usize, BLOCK);
    assert!(lab.world.finish_read(read).bytes == data[BLOCK..]);
    assert!(lab.world.read(client, &file, 0, BLOCK).bytes == newer);
    assert_eq!(lab.stats().sessions_failed, 0);
    lab.world.run_for(SOON);
    lab.world.assert_at_rest();
    lab
}

#[test]
fn an_end_without_a_goodbye() {
    let lab = survives(|lab| lab.world.origin.close_connections(lab.world.now));
    assert_eq!(lab.stats().truncations, 2, "on both connections");
}

#[test]
fn an_end_with_a_goodbye() {
    let lab = survives(|lab| {
        for peer in lab.origin_peers.all().iter() {
            peer.with(|connection| connection.send_close_notify());
        }
        lab.world.origin.flush_all();
        lab.world.turn();
        lab.world.origin.close_connections(lab.world.now);
    });
    assert_eq!(lab.stats().truncations, 0);
}

/// The goodbye alone: the origin waits for ours.
#[test]
fn a_goodbye_and_no_end() {
    let lab = survives(|lab| {
        for peer in lab.origin_peers.all().iter() {
            peer.with(|connection| connection.send_close_notify());
        }
        lab.world.origin.flush_all();
    });
    assert_eq!(lab.stats().truncations, 0);
    let peers = lab.origin_peers.all();
    assert!(peers[..2].iter().all(|peer| peer.has_heard_close()));
}

#[test]
fn a_reset() {
    survives(|lab| lab.world.origin.reset_connections());
}

/// FIN in the middle of a record of a reply: what was there of it is never acted upon.
#[test]
fn a_reply_that_is_cut_off() {
    for cut in [1, 17, 40_000] {
        let mut lab = plan(OriginSecurity::StartTls).begin();
        let data = pattern(6, BLOCK);
        let (client, file) = lab.clear_client_with(&data);
        for peer in lab.origin_peers.all().iter() {
            peer.tamper(move |mut bytes| {
                if bytes.len() > BLOCK {
                    bytes.truncate(bytes.len() - cut);
                }
                bytes
            });
        }
        let read = lab.world.begin_read(client, &file, 0, BLOCK);
        lab.world.run_for(SOON);
        assert!(!lab.world.is_answered(read));
        lab.world.origin.close_connections(lab.world.now);
        assert!(lab.world.finish_read(read).bytes == data);
        assert_eq!(lab.stats().truncations, 2);
        assert_eq!(lab.world.origin.repeated, 1);
        lab.world.assert_at_rest();
    }
}
