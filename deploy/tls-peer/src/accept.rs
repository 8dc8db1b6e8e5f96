use crate::deadline::DeadlineStream;
use crate::error::{PeerError, SetupError};
use crate::limits;
use crate::options::{AcceptOptions, RelayOptions};
use crate::probe::{self, ClearCall};
use crate::relay::{Relay, relay_clear};
use crate::serve::{Log, Role};
use crate::socket::dial;
use crate::tls_config::server_config;
use nfs::record::MARK_LEN;
use rustls::{Connection, ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

/// The first byte of a TLS handshake. As that of a record mark it would announce a fragment of
/// 369 MB that is not the last, which no RPC peer sends.
const TLS_HANDSHAKE: u8 = 0x16;

/// TLS in, plain out.
pub struct Accept {
    options: AcceptOptions,
    config: Arc<ServerConfig>,
}

/// How a client's connection goes on.
enum Opening {
    Tls(Box<Connection>),
    /// In clear; the bytes were already read.
    Clear(Vec<u8>),
}

impl Accept {
    /// Reads certificates and keys.
    pub fn new(options: AcceptOptions) -> Result<Self, SetupError> {
        Ok(Accept {
            config: Arc::new(server_config(&options.relay)?),
            options,
        })
    }

    /// From the client's first byte to the end of the handshake.
    fn open(&self, client: &TcpStream, deadline: Instant) -> Result<Opening, PeerError> {
        let mut client = DeadlineStream::new(client, deadline);
        let mut probed = false;
        for _ in 0..limits::CLEAR_CALLS {
            let mut first = [0; MARK_LEN];
            client.read_exact(&mut first)?;
            if first[0] == TLS_HANDSHAKE {
                if self.options.require_probe && !probed {
                    return Err(PeerError::ProbeMissing);
                }
                return self.handshake(&first, &mut client);
            }
            if probed {
                return Err(PeerError::ClearAfterProbe);
            }
            let call = read_call(first, &mut client)?;
            match probe::judge(&call) {
                ClearCall::Probe(answer) if self.options.relay.mode.probes() => {
                    client.write_all(&answer)?;
                    probed = true;
                }
                ClearCall::Misused(answer) => client.write_all(&answer)?,
                ClearCall::Plain(_) | ClearCall::Probe(_) if self.options.allow_plain => {
                    return Ok(Opening::Clear([&first[..], &call[..]].concat()));
                }
                ClearCall::Plain(refusal) | ClearCall::Probe(refusal) => {
                    client.write_all(&refusal)?;
                    return Err(PeerError::PlainRefused);
                }
            }
        }
        Err(PeerError::TooManyCalls)
    }

    fn handshake(
        &self,
        first: &[u8],
        client: &mut DeadlineStream<'_>,
    ) -> Result<Opening, PeerError> {
        let mut tls = ServerConnection::new(Arc::clone(&self.config))?;
        tls.read_tls(&mut &first[..])?;
        while tls.is_handshaking() {
            tls.complete_io(client)?;
        }
        while tls.wants_write() {
            tls.write_tls(client)?;
        }
        Ok(Opening::Tls(Box::new(tls.into())))
    }
}

impl Role for Accept {
    fn options(&self) -> &RelayOptions {
        &self.options.relay
    }

    fn serve(&self, client: &TcpStream, log: &mut Log) -> Result<(), PeerError> {
        let deadline = Instant::now() + limits::SETUP_TIME;
        let opening = self.open(client, deadline)?;
        let options = &self.options.relay;
        let server = dial(&options.to, options.bind_reserved, deadline)?;
        match opening {
            Opening::Tls(mut tls) => {
                log.established(&tls);
                let mut relay = Relay::new(&server, client, &mut tls, options.rekey_every);
                let outcome = relay.run();
                log.carried(relay.carried);
                outcome
            }
            Opening::Clear(bytes) => {
                log.clear();
                DeadlineStream::new(&server, deadline).write_all(&bytes)?;
                log.carried(relay_clear(client, &server)?);
                Ok(())
            }
        }
    }
}

/// What can be a call's header: the first fragment's bytes, or as many as a header may have.
fn read_call(mark: [u8; MARK_LEN], client: &mut DeadlineStream<'_>) -> io::Result<Vec<u8>> {
    let len = (u32::from_be_bytes(mark) & !(1 << 31)) as usize;
    let mut call = vec![0; len.min(limits::CLEAR_RECORD)];
    client.read_exact(&mut call)?;
    Ok(call)
}
