//! Handshakes that succeed, and what they settle.

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, assert_they_talk, shake, shake_in_pieces};
use crate::pki::World;
use rustls::{HandshakeKind, ProtocolVersion, SupportedCipherSuite};
use tls::{Alpn, CipherSuite, ClientCertificates, KeyLog};

use std::sync::{Arc, Mutex};

fn negotiated(oracle: &Oracle) -> String {
    assert_eq!(
        oracle.connection.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    let suite: SupportedCipherSuite = oracle.connection.negotiated_cipher_suite().expect("one");
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

#[test]
fn every_suite_is_spoken_on_both_sides() {
    let world = World::new();
    for suite in CipherSuite::ALL {
        let mut settings = world.server_settings();
        settings.suites = vec![suite];
        let mut client = Oracle::client(oracle::client_config(&world));
        let mut server = shake(ours::accept(settings), &mut client).expect("a session");
        assert_eq!(server.established.suite, suite);
        assert_eq!(negotiated(&client), suite.to_string());
        assert_they_talk(&mut server, &mut client);

        let mut settings = world.client_settings();
        settings.suites = vec![suite];
        let mut server = Oracle::server(oracle::server_config(&world));
        let mut client = shake(ours::connect(settings, "server.test"), &mut server).expect("ok");
        assert_eq!(client.established.suite, suite);
        assert_eq!(negotiated(&server), suite.to_string());
        assert_they_talk(&mut client, &mut server);
    }
}

#[test]
fn the_server_chooses_the_fastest_suite_whatever_the_client_prefers() {
    let world = World::new();
    let mut settings = world.client_settings();
    settings.suites.reverse();
    let server = ours::accept(world.server_settings());
    let client = ours::connect(settings, "server.test");
    let (server, client) = ours::shake_both(server, client).expect("a session");
    assert_eq!(server.established.suite, CipherSuite::Aes128Gcm);
    assert_eq!(client.established.suite, CipherSuite::Aes128Gcm);
}

#[test]
fn a_handshake_arrives_in_pieces_of_any_size() {
    let world = World::new();
    for piece in [1, 2, 3, 5, 7, 64, 1448] {
        let mut client = Oracle::client(oracle::mutual_client_config(&world));
        let server = ours::accept(world.mutual_settings());
        let mut server = shake_in_pieces(server, &mut client, piece).expect("a session");
        assert_they_talk(&mut server, &mut client);

        let mut settings = world.client_settings();
        settings.identity = Some(world.client.identity());
        let mut server = Oracle::server(oracle::mutual_server_config(&world));
        let client = ours::connect(settings, "server.test");
        let mut client = shake_in_pieces(client, &mut server, piece).expect("a session");
        assert_they_talk(&mut client, &mut server);
    }
}

/// A server that wants another key share asks for it (RFC 8446 section 4.1.4).
#[test]
fn a_second_hello_is_sent_where_the_first_does_not_suit() {
    let world = World::new();
    let mut config = oracle::server_config(&world);
    let mut provider = (**config.crypto_provider()).clone();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::SECP384R1];
    let (chain, key) = world.server.for_rustls();
    config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .expect("good settings");
    let mut server = Oracle::server(config);
    let client = ours::connect(world.client_settings(), "server.test");
    let mut client = shake(client, &mut server).expect("a session");
    let kind = server.connection.handshake_kind();
    assert_eq!(kind, Some(HandshakeKind::FullWithHelloRetryRequest));
    assert_they_talk(&mut client, &mut server);
}

/// A message may be longer than a record: here 24 KiB of certificates.
#[test]
fn a_chain_may_be_longer_than_a_record() {
    let mut world = World::new();
    while world.client.chain_pem.len() < 32 * 1024 {
        let filler = world.authority.issue(1, &["filler.test"]).chain_pem;
        world.client.chain_pem.push_str(&filler);
    }
    for piece in [100, usize::MAX] {
        let mut client = Oracle::client(oracle::mutual_client_config(&world));
        let server = ours::accept(world.mutual_settings());
        let mut server = shake_in_pieces(server, &mut client, piece).expect("a session");
        assert_they_talk(&mut server, &mut client);
    }
}

/// A client may send its first call together with the end of the handshake.
#[test]
fn data_behind_the_handshake_stays_with_the_caller() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let mut server = ours::accept(world.server_settings());
    server.handle(&client.output()).expect("a ClientHello");
    client
        .receive(&std::mem::take(server.output()))
        .expect("the server's flight");
    client.write(b"first call");
    let mut flight = client.output();
    let handshake_len = {
        let mut probe = flight.as_slice();
        let mut last = 0;
        while let [_, _, _, high, low, ..] = probe {
            last = 5 + usize::from(u16::from_be_bytes([*high, *low]));
            probe = &probe[last..];
        }
        flight.len() - last
    };
    flight.extend_from_slice(&[23, 3]); // part of a record
    assert_eq!(server.handle(&flight), Ok(handshake_len));
    assert!(server.is_complete());
    assert_eq!(
        server.handle(b"anything"),
        Ok(0),
        "complete means that nothing is taken"
    );
    let tickets = std::mem::take(server.output());
    assert!(tickets.is_empty(), "tickets are off");
    let mut server = Ours::new(server);
    server.receive(&flight[handshake_len..]).expect("the call");
    assert_eq!(server.data, b"first call");
}

