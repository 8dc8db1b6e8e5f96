//! The ends of a session: close_notify, alerts, truncation.

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, shake, shake_both};
use crate::pki::World;
use rustls::AlertDescription;
use tls::{Alert, Event, PeerKeys, TlsError};

fn session(world: &World) -> (Ours, Oracle) {
    let mut client = Oracle::client(oracle::client_config(world));
    let server = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    (server, client)
}

fn both(world: &World) -> (Ours, Ours) {
    let server = ours::accept(world.server_settings());
    let client = ours::connect(world.client_settings(), "server.test");
    shake_both(server, client).expect("a session")
}

#[test]
fn close_notify_ends_one_direction_and_then_the_other() {
    let world = World::new();
    let (mut ours, mut client) = session(&world);
    client.connection.send_close_notify();
    assert!(!ours.session.is_closed_by_peer());
    ours.receive(&client.output()).expect("close_notify");
    assert_eq!(ours.events, [Event::Closed]);
    assert!(ours.session.is_closed_by_peer());

    // What was outstanding is still answered.
    client
        .receive(&ours.send(b"the last reply"))
        .expect("a record");
    assert_eq!(client.take_data(), b"the last reply");
    ours.session.close();
    assert_eq!(
        ours.session.seal(b"more", &mut [0; 64]),
        Err(TlsError::Closed)
    );
    client.receive(&ours.control()).expect("close_notify");
    let state = client.connection.process_new_packets().expect("closed");
    assert!(state.peer_has_closed());
    assert_eq!(
        ours.session.seal(b"more", &mut [0; 64]),
        Err(TlsError::Closed)
    );
    assert!(ours.control().is_empty(), "it is said once");
}

#[test]
fn a_request_for_new_keys_is_not_answered_behind_close_notify() {
    let world = World::new();
    let (mut ours, mut client) = session(&world);
    ours.session.close();
    client.receive(&ours.control()).expect("close_notify");
    client.connection.refresh_traffic_keys().expect("open");
    client.write(b"one more call");
    ours.receive(&client.output()).expect("still read");
    assert_eq!(ours.take_data(), b"one more call");
    assert!(!ours.session.has_control());
}

#[test]
fn nothing_is_read_behind_close_notify() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    client.session.close();
    ours.receive(&client.control()).expect("close_notify");
    let opened = ours.session.open(
        &[
            23, 3, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &mut [0; 64],
    );
    assert_eq!(opened.err(), Some(TlsError::ClosedByPeer));
    assert!(
        !ours.session.has_control(),
        "which is no reason for an alert"
    );
}

/// A FIN is the caller's to see; without close_notify before it the stream was cut.
#[test]
fn a_stream_cut_anywhere_is_not_closed() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    let mut wire = client.send(b"a call");
    client.session.close();
    wire.extend(client.control());
    for byte in &wire {
        assert!(!ours.session.is_closed_by_peer());
        ours.receive(&[*byte]).expect("part of the stream");
    }
    assert!(ours.session.is_closed_by_peer());
}

#[test]
fn an_alert_of_the_peer_ends_the_session() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    client.session.abort(Alert::ACCESS_DENIED);
    let error = TlsError::AlertReceived(Alert::ACCESS_DENIED);
    assert_eq!(ours.receive(&client.control()), Err(error.clone()));
    assert_eq!(
        ours.session.seal(b"a reply", &mut [0; 64]),
        Err(error.clone())
    );
    assert_eq!(ours.session.record_len([23, 3, 3, 0, 20]), Err(error));
    assert!(!ours.session.has_control(), "an alert is not answered");
}

#[test]
fn our_alert_reaches_the_peer_and_nothing_follows_it() {
    let world = World::new();
    let (mut ours, mut client) = session(&world);
    ours.session
        .request_key_update(PeerKeys::Update)
        .expect("open");
    ours.session.close();
    ours.session.abort(Alert::ACCESS_DENIED);
    assert_eq!(
        client.receive(&ours.control()),
        Err(rustls::Error::AlertReceived(AlertDescription::AccessDenied))
    );
    assert_eq!(
        ours.session.seal(b"a reply", &mut [0; 64]),
        Err(TlsError::Closed)
    );
    ours.session.close();
    ours.session.abort(Alert::INTERNAL_ERROR);
    assert!(ours.control().is_empty());
}

#[test]
fn control_records_wait_for_room() {
    let world = World::new();
    let (mut ours, mut client) = session(&world);
    ours.session
        .request_key_update(PeerKeys::Keep)
        .expect("open");
    ours.session.close();
    assert_eq!(ours.session.take_control(&mut [0; 10]), 0);
    assert!(ours.session.has_control());
    let mut room = [0; tls::limits::CONTROL_RECORD];
    let len = ours.session.take_control(&mut room);
    client.receive(&room[..len]).expect("a KeyUpdate");
    assert!(ours.session.has_control());
    client
        .receive(&ours.control())
        .expect("close_notify under the new key");
    let state = client.connection.process_new_packets().expect("closed");
    assert!(state.peer_has_closed());
}
