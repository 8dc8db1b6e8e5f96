use crate::deadline::DeadlineStream;
use crate::error::{PeerError, SetupError};
use crate::limits;
use crate::options::{ConnectOptions, RelayOptions};
use crate::probe;
use crate::relay::Relay;
use crate::serve::{Log, Role};
use crate::socket::dial;
use crate::tls_config::client_config;
use nfs::record::MARK_LEN;
use nfs::rpc::AuthFlavor;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

/// Any number: nothing else is under way on the connection.
const PROBE_XID: u32 = 0x746c_7331;

/// Plain in, TLS out.
pub struct Connect {
    options: ConnectOptions,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Connect {
    /// Reads certificates and keys.
    pub fn new(options: ConnectOptions) -> Result<Self, SetupError> {
        let name = match &options.name {
            Some(name) => name.clone(),
            None => host_of(&options.relay.to).to_owned(),
        };
        Ok(Connect {
            config: Arc::new(client_config(&options.relay)?),
            name: ServerName::try_from(name.clone()).map_err(|_| SetupError::Name(name))?,
            options,
        })
    }

    fn handshake(&self, server: &TcpStream, deadline: Instant) -> Result<Connection, PeerError> {
        let mut server = DeadlineStream::new(server, deadline);
        if self.options.relay.mode.probes() {
            ask_for_tls(&mut server, self.options.program.number())?;
        }
        let mut tls = ClientConnection::new(Arc::clone(&self.config), self.name.clone())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut server)?;
        }
        while tls.wants_write() {
            tls.write_tls(&mut server)?;
        }
        if self.options.ping {
            let program = self.options.program.number();
            ping(rustls::Stream::new(&mut tls, &mut server), program)?;
        }
        Ok(tls.into())
    }
}

impl Role for Connect {
    fn options(&self) -> &RelayOptions {
        &self.options.relay
    }

    fn serve(&self, client: &TcpStream, log: &mut Log) -> Result<(), PeerError> {
        let deadline = Instant::now() + limits::SETUP_TIME;
        let options = &self.options.relay;
        let server = dial(&options.to, options.bind_reserved, deadline)?;
        let mut tls = self.handshake(&server, deadline)?;
        log.established(&tls);
        let mut relay = Relay::new(client, &server, &mut tls, options.rekey_every);
        let outcome = relay.run();
        log.carried(relay.carried);
        outcome
    }
}

/// Sends the probe and reads the answer, not a byte further.
fn ask_for_tls(server: &mut DeadlineStream<'_>, program: u32) -> Result<(), PeerError> {
    server.write_all(&probe::encode_probe(PROBE_XID, program))?;
    match probe::agrees_to_tls(&read_reply(server)?, PROBE_XID) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PeerError::NotOffered),
        Err(_) => Err(PeerError::NotRpc),
    }
}

/// Makes a NULL call inside TLS, whatever the answer says. NFS-Ganesha 15.2 may give the probe's
/// verifier once more, in its first answer only.
fn ping(mut tls: impl Read + Write, program: u32) -> Result<(), PeerError> {
    tls.write_all(&probe::encode_null(PROBE_XID, program, AuthFlavor::NONE))?;
    read_reply(&mut tls).map(drop)
}

/// A reply of one fragment, as every server sends one of two dozen bytes.
fn read_reply(server: &mut impl Read) -> Result<Vec<u8>, PeerError> {
    let mut mark = [0; MARK_LEN];
    server.read_exact(&mut mark)?;
    let len = (u32::from_be_bytes(mark) & !(1 << 31)) as usize;
    if len > limits::CLEAR_RECORD {
        return Err(PeerError::NotRpc);
    }
    let mut reply = vec![0; len];
    server.read_exact(&mut reply)?;
    Ok(reply)
}

/// The host of `HOST:PORT`, the brackets of an IPv6 address stripped.
fn host_of(target: &str) -> &str {
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_what_stands_before_the_port() {
        assert_eq!(host_of("origin.example:2049"), "origin.example");
        assert_eq!(host_of("10.0.0.1:2049"), "10.0.0.1");
        assert_eq!(host_of("[2001:db8::1]:2049"), "2001:db8::1");
    }
}
