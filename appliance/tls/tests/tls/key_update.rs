//! `KeyUpdate` in both directions (RFC 8446 section 4.6.3).

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, assert_they_talk, shake, shake_both};
use crate::pki::World;
use tls::{Event, PeerKeys, TlsError, limits};

fn session(world: &World, rekey_after: Option<u64>) -> (Ours, Oracle) {
    let mut settings = world.server_settings();
    settings.rekey_after = rekey_after;
    let mut client = Oracle::client(oracle::client_config(world));
    let server = shake(ours::accept(settings), &mut client).expect("a session");
    (server, client)
}

fn both(world: &World) -> (Ours, Ours) {
    let server = ours::accept(world.server_settings());
    let client = ours::connect(world.client_settings(), "server.test");
    shake_both(server, client).expect("a session")
}

#[test]
fn the_peer_updates_and_asks_us_to() {
    let world = World::new();
    let (mut ours, mut client) = session(&world, None);
    // Sealed before the request is seen: under the old key, and still read.
    let queued = ours.send(b"queued under the old key");
    client.write(b"before");
    client
        .connection
        .refresh_traffic_keys()
        .expect("a handshake");
    client.write(b"after");
    ours.receive(&client.output()).expect("an update");
    assert_eq!(ours.take_data(), b"beforeafter");
    assert_eq!(
        ours.events,
        [Event::Data, Event::UpdateRequested, Event::Data]
    );
    assert!(matches!(
        ours.session.seal(b"too early", &mut [0; 64]),
        Err(TlsError::Misuse(_))
    ));
    client.receive(&queued).expect("the old key");
    client
        .receive(&ours.send(b"the new key"))
        .expect("our answer");
    assert_eq!(client.take_data(), b"queued under the old keythe new key");
    assert_they_talk(&mut ours, &mut client);
}

#[test]
fn several_requests_are_answered_once() {
    let world = World::new();
    let (mut ours, mut client) = session(&world, None);
    for _ in 0..3 {
        client
            .connection
            .refresh_traffic_keys()
            .expect("a handshake");
    }
    ours.receive(&client.output()).expect("updates");
    assert_eq!(ours.events, [Event::UpdateRequested; 3]);
    let answer = ours.control();
    assert_eq!(answer.len(), limits::CONTROL_RECORD);
    client.receive(&answer).expect("the answer");
    assert_they_talk(&mut ours, &mut client);
}

#[test]
fn we_update_alone_or_ask_the_peer_to() {
    let world = World::new();
    for peer in [PeerKeys::Keep, PeerKeys::Update] {
        let (mut ours, mut client) = session(&world, None);
        for _ in 0..3 {
            ours.session.request_key_update(peer).expect("open");
            client.receive(&ours.send(b"a reply")).expect("an update");
            // rustls answers with what it writes next.
            client.write(b"a call");
            ours.receive(&client.output()).expect("an answer");
        }
        assert_eq!(ours.take_data(), b"a calla calla call");
        assert_eq!(client.take_data(), b"a replya replya reply");
        let answered = ours.events.contains(&Event::KeyUpdated);
        assert_eq!(answered, peer == PeerKeys::Update);
        assert!(!ours.session.has_control());
        assert_they_talk(&mut ours, &mut client);
    }
}

#[test]
fn a_low_limit_forces_updates_without_an_error() {
    let world = World::new();
    let (mut ours, mut client) = session(&world, Some(100));
    let mut updates = 0;
    for number in 0..5000_u32 {
        if ours.session.needs_rekey() {
            ours.session
                .request_key_update(PeerKeys::Update)
                .expect("open");
            updates += 1;
        }
        let reply = number.to_be_bytes();
        client.receive(&ours.send(&reply)).expect("a reply");
        assert_eq!(client.take_data(), reply);
        if number % 10 == 0 {
            client.write(b"call");
            ours.receive(&client.output()).expect("a call");
        }
    }
    assert!((45..=55).contains(&updates), "{updates} updates");
}

#[test]
fn the_limit_is_told_before_it_is_reached() {
    let world = World::new();
    let (mut ours, mut client) = session(&world, Some(10));
    let left = ours.session.write_records_left();
    assert_eq!(left, (1 << 24) - limits::CONTROL_RESERVE);
    for _ in 0..10 {
        assert!(!ours.session.needs_rekey());
        client.receive(&ours.send(b"reply")).expect("a reply");
    }
    assert!(ours.session.needs_rekey(), "by what we sent");
    assert_eq!(ours.session.write_records_left(), left - 10);
    ours.session
        .request_key_update(PeerKeys::Keep)
        .expect("open");
    client.receive(&ours.control()).expect("an update");
    assert!(!ours.session.needs_rekey());
    assert_eq!(ours.session.write_records_left(), left);
    for _ in 0..10 {
        client.write(b"call");
        ours.receive(&client.output()).expect("a call");
    }
    assert!(ours.session.needs_rekey(), "by what we received");
    assert_eq!(ours.session.read_records_left(), (1 << 24) - 10);
    ours.session
        .request_key_update(PeerKeys::Update)
        .expect("open");
    assert!(!ours.session.needs_rekey(), "it is queued");
    client.receive(&ours.control()).expect("an update");
    assert!(!ours.session.needs_rekey(), "the peer is asked");
    client.write(b"call");
    ours.receive(&client.output()).expect("the answer");
    assert!(!ours.session.needs_rekey(), "the peer has answered");
    assert_eq!(ours.session.read_records_left(), (1 << 24) - 1);
}

#[test]
fn a_flood_of_updates_is_refused() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    for _ in 0..limits::CONTROL_ALLOWANCE {
        client
            .session
            .request_key_update(PeerKeys::Update)
            .expect("open");
        ours.receive(&client.control()).expect("still allowed");
        ours.control();
    }
    client
        .session
        .request_key_update(PeerKeys::Update)
        .expect("open");
    let flood = client.control();
    assert_eq!(ours.receive(&flood), Err(TlsError::TooManyControlRecords));
    assert!(ours.session.has_control(), "the alert");
}

#[test]
fn updates_among_data_are_no_flood() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    for _ in 0..20 * limits::CONTROL_ALLOWANCE {
        client
            .session
            .request_key_update(PeerKeys::Keep)
            .expect("open");
        for _ in 0..limits::DATA_PER_CONTROL {
            ours.receive(&client.send(b"call")).expect("a call");
        }
    }
    assert!(!ours.session.has_control());
}

#[test]
fn answers_we_asked_for_are_no_flood() {
    let world = World::new();
    let (mut ours, mut client) = both(&world);
    for _ in 0..10 * limits::CONTROL_ALLOWANCE {
        ours.session
            .request_key_update(PeerKeys::Update)
            .expect("open");
        client.receive(&ours.send(&[1; 10])).expect("an update");
        ours.receive(&client.control()).expect("the answer");
        for _ in 0..limits::DATA_PER_CONTROL {
            client.receive(&ours.send(b"reply")).expect("a reply");
        }
    }
}
