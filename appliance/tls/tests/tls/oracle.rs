//! rustls' ordinary buffered connection as the other side.

use super::pki::World;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use std::io::{Read, Write};
use std::sync::Arc;

pub struct Oracle {
    pub connection: Connection,
    /// Data received.
    pub data: Vec<u8>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A client that trusts the world's authority and offers "sunrpc".
pub fn client_config(world: &World) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(world.authority.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"sunrpc".to_vec()];
    config
}

/// The same, with the world's client certificate.
pub fn mutual_client_config(world: &World) -> ClientConfig {
    let (chain, key) = world.client.for_rustls();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(world.authority.roots())
        .with_client_auth_cert(chain, key)
        .expect("an identity");
    config.alpn_protocols = vec![b"sunrpc".to_vec()];
    config
}

/// A server with the world's server certificate.
pub fn server_config(world: &World) -> ServerConfig {
    let (chain, key) = world.server.for_rustls();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("an identity");
    config.alpn_protocols = vec![b"sunrpc".to_vec()];
    config
}

/// The same, which wants a certificate of the world's authority.
pub fn mutual_server_config(world: &World) -> ServerConfig {
    let (chain, key) = world.server.for_rustls();
    let roots = Arc::new(world.authority.roots());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .expect("trust anchors");
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .expect("an identity")
}

impl Oracle {
    pub fn client(config: ClientConfig) -> Self {
        Self::client_of(&Arc::new(config), "server.test")
    }

    /// A client that shares its sessions with others of the same configuration.
    pub fn client_of(config: &Arc<ClientConfig>, name: &str) -> Self {
        let name = name.to_owned().try_into().expect("a name");
        let connection = ClientConnection::new(config.clone(), name).expect("a connection");
        Self::new(connection.into())
    }

    pub fn server(config: ServerConfig) -> Self {
        Self::server_of(&Arc::new(config))
    }

    /// A server that shares its sessions with others of the same configuration.
    pub fn server_of(config: &Arc<ServerConfig>) -> Self {
        let connection = ServerConnection::new(config.clone()).expect("a connection");
        Self::new(connection.into())
    }

    fn new(mut connection: Connection) -> Self {
        connection.set_buffer_limit(None);
        Self {
            connection,
            data: Vec::new(),
        }
    }

    /// Takes bytes from the wire and reads what data there is.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<(), rustls::Error> {
        while !bytes.is_empty() {
            self.connection.read_tls(&mut bytes).expect("memory");
            let state = self.connection.process_new_packets()?;
            let mut data = vec![0; state.plaintext_bytes_to_read()];
            self.connection
                .reader()
                .read_exact(&mut data)
                .expect("data");
            self.data.append(&mut data);
        }
        Ok(())
    }

    pub fn write(&mut self, data: &[u8]) {
        self.connection.writer().write_all(data).expect("room");
    }

    /// Bytes for the wire.
    pub fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut bytes).expect("memory");
        }
        bytes
    }

    pub fn take_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.data)
    }
}
