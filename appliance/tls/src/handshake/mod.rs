//! One handshake, from the first byte to a session.

mod machine;

use core::fmt;
use std::sync::{Arc, OnceLock};

use machine::{Machine, Progress};

use crate::certificate::identity::PeerIdentity;
use crate::certificate::name::ServerName;
use crate::config::{Alpn, ClientConfig, SUNRPC, ServerConfig};
use crate::error::TlsError;
use crate::limits;
use crate::session::Session;
use crate::suite::CipherSuite;

/// What a handshake has settled.
#[derive(Clone, Debug)]
pub struct Established {
    /// Who the peer is, if it showed a certificate (now, or in the session that is resumed).
    pub peer: Option<PeerIdentity>,
    /// Whether "sunrpc" was negotiated (RFC 9289 section 4.3).
    pub sunrpc: bool,
    /// The cipher suite.
    pub suite: CipherSuite,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The server name the client asked for; only on the accepting side, and never an address.
    pub server_name: Option<String>,
}

/// A handshake under way: bytes in by [`Handshake::handle`], bytes out by [`Handshake::output`].
/// How long it may take is the caller's to decide.
pub struct Handshake {
    side: Side,
    stage: Stage,
    /// Records of the flight being read: whole ones that rustls still looks at, then
    /// `partial_from..` the one that is arriving.
    incoming: Vec<u8>,
    partial_from: usize,
    /// Bytes taken so far.
    taken: usize,
    outgoing: Vec<u8>,
}

enum Side {
    Server {
        config: ServerConfig,
        server_name: Arc<OnceLock<String>>,
    },
    Client {
        config: ClientConfig,
        name: ServerName,
    },
}

enum Stage {
    UnderWay(Machine),
    Complete(Box<(Session, Established)>),
    Failed(TlsError),
}

impl Handshake {
    /// Waits for a client's first message.
    ///
    /// # Errors
    /// The TLS library refuses.
    pub fn accept(config: &ServerConfig) -> Result<Self, TlsError> {
        let (rustls, server_name) = config.for_one_handshake();
        let side = Side::Server {
            config: config.clone(),
            server_name,
        };
        Ok(Self::new(side, Machine::server(rustls)?))
    }

    /// Speaks first, to the server `name`: there is output at once.
    ///
    /// # Errors
    /// The TLS library refuses.
    pub fn connect(config: &ClientConfig, name: &ServerName) -> Result<Self, TlsError> {
        let machine = Machine::client(config.rustls(), name.0.clone())?;
        let side = Side::Client {
            config: config.clone(),
            name: name.clone(),
        };
        let mut handshake = Self::new(side, machine);
        handshake.advance()?;
        Ok(handshake)
    }

    fn new(side: Side, machine: Machine) -> Self {
        Self {
            side,
            stage: Stage::UnderWay(machine),
            incoming: Vec::new(),
            partial_from: 0,
            taken: 0,
            outgoing: Vec::new(),
        }
    }

