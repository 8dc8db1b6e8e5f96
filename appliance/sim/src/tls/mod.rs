//! TLS that is the same in every run: for the appliances our own, for their peers rustls' ordinary connections.

mod provider;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};

pub(crate) use provider::{provider, seed};

/// How connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Clear,
    /// TLS, asked for by a probe (RFC 9289).
    StartTls,
    /// TLS from the first byte.
    Direct,
}

impl Protection {
    pub(crate) fn of(option: u64) -> Self {
        match option {
            0 => Self::Clear,
            1 => Self::StartTls,
            _ => Self::Direct,
        }
    }
}

/// Every appliance's certificate and the origin's name both of these.
pub(crate) const APPLIANCE_NAME: &str = "appliance.test";
pub(crate) const ORIGIN_NAME: &str = "origin.test";

/// The time of day, in 2033.
const TODAY: Duration = Duration::from_secs(2_000_000_000);

pub(crate) const AUTHORITY: &[u8] = include_bytes!("../../certificates/ca.pem");
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("../../certificates/server.pem");
pub(crate) const KEY: &[u8] = include_bytes!("../../certificates/server-key.pem");

pub(crate) fn clock() -> tls::Clock {
    tls::Clock::new(|| TODAY)
}

#[derive(Debug)]
struct Today;

impl TimeProvider for Today {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(TODAY))
    }
}

/// A peer's end of a TLS connection.
pub(crate) struct Tunnel {
    connection: Connection,
}

impl Tunnel {
    /// Of a client of an appliance.
    pub(crate) fn to_appliance() -> Self {
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
        let name = ServerName::try_from(APPLIANCE_NAME).expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("good settings");
        Self {
            connection: connection.into(),
        }
    }

    /// Of the origin.
    pub(crate) fn of_origin() -> Self {
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
        let connection = ServerConnection::new(Arc::new(config)).expect("good settings");
        Self {
            connection: connection.into(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// Takes bytes of the wire; the data in them.
    pub(crate) fn receive(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let mut data = Vec::new();
        while !bytes.is_empty() {
            let taken = self.connection.read_tls(&mut bytes);
            taken.map_err(|error| rustls::Error::General(error.to_string()))?;
            self.connection.process_new_packets()?;
            // It ends with "would block", or with the peer's goodbye.
            let _ = self.connection.reader().read_to_end(&mut data);
        }
        Ok(data)
    }

    /// Takes data; what of it goes onto the wire is in [`Tunnel::output`].
    pub(crate) fn send(&mut self, data: &[u8]) {
        self.connection.set_buffer_limit(None);
        self.connection
            .writer()
            .write_all(data)
            .expect("there is no limit");
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
