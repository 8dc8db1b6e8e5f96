//! Keys and certificates that live as long as a measurement.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tls::{
    CertificateChain, CipherSuite, ClientConfig, ClientSettings, Clock, Handshake, Identity,
    PrivateKey, ServerConfig, ServerSettings, Session, TrustAnchors,
};

/// Whom clients believe to be talking to.
const SERVER: &str = "wirepage.bench";

/// Certificates are valid then.
const NOW: Duration = Duration::from_secs(1_780_000_000);

/// The two sides' configurations.
pub struct Pki {
    /// Of the side that accepts.
    pub server: ServerConfig,
    /// Of the side that connects.
    pub client: ClientConfig,
}

impl Pki {
    /// A new authority, and a server that it vouches for.
    pub fn new(suite: CipherSuite) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(vec![]).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let anchor = authority
            .self_signed(&authority_key)
            .expect("a certificate");
        let anchors = TrustAnchors::from_pem(anchor.pem().as_bytes()).expect("PEM");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![SERVER.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let identity = Identity {
            chain: CertificateChain::from_pem(certificate.pem().as_bytes()).expect("PEM"),
            key: PrivateKey::from_pem(key.serialize_pem().as_bytes()).expect("PEM"),
        };
        let clock = Clock::new(|| NOW);
        let server = ServerSettings {
            suites: vec![suite],
            ..ServerSettings::new(identity, clock.clone())
        };
        Self {
            server: ServerConfig::new(server).expect("good settings"),
            client: ClientConfig::new(ClientSettings::new(anchors, clock)).expect("good settings"),
        }
    }

    /// A client's handshake.
    pub fn connect(&self) -> Handshake {
        Handshake::connect(&self.client, &SERVER.parse().expect("a name")).expect("a handshake")
    }

    /// The server's side of a session whose records nobody opens.
    pub fn sender(&self) -> Session {
        let mut server = Handshake::accept(&self.server).expect("a handshake");
        let mut client = self.connect();
        while !(server.is_complete() && client.is_complete()) {
            let flight = std::mem::take(client.output());
            server.handle(&flight).expect("the client's flight");
            let flight = std::mem::take(server.output());
            client.handle(&flight).expect("the server's flight");
        }
        server.output().clear();
        server.finish().expect("a complete handshake").0
    }
}
