//! Peers that are refused, or that must refuse us, and the alert each of them hears.

use crate::oracle::{self, Oracle};
use crate::ours::{self, shake_and_fail};
use crate::pki::{Authority, CLIENT_SERIAL, World};
use rustls::AlertDescription;
use tls::{Alert, Alpn, TlsError};

fn heard(alert: AlertDescription) -> Option<rustls::Error> {
    Some(rustls::Error::AlertReceived(alert))
}

/// A client of ours that must refuse the oracle's server.
fn client_refuses(
    world: &World,
    server: rustls::ServerConfig,
    name: &str,
) -> (TlsError, Option<rustls::Error>) {
    let mut server = Oracle::server(server);
    shake_and_fail(ours::connect(world.client_settings(), name), &mut server)
}

/// A server of ours that must refuse the oracle's client with its certificate.
fn server_refuses(
    world: &World,
    settings: tls::ServerSettings,
) -> (TlsError, Option<rustls::Error>) {
    let mut client = Oracle::client(oracle::mutual_client_config(world));
    shake_and_fail(ours::accept(settings), &mut client)
}

#[test]
fn a_certificate_of_an_unknown_authority() {
    let world = World::new();
    let stranger = Authority::new("Other CA");
    let mut other = World::new();
    other.server = stranger.issue(1, &["server.test"]);
    let (error, alert) = client_refuses(&world, oracle::server_config(&other), "server.test");
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::UnknownCA));

    let mut other = World::new();
    other.client = stranger.issue(1, &["client.test"]);
    other.authority = world.authority;
    other.server = world.server;
    let (error, alert) = server_refuses(&other, other.mutual_settings());
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::UnknownCA));
}

#[test]
fn an_expired_certificate() {
    let mut world = World::new();
    world.server = world
        .authority
        .issue_for_years(1, &["server.test"], 2010, 2020);
    world.client = world
        .authority
        .issue_for_years(2, &["client.test"], 2010, 2020);
    let (error, alert) = client_refuses(&world, oracle::server_config(&world), "server.test");
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::CertificateExpired));

    world.server = world.authority.issue(3, &["server.test"]);
    let (error, alert) = server_refuses(&world, world.mutual_settings());
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::CertificateExpired));
}

#[test]
fn a_revoked_certificate() {
    let world = World::new();
    let mut settings = world.client_settings();
    settings.revocation = world.authority.revoke(&[0x10]);
    let mut server = Oracle::server(oracle::server_config(&world));
    let (error, alert) = shake_and_fail(ours::connect(settings, "server.test"), &mut server);
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::CertificateRevoked));

    let mut settings = world.mutual_settings();
    settings.revocation = world.authority.revoke(&[CLIENT_SERIAL]);
    let (error, alert) = server_refuses(&world, settings);
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::CertificateRevoked));
}

#[test]
fn a_list_that_revokes_others_refuses_nobody_else() {
    let world = World::new();
    let mut settings = world.mutual_settings();
    settings.revocation = world.authority.revoke(&[99]);
    let mut client = Oracle::client(oracle::mutual_client_config(&world));
    ours::shake(ours::accept(settings), &mut client).expect("a session");
}

#[test]
fn a_server_of_another_name() {
    let world = World::new();
    for name in ["other.test", "192.0.2.2", "test", "a.server.test"] {
        let (error, alert) = client_refuses(&world, oracle::server_config(&world), name);
        assert!(matches!(error, TlsError::Certificate(_)), "{error}");
        assert!(alert.is_some());
    }
}

#[test]
fn a_wildcard_certificate() {
    let mut world = World::new();
    world.server = world.authority.issue(1, &["*.example.test"]);
    let name = "server.example.test";
    // rustls alone accepts it.
    let config = std::sync::Arc::new(oracle::client_config(&world));
    let mut client = Oracle::client_of(&config, name);
    let mut server = Oracle::server(oracle::server_config(&world));
    server.receive(&client.output()).expect("a ClientHello");
    client.receive(&server.output()).expect("no objection");

    let (error, alert) = client_refuses(&world, oracle::server_config(&world), name);
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::BadCertificate));
}

#[test]
fn a_server_certificate_without_names() {
    let mut world = World::new();
    world.server = world.authority.issue(1, &[]);
    let (error, _) = client_refuses(&world, oracle::server_config(&world), "server.test");
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
}

#[test]
fn a_client_without_a_certificate() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let (error, alert) = shake_and_fail(ours::accept(world.mutual_settings()), &mut client);
    assert_eq!(error, TlsError::NoCertificate);
    assert_eq!(alert, heard(AlertDescription::CertificateRequired));
}

