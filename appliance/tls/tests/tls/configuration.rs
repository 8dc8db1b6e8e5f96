//! Settings that must be refused, with what is wrong and how to mend it.

use crate::pki::{Authority, NOW, World, clock};
use core::time::Duration;
use tls::{
    CertificateChain, ClientCertificates, ClientConfig, ClientSettings, Clock, ConfigError,
    Identity, PrivateKey, RevocationLists, ServerConfig, ServerSettings, TrustAnchors,
};

fn refused(settings: ServerSettings) -> ConfigError {
    ServerConfig::new(settings).expect_err("bad settings")
}

#[test]
fn an_expired_certificate() {
    let world = World::new();
    let old = world
        .authority
        .issue_for_years(1, &["server.test"], 2010, 2020);
    let error = refused(ServerSettings::new(old.identity(), clock()));
    assert!(matches!(error, ConfigError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("renew it"), "{error}");
}

#[test]
fn a_certificate_of_the_future() {
    let world = World::new();
    let new = world
        .authority
        .issue_for_years(1, &["server.test"], 2028, 2030);
    let error = refused(ServerSettings::new(new.identity(), clock()));
    assert!(matches!(error, ConfigError::NotYetValid { .. }), "{error}");
    // The clock decides, not the machine's.
    let then = Clock::new(|| NOW + Duration::from_secs(3 * 365 * 86_400));
    ServerConfig::new(ServerSettings::new(new.identity(), then)).expect("valid by then");
}

#[test]
fn the_expiry_is_told() {
    let world = World::new();
    let config = ServerConfig::new(world.server_settings()).expect("good settings");
    assert_eq!(config.expires_at(), Duration::from_secs(1_893_456_000)); // 2030-01-01
    let mut settings = world.client_settings();
    assert_eq!(
        ClientConfig::new(settings.clone())
            .expect("good")
            .expires_at(),
        None
    );
    settings.identity = Some(world.client.identity());
    let config = ClientConfig::new(settings).expect("good settings");
    assert_eq!(
        config.expires_at(),
        Some(Duration::from_secs(1_893_456_000))
    );
}

#[test]
fn a_key_of_another_certificate() {
    let world = World::new();
    let mixed = Identity {
        chain: world.server.identity().chain,
        key: world.client.identity().key,
    };
    let error = refused(ServerSettings::new(mixed.clone(), clock()));
    assert_eq!(error, ConfigError::KeyMismatch);
    let mut settings = world.client_settings();
    settings.identity = Some(mixed);
    assert_eq!(
        ClientConfig::new(settings).err(),
        Some(ConfigError::KeyMismatch)
    );
}

#[test]
fn a_wildcard() {
    let world = World::new();
    let wild = world.authority.issue(1, &["server.test", "*.farm.test"]);
    let error = refused(ServerSettings::new(wild.identity(), clock()));
    assert_eq!(error, ConfigError::Wildcard("*.farm.test".to_owned()));
    let mut settings = world.client_settings();
    settings.identity = Some(wild.identity());
    assert!(matches!(
        ClientConfig::new(settings),
        Err(ConfigError::Wildcard(_))
    ));
}

#[test]
fn a_server_without_a_name() {
    let world = World::new();
    let nameless = world.authority.issue(1, &[]);
    let error = refused(ServerSettings::new(nameless.identity(), clock()));
    assert_eq!(error, ConfigError::NoSubjectAltName);
    // Nobody calls a client by its name.
    let mut settings = world.client_settings();
    settings.identity = Some(nameless.identity());
    ClientConfig::new(settings).expect("good settings");
}

#[test]
fn mutual_tls_without_trust_anchors() {
    let world = World::new();
    for clients in [
        ClientCertificates::Required(TrustAnchors::default()),
        ClientCertificates::Optional(TrustAnchors::default()),
    ] {
        let mut settings = world.server_settings();
        settings.clients = clients;
        assert_eq!(refused(settings), ConfigError::NoTrustAnchors);
    }
    let settings = ClientSettings::new(TrustAnchors::default(), clock());
    assert_eq!(
        ClientConfig::new(settings).err(),
        Some(ConfigError::NoTrustAnchors)
    );
}

#[test]
fn no_cipher_suite() {
    let world = World::new();
    let mut settings = world.server_settings();
    settings.suites.clear();
    assert_eq!(refused(settings), ConfigError::NoCipherSuites);
}

#[test]
fn an_empty_chain_or_one_that_is_no_certificate() {
    let world = World::new();
    let key = world.server.identity().key;
    let with_chain = |chain: Vec<Vec<u8>>| {
        let chain = CertificateChain::from_der(chain);
        let key = key.clone();
        ServerSettings::new(Identity { chain, key }, clock())
    };
    assert_eq!(refused(with_chain(vec![])), ConfigError::NoCertificate);
    assert!(matches!(
        refused(with_chain(vec![b"no certificate".to_vec()])),
        ConfigError::BadCertificate { index: 1, .. }
    ));
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let world = World::new();
    let certificate = world.server.chain_pem.as_bytes();
    let key = world.server.key_pem.as_bytes();
    CertificateChain::from_pem(certificate).expect("a certificate");
    assert!(matches!(
        CertificateChain::from_pem(key),
        Err(ConfigError::Unreadable {
            what: "certificates",
            ..
        })
    ));
    assert!(matches!(
        PrivateKey::from_pem(certificate),
        Err(ConfigError::Unreadable {
            what: "private key",
            ..
        })
    ));
    assert!(matches!(
        TrustAnchors::from_pem(b""),
        Err(ConfigError::Unreadable {
            what: "trust anchors",
            ..
        })
    ));
    assert!(matches!(
        RevocationLists::from_pem(certificate),
        Err(ConfigError::Unreadable {
            what: "revocation lists",
            ..
        })
    ));
    let broken = &certificate[..certificate.len() / 2];
    assert!(CertificateChain::from_pem(broken).is_err());
}

#[test]
fn a_revocation_list_that_is_out_of_date() {
    let world = World::new();
    let mut settings = world.mutual_settings();
    settings.revocation = world.authority.revocation_list(&[], 2026);
    let error = refused(settings);
    assert!(
        matches!(error, ConfigError::StaleRevocationList { index: 1, .. }),
        "{error}"
    );
    let mut settings = world.client_settings();
    settings.revocation = world.authority.revocation_list(&[], 2026);
    assert!(ClientConfig::new(settings).is_err());
}

#[test]
fn a_reload_tells_which_peers_are_still_trusted() {
    let world = World::new();
    let mut settings = world.client_settings();
    settings.identity = Some(world.client.identity());
    let server = crate::ours::accept(world.mutual_settings());
    let client = crate::ours::connect(settings, "server.test");
    let (server, client) = crate::ours::shake_both(server, client).expect("a session");
    let peer = server.established.peer.as_ref();

    let same = ServerConfig::new(world.mutual_settings()).expect("good settings");
    assert_eq!(same.recheck(peer), Ok(()));
    let mut revoking = world.mutual_settings();
    revoking.revocation = world.authority.revoke(&[crate::pki::CLIENT_SERIAL]);
    let revoking = ServerConfig::new(revoking).expect("good settings");
    assert!(revoking.recheck(peer).is_err());
    let mut others = world.mutual_settings();
    others.clients = ClientCertificates::Required(Authority::new("Other CA").anchors());
    assert!(
        ServerConfig::new(others)
            .expect("good settings")
            .recheck(peer)
            .is_err()
    );
    assert!(same.recheck(None).is_err(), "one is required now");
    let anybody = ServerConfig::new(world.server_settings()).expect("good settings");
    assert_eq!(anybody.recheck(None), Ok(()));
    assert_eq!(anybody.recheck(peer), Ok(()));

    let origin = client.established.peer.as_ref();
    let config = ClientConfig::new(world.client_settings()).expect("good settings");
    let name = |text: &str| text.parse().expect("a name");
    assert_eq!(config.recheck(&name("server.test"), origin), Ok(()));
    assert!(config.recheck(&name("other.test"), origin).is_err());
    let mut revoking = world.client_settings();
    revoking.revocation = world.authority.revoke(&[0x10]);
    let revoking = ClientConfig::new(revoking).expect("good settings");
    assert!(revoking.recheck(&name("server.test"), origin).is_err());
}

#[test]
fn secrets_are_not_shown() {
    let world = World::new();
    let shown = format!("{:?}", world.server_settings());
    assert!(shown.contains("PrivateKey"), "{shown}");
    let identity = world.server.identity();
    assert_eq!(format!("{:?}", identity.key), "PrivateKey");
}

/// Configurations are shared by cores; sessions stay on theirs, but may be made elsewhere.
#[test]
fn configurations_and_sessions_cross_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<ServerConfig>();
    is_shared::<ClientConfig>();
    is_shared::<tls::Tickets>();
    is_sent::<tls::Handshake>();
    is_sent::<tls::Session>();
    is_sent::<tls::PeerIdentity>();
}