#[test]
fn sunrpc_is_negotiated_when_offered_and_its_absence_accepted() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let server = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    assert!(server.established.sunrpc);
    assert_eq!(client.connection.alpn_protocol(), Some(&b"sunrpc"[..]));

    let mut silent = oracle::client_config(&world);
    silent.alpn_protocols.clear();
    let mut client = Oracle::client(silent);
    let server = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    assert!(!server.established.sunrpc);

    let mut silent = oracle::server_config(&world);
    silent.alpn_protocols.clear();
    let mut server = Oracle::server(silent);
    let client = ours::connect(world.client_settings(), "server.test");
    let client = shake(client, &mut server).expect("a session");
    assert!(!client.established.sunrpc);

    let mut strict = world.client_settings();
    strict.alpn = Alpn::Strict;
    let mut server = Oracle::server(oracle::server_config(&world));
    let client = shake(ours::connect(strict, "server.test"), &mut server).expect("a session");
    assert!(client.established.sunrpc);
}

#[test]
fn the_server_learns_which_name_was_asked_for() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let server = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    assert_eq!(
        server.established.server_name.as_deref(),
        Some("server.test")
    );
    assert!(!server.established.resumed);
    assert_eq!(server.established.peer, None);
}

/// Linux sends an address as it was given to mount(8), which RFC 6066 forbids.
#[test]
fn a_server_name_that_is_an_address_is_accepted() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let hello = client.output();
    let name = b"server.test";
    let at = hello
        .windows(name.len())
        .position(|window| window == name)
        .expect("the name");
    let mut literal = hello.clone();
    // 11 bytes as well.
    literal[at..at + name.len()].copy_from_slice(b"192.0.2.101");
    let mut server = ours::accept(world.server_settings());
    assert_eq!(server.handle(&literal), Ok(literal.len()));
    // ServerHello: the name is no reason to refuse. (The transcripts differ from here on.)
    assert_eq!(server.output().first(), Some(&22));
}

#[test]
fn a_client_connects_to_an_address() {
    let world = World::new();
    let mut server = Oracle::server(oracle::server_config(&world));
    let client = ours::connect(world.client_settings(), "192.0.2.1");
    let mut client = shake(client, &mut server).expect("a session");
    assert_they_talk(&mut client, &mut server);
}

#[test]
fn mutual_authentication_identifies_both_sides() {
    let world = World::new();
    let mut settings = world.client_settings();
    settings.identity = Some(world.client.identity());
    let server = ours::accept(world.mutual_settings());
    let client = ours::connect(settings, "server.test");
    let (server, client) = ours::shake_both(server, client).expect("a session");
    let peer = server.established.peer.expect("the client");
    assert_eq!(peer.serial(), "11");
    assert_eq!(peer.subject_alt_names().len(), 1);
    assert!(peer.matches(&"client.test".parse().expect("a pattern")));
    let peer = client.established.peer.expect("the server");
    assert!(peer.matches(&"server.test".parse().expect("a pattern")));
    assert!(peer.matches(&"192.0.2.0/24".parse().expect("a pattern")));
}

#[test]
fn an_optional_certificate_may_be_shown_or_not() {
    let world = World::new();
    let settings = || tls::ServerSettings {
        clients: ClientCertificates::Optional(world.authority.anchors()),
        ..world.server_settings()
    };
    let mut anonymous = Oracle::client(oracle::client_config(&world));
    let server = shake(ours::accept(settings()), &mut anonymous).expect("a session");
    assert_eq!(server.established.peer, None);
    let mut known = Oracle::client(oracle::mutual_client_config(&world));
    let server = shake(ours::accept(settings()), &mut known).expect("a session");
    assert_eq!(server.established.peer.expect("the client").serial(), "11");
}

#[test]
fn the_key_log_is_what_wireshark_reads() {
    let world = World::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let mut settings = world.server_settings();
    settings.key_log = Some(KeyLog::new(move |line| {
        log.lock().expect("no panic").push(line.to_owned());
    }));
    let mut client = Oracle::client(oracle::client_config(&world));
    shake(ours::accept(settings), &mut client).expect("a session");
    let lines = lines.lock().expect("no panic");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
    );
    for line in lines.iter() {
        let [_label, random, secret] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        assert_eq!(random.len(), 64);
        assert!(secret.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}
