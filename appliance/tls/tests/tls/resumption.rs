//! Session tickets, ours and the peer's, and early data.

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, assert_they_talk, shake};
use crate::pki::{CLIENT_SERIAL, World};
use rustls::{AlertDescription, HandshakeKind};
use std::io::Write;
use std::sync::Arc;
use tls::{ClientConfig, Handshake, RevocationLists, ServerConfig, Tickets, TlsError};

fn server(world: &World, tickets: &Tickets, revocation: RevocationLists) -> ServerConfig {
    let mut settings = world.mutual_settings();
    settings.tickets = Some(tickets.clone());
    settings.revocation = revocation;
    ServerConfig::new(settings).expect("good settings")
}

/// A session of the oracle's client, which takes the tickets.
fn visit(
    config: &ServerConfig,
    client: &Arc<rustls::ClientConfig>,
) -> (Result<Ours, TlsError>, Oracle) {
    let mut client = Oracle::client_of(client, "server.test");
    let handshake = Handshake::accept(config).expect("a handshake");
    (shake(handshake, &mut client), client)
}

#[test]
fn a_client_resumes_on_any_core() {
    let world = World::new();
    let tickets = Tickets::new().expect("keys");
    let client = Arc::new(oracle::mutual_client_config(&world));
    let (first, mut peer) = visit(
        &server(&world, &tickets, RevocationLists::default()),
        &client,
    );
    let mut first = first.expect("a session");
    assert!(!first.established.resumed);
    assert_they_talk(&mut first, &mut peer);
    // Another configuration with the same ticket keys: another core, or a reload.
    let (second, mut peer) = visit(
        &server(&world, &tickets, RevocationLists::default()),
        &client,
    );
    let mut second = second.expect("a session");
    assert!(second.established.resumed);
    assert_eq!(
        peer.connection.handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    assert_eq!(
        second.established.peer, first.established.peer,
        "as it was then"
    );
    assert!(second.established.peer.is_some());
    assert_they_talk(&mut second, &mut peer);
}

#[test]
fn without_tickets_nobody_resumes() {
    let world = World::new();
    let config = ServerConfig::new(world.server_settings()).expect("good settings");
    let client = Arc::new(oracle::client_config(&world));
    for _ in 0..3 {
        let (session, _) = visit(&config, &client);
        assert!(!session.expect("a session").established.resumed);
    }
}

#[test]
fn rotated_tickets_make_clients_show_their_certificate_again() {
    let world = World::new();
    let client = Arc::new(oracle::mutual_client_config(&world));
    for _ in 0..3 {
        let tickets = Tickets::new().expect("keys");
        let (session, _) = visit(
            &server(&world, &tickets, RevocationLists::default()),
            &client,
        );
        assert!(!session.expect("a session").established.resumed);
    }
}

#[test]
fn a_revoked_client_with_a_valid_ticket_is_refused_after_tickets_are_rotated() {
    let world = World::new();
    let client = Arc::new(oracle::mutual_client_config(&world));
    let tickets = Tickets::new().expect("keys");
    let (session, _) = visit(
        &server(&world, &tickets, RevocationLists::default()),
        &client,
    );
    session.expect("a session");
    let revoking = server(
        &world,
        &Tickets::new().expect("keys"),
        world.authority.revoke(&[CLIENT_SERIAL]),
    );
    let mut again = Oracle::client_of(&client, "server.test");
    let handshake = Handshake::accept(&revoking).expect("a handshake");
    let (error, alert) = ours::shake_and_fail(handshake, &mut again);
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    let revoked = rustls::Error::AlertReceived(AlertDescription::CertificateRevoked);
    assert_eq!(alert, Some(revoked));
}

/// Whoever forgets to rotate is still safe: the certificate in the ticket is verified again.
#[test]
fn a_revoked_client_with_a_valid_ticket_is_refused_even_if_they_are_not() {
    let world = World::new();
    let client = Arc::new(oracle::mutual_client_config(&world));
    let tickets = Tickets::new().expect("keys");
    let (session, _) = visit(
        &server(&world, &tickets, RevocationLists::default()),
        &client,
    );
    session.expect("a session");
    let revoking = server(&world, &tickets, world.authority.revoke(&[CLIENT_SERIAL]));
    let mut again = Oracle::client_of(&client, "server.test");
    let handshake = Handshake::accept(&revoking).expect("a handshake");
    let (error, alert) = ours::shake_and_fail(handshake, &mut again);
    assert_eq!(
        again.connection.handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert!(alert.is_some());
}

/// A ticket of the time when no certificate was asked for does not open a server that wants one.
#[test]
fn a_ticket_without_a_certificate_does_not_replace_one() {
    let world = World::new();
    let client = Arc::new(oracle::client_config(&world));
    let tickets = Tickets::new().expect("keys");
    let mut lenient = world.server_settings();
    lenient.tickets = Some(tickets.clone());
    let lenient = ServerConfig::new(lenient).expect("good settings");
    let (session, _) = visit(&lenient, &client);
    session.expect("a session");
    let strict = server(&world, &tickets, RevocationLists::default());
    let mut again = Oracle::client_of(&client, "server.test");
    let handshake = Handshake::accept(&strict).expect("a handshake");
    let (error, _) = ours::shake_and_fail(handshake, &mut again);
    assert_eq!(error, TlsError::NoCertificate);
}

#[test]
fn our_client_resumes_with_the_servers_tickets() {
    let world = World::new();
    let mut config = oracle::server_config(&world);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("keys");
    let mut settings = world.client_settings();
    settings.identity = Some(world.client.identity());
    for resumption in [true, false] {
        settings.resumption = resumption;
        let ours = ClientConfig::new(settings.clone()).expect("good settings");
        let name = "server.test".parse().expect("a name");
        for visit in 0..3 {
            let mut server = Oracle::server(config.clone());
            let client = Handshake::connect(&ours, &name).expect("a handshake");
            let mut client = shake(client, &mut server).expect("a session");
            client.receive(&server.output()).expect("tickets");
            assert_eq!(client.established.resumed, resumption && visit > 0);
            assert!(client.established.peer.is_some());
            assert_they_talk(&mut client, &mut server);
        }
    }
}

/// A client that believes it may send early data: what it sends early is skipped, and sent again
/// by the client when the handshake is complete (RFC 8446 section 4.2.10).
#[test]
fn early_data_is_not_accepted() {
    let world = World::new();
    let mut config = oracle::client_config(&world);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let mut generous = oracle::server_config(&world);
    generous.max_early_data_size = 1000;
    let mut first = Oracle::client_of(&config, "server.test");
    let mut server = Oracle::server(generous);
    for _ in 0..5 {
        server.receive(&first.output()).expect("the client");
        first.receive(&server.output()).expect("the server");
    }

    let mut client = Oracle::client_of(&config, "server.test");
    let rustls::Connection::Client(connection) = &mut client.connection else {
        panic!("a client");
    };
    let mut early = connection.early_data().expect("the ticket allows it");
    early.write_all(b"an early call").expect("room");
    let mut ours = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    let rustls::Connection::Client(connection) = &mut client.connection else {
        panic!("a client");
    };
    assert!(!connection.is_early_data_accepted());
    assert!(ours.data.is_empty());
    assert_they_talk(&mut ours, &mut client);
}
