//! Records that no origin should send: the session ends with the alert the RFC wants, and the call that waits is
//! sent again on another connection.

use gateway::OriginSecurity;
use rustls::AlertDescription;

use crate::lab::{Lab, SOON};
use crate::origin_side::plan;
use crate::peer::Peer;
use crate::world::BLOCK;
use crate::world::operations::pattern;

/// What is done to the end that the next READ comes to; the others are left alone.
fn ends_with(alert: AlertDescription, send: impl Fn(&Peer, &mut Lab)) {
    let mut lab = plan(OriginSecurity::StartTls).begin();
    let data = pattern(1, BLOCK);
    let (client, file) = lab.clear_client_with(&data);
    let peers = lab.origin_peers.all().clone();
    for peer in &peers {
        send(peer, &mut lab);
    }
    let read = lab.world.begin_read(client, &file, 0, BLOCK);
    assert!(lab.world.finish_read(read).bytes == data);
    lab.world.run_for(SOON);
    assert!(lab.stats().sessions_failed > 0);
    let heard = |peer: &&Peer| peer.heard() == Some(alert);
    assert_eq!(
        peers.iter().filter(heard).count() as u64,
        lab.stats().sessions_failed
    );
    lab.world.assert_at_rest();
}

#[test]
fn more_key_updates_than_anybody_needs() {
    ends_with(AlertDescription::UnexpectedMessage, |peer, lab| {
        for _ in 0..=tls::limits::CONTROL_ALLOWANCE {
            peer.with(|connection| connection.refresh_traffic_keys().expect("open"));
            lab.world.origin.flush_all();
        }
    });
}

#[test]
fn a_record_longer_than_there_may_be() {
    ends_with(AlertDescription::RecordOverflow, |peer, _| {
        peer.tamper(|_| {
            let len = u16::try_from((1 << 14) + 257).expect("short");
            [&[23, 3, 3][..], &len.to_be_bytes()].concat()
        });
    });
}

#[test]
fn a_reply_in_clear() {
    ends_with(AlertDescription::UnexpectedMessage, |peer, _| {
        peer.tamper(|_| vec![0x80, 0, 0, 24, 1, 2, 3, 4, 0, 0, 0, 1]);
    });
}
