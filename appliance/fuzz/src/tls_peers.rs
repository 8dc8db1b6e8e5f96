//! Both sides of a TLS connection: ours, and rustls' ordinary one, as the crate's own tests have them.

use std::sync::LazyLock;

use rustls::client::Resumption;
use tls::{CipherSuite, ClientCertificates, Handshake};

#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../../tls/tests/tls/oracle.rs"]
pub mod oracle;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../../tls/tests/tls/ours.rs"]
pub mod ours;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../../tls/tests/tls/pki.rs"]
pub mod pki;

use oracle::Oracle;

const NAME: &str = "server.test";

/// Certificates and configurations, which are made once. None resumes a session: an input stands for itself.
struct Configurations {
    servers: Vec<tls::ServerConfig>,
    clients: Vec<tls::ClientConfig>,
    oracle_client: rustls::ClientConfig,
    oracle_server: rustls::ServerConfig,
}

static CONFIGURATIONS: LazyLock<Configurations> = LazyLock::new(|| {
    let world = pki::World::new();
    let servers = CipherSuite::ALL.map(|suite| tls::ServerSettings {
        suites: vec![suite],
        clients: ClientCertificates::Optional(world.authority.anchors()),
        ..world.server_settings()
    });
    let clients = CipherSuite::ALL.map(|suite| tls::ClientSettings {
        suites: vec![suite],
        identity: Some(world.client.identity()),
        ..world.client_settings()
    });
    let mut oracle_client = oracle::mutual_client_config(&world);
    oracle_client.resumption = Resumption::disabled();
    let mut oracle_server = oracle::mutual_server_config(&world);
    oracle_server.send_tls13_tickets = 0;
    Configurations {
        servers: servers
            .map(|settings| tls::ServerConfig::new(settings).expect("good settings"))
            .into(),
        clients: clients
            .map(|settings| tls::ClientConfig::new(settings).expect("good settings"))
            .into(),
        oracle_client,
        oracle_server,
    }
});

/// A handshake of ours that has not begun, with the oracle on the other side; the lowest bit of `which` is the role,
/// the others are the cipher suite.
pub fn peers(which: u8) -> (Handshake, Oracle) {
    let all = &*CONFIGURATIONS;
    let suite = usize::from(which >> 1) % CipherSuite::ALL.len();
    if which & 1 == 0 {
        let ours = Handshake::accept(&all.servers[suite]).expect("a handshake");
        (ours, Oracle::client(all.oracle_client.clone()))
    } else {
        let name = NAME.parse().expect("a name");
        let ours = Handshake::connect(&all.clients[suite], &name).expect("a handshake");
        (ours, Oracle::server(all.oracle_server.clone()))
    }
}