/// In TLS 1.3 a client learns only after its own end of the handshake.
#[test]
fn our_client_without_a_certificate_hears_the_alert() {
    let world = World::new();
    let mut server = Oracle::server(oracle::mutual_server_config(&world));
    let client = ours::connect(world.client_settings(), "server.test");
    let mut client = ours::shake(client, &mut server).expect("complete, for now");
    assert_eq!(
        client.receive(&server.output()),
        Err(TlsError::AlertReceived(Alert::CERTIFICATE_REQUIRED))
    );
}

#[test]
fn a_client_with_too_many_names() {
    let mut world = World::new();
    let names: Vec<String> = (0..=tls::limits::SUBJECT_ALT_NAMES)
        .map(|n| format!("n{n}.test"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.client = world.authority.issue(5, &names);
    let (error, alert) = server_refuses(&world, world.mutual_settings());
    assert!(matches!(error, TlsError::Certificate(_)), "{error}");
    assert_eq!(alert, heard(AlertDescription::BadCertificate));
}

#[test]
fn another_application_protocol() {
    let world = World::new();
    for alpn in [Alpn::Lenient, Alpn::Strict] {
        let mut config = oracle::client_config(&world);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut settings = world.server_settings();
        settings.alpn = alpn;
        let (error, alert) = shake_and_fail(ours::accept(settings), &mut Oracle::client(config));
        assert_eq!(error, TlsError::NoApplicationProtocol);
        assert_eq!(alert, heard(AlertDescription::NoApplicationProtocol));
    }
    let mut config = oracle::server_config(&world);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut server = Oracle::server(config);
    let (error, _) = shake_and_fail(
        ours::connect(world.client_settings(), "server.test"),
        &mut server,
    );
    assert_eq!(
        error,
        TlsError::AlertReceived(Alert::NO_APPLICATION_PROTOCOL)
    );
}

#[test]
fn no_application_protocol_where_it_is_demanded() {
    let world = World::new();
    let mut config = oracle::client_config(&world);
    config.alpn_protocols.clear();
    let mut settings = world.server_settings();
    settings.alpn = Alpn::Strict;
    let (error, alert) = shake_and_fail(ours::accept(settings), &mut Oracle::client(config));
    assert_eq!(error, TlsError::NoApplicationProtocol);
    assert_eq!(alert, heard(AlertDescription::NoApplicationProtocol));

    let mut config = oracle::server_config(&world);
    config.alpn_protocols.clear();
    let mut settings = world.client_settings();
    settings.alpn = Alpn::Strict;
    let mut server = Oracle::server(config);
    let (error, alert) = shake_and_fail(ours::connect(settings, "server.test"), &mut server);
    assert_eq!(error, TlsError::NoApplicationProtocol);
    assert_eq!(alert, heard(AlertDescription::NoApplicationProtocol));
}

/// A ClientHello of TLS 1.2, which is one without `supported_versions` (RFC 8446 section 4.2.1).
#[test]
fn a_client_of_tls_1_2() {
    let world = World::new();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]); // random
    hello.push(0); // no session
    hello.extend([0, 2, 0xC0, 0x2B]); // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    hello.extend([1, 0]); // no compression
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..], // supported_groups: secp256r1
        &[0, 11, 0, 2, 1, 0][..],        // ec_point_formats: uncompressed
        &[0, 13, 0, 4, 0, 2, 4, 3][..],  // signature_algorithms: ecdsa_secp256r1_sha256
    ]
    .concat();
    hello.extend(
        u16::try_from(extensions.len())
            .expect("short")
            .to_be_bytes(),
    );
    hello.extend(extensions);
    let len = u8::try_from(hello.len()).expect("short");
    let mut record = vec![22, 3, 1, 0, len + 4, 1, 0, 0, len];
    record.extend(hello);
    let mut server = ours::accept(world.server_settings());
    let error = server.handle(&record).expect_err("TLS 1.2");
    assert!(matches!(error, TlsError::Incompatible(_)), "{error}");
    assert_eq!(
        *server.output(),
        [21, 3, 3, 0, 2, 2, Alert::PROTOCOL_VERSION.0]
    );
}

#[test]
fn no_suite_in_common() {
    let world = World::new();
    let mut settings = world.server_settings();
    settings.suites = vec![tls::CipherSuite::Aes256Gcm];
    let mut client = world.client_settings();
    client.suites = vec![tls::CipherSuite::ChaCha20Poly1305];
    let mut server = ours::accept(settings);
    let mut client = ours::connect(client, "server.test");
    let hello = std::mem::take(client.output());
    assert!(matches!(
        server.handle(&hello),
        Err(TlsError::Incompatible(_))
    ));
    assert_eq!(
        client.handle(server.output()),
        Err(TlsError::AlertReceived(Alert::HANDSHAKE_FAILURE))
    );
}