    /// Takes bytes of the peer and gives how many it took: all of them, or up to the end of the
    /// record that completed the handshake. What is behind it is for the session.
    ///
    /// # Errors
    /// Why the handshake has failed; the same again on later calls. [`Handshake::output`] then ends
    /// with the alert for the peer, if one is due.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<usize, TlsError> {
        let mut rest = bytes;
        loop {
            match &self.stage {
                Stage::Failed(error) => return Err(error.clone()),
                Stage::Complete(_) => break,
                Stage::UnderWay(_) => {}
            }
            let wanted = self.wanted();
            if wanted == 0 {
                self.advance()?;
                continue;
            }
            let Some((piece, behind)) = rest.split_at_checked(wanted.min(rest.len())) else {
                break;
            };
            if piece.is_empty() {
                break;
            }
            self.taken = self.taken.saturating_add(piece.len());
            if self.taken > limits::HANDSHAKE {
                return Err(self.fail(TlsError::HandshakeTooLong));
            }
            self.incoming.extend_from_slice(piece);
            rest = behind;
        }
        Ok(bytes.len().saturating_sub(rest.len()))
    }

    /// Bytes to send, to be removed from the front as they are taken over.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// Whether [`Handshake::finish`] will succeed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Complete(_))
    }

    /// The open session. Take what is left in [`Handshake::output`] before: it goes first.
    ///
    /// # Errors
    /// The handshake has failed, or is not complete ([`TlsError::Misuse`]).
    pub fn finish(self) -> Result<(Session, Established), TlsError> {
        match self.stage {
            Stage::Complete(complete) => Ok(*complete),
            Stage::Failed(error) => Err(error),
            Stage::UnderWay(_) => Err(TlsError::Misuse("the handshake is not complete")),
        }
    }

    /// Bytes missing in the record that is arriving, first of its header; 0 when it is whole, or
    /// when rustls is going to refuse it for its header.
    fn wanted(&mut self) -> usize {
        let partial = self
            .incoming
            .get_mut(self.partial_from..)
            .unwrap_or_default();
        let arrived = partial.len();
        let Some([kind, major, _, high, low]) = partial.first_chunk_mut::<{ limits::HEADER }>()
        else {
            return limits::HEADER.saturating_sub(arrived);
        };
        // change_cipher_spec to application_data, of a version of TLS.
        if !(20..=23).contains(kind) || *major != 3 {
            return 0;
        }
        let len = usize::from(u16::from_be_bytes([*high, *low])).saturating_add(limits::HEADER);
        if len > limits::HANDSHAKE_RECORD {
            // Longer than any version of TLS allows, since rustls has the bound of TLS 1.2.
            (*high, *low) = (0xFF, 0xFF);
            return 0;
        }
        len.saturating_sub(arrived)
    }

    /// Shows the machine all whole records.
    fn advance(&mut self) -> Result<(), TlsError> {
        let Stage::UnderWay(machine) = &mut self.stage else {
            return Ok(());
        };
        let progress = machine.advance(&mut self.incoming, &mut self.outgoing);
        self.partial_from = self.incoming.len();
        match progress {
            Ok(Progress::MoreNeeded) => Ok(()),
            Ok(Progress::Complete) => self.complete().map_err(|error| self.fail(error)),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Takes the secrets over and makes the checks that rustls does not.
    fn complete(&mut self) -> Result<(), TlsError> {
        let failed = Stage::Failed(TlsError::Misuse("the handshake is not complete"));
        let Stage::UnderWay(machine) = core::mem::replace(&mut self.stage, failed) else {
            return Ok(());
        };
        let facts = machine.facts()?;
        let rekey_after = match &self.side {
            Side::Server { config, .. } => config.rekey_after(),
            Side::Client { config, .. } => config.rekey_after(),
        };
        let (secrets, key_schedule) = machine.into_secrets()?;
        let mut session = Session::new(secrets, key_schedule, rekey_after)?;
        match self.establish(facts) {
            Ok(established) => {
                self.stage = Stage::Complete(Box::new((session, established)));
                Ok(())
            }
            Err(error) => {
                session.refuse(&error);
                let mut alert = [0; limits::CONTROL_RECORD];
                let len = session.take_control(&mut alert);
                self.outgoing
                    .extend_from_slice(alert.get(..len).unwrap_or_default());
                Err(error)
            }
        }
    }

    fn establish(&self, facts: machine::Facts) -> Result<Established, TlsError> {
        let peer = match facts.peer_certificates.as_slice() {
            [] => None,
            chain => Some(PeerIdentity::from_chain(chain)?),
        };
        let sunrpc = facts.alpn.as_deref() == Some(SUNRPC);
        let (alpn, server_name) = match &self.side {
            Side::Server {
                config,
                server_name,
            } => {
                // Resumption skips the verification of certificates, but not what became of them.
                if facts.resumed {
                    config.recheck(peer.as_ref())?;
                }
                (config.alpn(), server_name.get().cloned())
            }
            Side::Client { config, name } => {
                if facts.resumed {
                    config.recheck(name, peer.as_ref())?;
                }
                (config.alpn(), None)
            }
        };
        if alpn == Alpn::Strict && !sunrpc {
            return Err(TlsError::NoApplicationProtocol);
        }
        Ok(Established {
            peer,
            sunrpc,
            suite: facts.suite,
            resumed: facts.resumed,
            server_name,
        })
    }

    fn fail(&mut self, error: TlsError) -> TlsError {
        self.incoming = Vec::new();
        self.stage = Stage::Failed(error.clone());
        error
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match &self.side {
            Side::Server { .. } => "server",
            Side::Client { .. } => "client",
        };
        let stage = match &self.stage {
            Stage::UnderWay(_) => "under way",
            Stage::Complete(_) => "complete",
            Stage::Failed(_) => "failed",
        };
        write!(
            f,
            "Handshake of the {side}, {stage}, {} bytes read",
            self.taken
        )
    }
}
