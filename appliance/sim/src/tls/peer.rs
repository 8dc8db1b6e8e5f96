//! TLS of the appliances' peers: clients and the origin.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection,
};

use super::{APPLIANCE_NAME, AUTHORITY, CERTIFICATE, KEY, Today, provider, tickets};
use crate::options::Options;
use crate::random::Random;

/// What a peer has for all its connections, tickets included, and how often it has made use of it.
pub(crate) struct PeerTls {
    config: Config,
    options: Options,
    random: Random,
    /// Updates of its keys.
    pub(crate) key_updates: u64,
    /// Handshakes in which a session was resumed.
    pub(crate) resumed: u64,
}

enum Config {
    Client(Arc<ClientConfig>),
    Origin(Arc<ServerConfig>),
}

impl PeerTls {
    pub(crate) fn of_client(options: &Options, random: Random) -> Self {
        Self::new(Config::Client(client()), options, random)
    }

    pub(crate) fn of_origin(options: &Options, random: Random) -> Self {
        Self::new(Config::Origin(origin(options)), options, random)
    }

    fn new(config: Config, options: &Options, random: Random) -> Self {
        Self {
            config,
            options: *options,
            random,
            key_updates: 0,
            resumed: 0,
        }
    }

    /// The peer starts anew, and knows no session any more.
    pub(crate) fn forget(&mut self) {
        self.config = match self.config {
            Config::Client(_) => Config::Client(client()),
            Config::Origin(_) => Config::Origin(origin(&self.options)),
        };
    }

    /// Its end of a new connection.
    pub(crate) fn tunnel(&self) -> Tunnel {
        let connection: Connection = match &self.config {
            Config::Client(config) => {
                let name = ServerName::try_from(APPLIANCE_NAME).expect("a name");
                let connection = ClientConnection::new(config.clone(), name);
                connection.expect("good settings").into()
            }
            Config::Origin(config) => {
                let connection = ServerConnection::new(config.clone());
                connection.expect("good settings").into()
            }
        };
        Tunnel { connection }
    }
}

fn client() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(AUTHORITY).expect("a certificate");
    roots.add(authority).expect("a certificate");
    let builder = ClientConfig::builder_with_details(Arc::new(provider()), Arc::new(Today));
    let mut config = builder
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"sunrpc".to_vec()];
    Arc::new(config)
}

fn origin(options: &Options) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let builder = ServerConfig::builder_with_details(Arc::new(provider()), Arc::new(Today));
    let mut config = builder
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("an identity");
    config.alpn_protocols = vec![b"sunrpc".to_vec()];
    config.send_tls13_tickets = 0;
    if let Some(tickets) = tickets(options) {
        config.ticketer = tickets;
        config.send_tls13_tickets = 2;
    }
    Arc::new(config)
}

/// A peer's end of a TLS connection.
pub(crate) struct Tunnel {
    connection: Connection,
}

impl Tunnel {
    pub(crate) fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// Takes bytes of the wire; the data in them.
    pub(crate) fn receive(
        &mut self,
        mut bytes: &[u8],
        peer: &mut PeerTls,
    ) -> Result<Vec<u8>, rustls::Error> {
        let was_open = self.is_open();
        let mut data = Vec::new();
        while !bytes.is_empty() {
            let taken = self.connection.read_tls(&mut bytes);
            taken.map_err(|error| rustls::Error::General(error.to_string()))?;
            self.connection.process_new_packets()?;
            // It ends with "would block", or with the peer's goodbye.
            let _ = self.connection.reader().read_to_end(&mut data);
        }
        let is_resumed = self.connection.handshake_kind() == Some(HandshakeKind::Resumed);
        peer.resumed += u64::from(self.is_open() && !was_open && is_resumed);
        Ok(data)
    }

    /// Takes data; what of it goes onto the wire is in [`Tunnel::output`]. Now and then its keys are updated before
    /// that, or behind it, and the other side asked to do the same.
    pub(crate) fn send(&mut self, data: &[u8], peer: &mut PeerTls) {
        self.connection.set_buffer_limit(None);
        self.update_keys_if_due(peer);
        self.connection
            .writer()
            .write_all(data)
            .expect("there is no limit");
        self.update_keys_if_due(peer);
    }

    fn update_keys_if_due(&mut self, peer: &mut PeerTls) {
        if self.is_open() && peer.random.chance(peer.options.peer_key_updates) {
            let updated = self.connection.refresh_traffic_keys();
            updated.expect("an open connection, and no message in parts");
            peer.key_updates += 1;
        }
    }

    /// Bytes for the wire.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection
                .write_tls(&mut bytes)
                .expect("memory takes all");
        }
        bytes
    }
}
