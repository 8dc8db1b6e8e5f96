//! TLS of the connections: configuration, probe, handshake.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use nfs::rpc::decode_starttls;
use nfs::xdr::Reader;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::error::LoadError;
use super::options::{Options, Protection};

/// What every connection's TLS has in common.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    probes: bool,
}

/// XID of the probe.
const PROBE_XID: u32 = 0x5052_4f42;

/// Most that a reply to the probe may be.
const PROBE_REPLY_MAX: usize = 1024;

impl Tls {
    /// What `options` ask for; `None` is in clear.
    pub fn new(options: &Options) -> Result<Option<Self>, LoadError> {
        if options.tls == Protection::None {
            return Ok(None);
        }
        let path = options.ca.as_ref().ok_or(LoadError::NoAuthority)?;
        let unusable = |reason: String| LoadError::Authority {
            path: path.clone(),
            reason,
        };
        let mut roots = RootCertStore::empty();
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in certificates {
            roots.add(certificate.map_err(|error| unusable(error.to_string()))?)?;
        }
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let probes = options.tls == Protection::Tls;
        if probes {
            config.alpn_protocols = vec![b"sunrpc".to_vec()];
        }
        let name = match &options.name {
            Some(name) => {
                ServerName::try_from(name.clone()).map_err(|_| LoadError::Name(name.clone()))?
            }
            None => ServerName::from(std::net::IpAddr::from(options.server)),
        };
        Ok(Some(Self {
            config: Arc::new(config),
            name,
            probes,
        }))
    }

    /// Agrees on TLS over a fresh, blocking connection.
    pub fn begin(&self, socket: &mut TcpStream) -> Result<ClientConnection, LoadError> {
        if self.probes {
            probe(socket)?;
        }
        let mut connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone())?;
        connection.set_buffer_limit(None);
        while connection.is_handshaking() {
            connection.complete_io(socket)?;
        }
        Ok(connection)
    }
}

/// Asks for TLS (RFC 9289, 4.1): a NULL call with the credential AUTH_TLS, answered by the verifier STARTTLS.
fn probe(socket: &mut TcpStream) -> Result<(), LoadError> {
    const AUTH_TLS: u32 = 7;
    let call = [PROBE_XID, 0, 2, 100_003, 3, 0, AUTH_TLS, 0, 0, 0];
    let words = [0x8000_0000 | 40].into_iter().chain(call);
    let bytes: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
    socket.write_all(&bytes)?;
    let mut mark = [0; 4];
    socket.read_exact(&mut mark)?;
    let len = usize::try_from(u32::from_be_bytes(mark) & !(1 << 31)).unwrap_or(usize::MAX);
    if len > PROBE_REPLY_MAX {
        return Err(LoadError::NoTls);
    }
    let mut reply = vec![0; len];
    socket.read_exact(&mut reply)?;
    match decode_starttls(&mut Reader::contiguous(&reply)) {
        Ok(true) => Ok(()),
        _ => Err(LoadError::NoTls),
    }
}
