//! rustls' unbuffered connections, driven to the end of the handshake.

use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, InsufficientSizeError, UnbufferedConnectionCommon,
    UnbufferedStatus,
};
use rustls::{CommonState, Error, ExtractedSecrets, HandshakeKind, InvalidMessage};

use crate::alert::Alert;
use crate::config::negotiated_suite;
use crate::error::TlsError;
use crate::session::KeySchedule;
use crate::suite::CipherSuite;

/// One side of a handshake.
pub(super) enum Machine {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

/// How far a handshake has come.
pub(super) enum Progress {
    MoreNeeded,
    Complete,
}

/// What is known at the end of a handshake, and lost when the secrets are taken out.
pub(super) struct Facts {
    pub peer_certificates: Vec<CertificateDer<'static>>,
    pub alpn: Option<Vec<u8>>,
    pub suite: CipherSuite,
    pub resumed: bool,
}

impl Machine {
    pub(super) fn server(config: Arc<rustls::ServerConfig>) -> Result<Self, TlsError> {
        UnbufferedServerConnection::new(config)
            .map(|connection| Machine::Server(Box::new(connection)))
            .map_err(handshake_error)
    }

    pub(super) fn client(
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, TlsError> {
        UnbufferedClientConnection::new(config, name)
            .map(|connection| Machine::Client(Box::new(connection)))
            .map_err(handshake_error)
    }

    /// Takes what it can from the front of `incoming` and adds to `outgoing`. After an error
    /// `outgoing` ends with the alert.
    pub(super) fn advance(
        &mut self,
        incoming: &mut Vec<u8>,
        outgoing: &mut Vec<u8>,
    ) -> Result<Progress, TlsError> {
        let before = outgoing.len();
        let progress = match self {
            Machine::Server(connection) => drive(&mut ***connection, incoming, outgoing),
            Machine::Client(connection) => drive(&mut ***connection, incoming, outgoing),
        };
        progress.map_err(|error| {
            if outgoing.len() == before && self.is_in_clear() {
                outgoing.extend(missing_alert(&error));
            }
            handshake_error(error)
        })
    }

    /// Whether no keys have been agreed upon.
    fn is_in_clear(&self) -> bool {
        self.common().negotiated_cipher_suite().is_none()
    }

    fn common(&self) -> &CommonState {
        match self {
            Machine::Server(connection) => connection,
            Machine::Client(connection) => connection,
        }
    }

    pub(super) fn facts(&self) -> Result<Facts, TlsError> {
        let common = self.common();
        let suite = common
            .negotiated_cipher_suite()
            .ok_or(TlsError::Misuse("the handshake is not complete"))?;
        Ok(Facts {
            peer_certificates: common
                .peer_certificates()
                .map(|chain| chain.iter().map(|c| c.clone().into_owned()).collect())
                .unwrap_or_default(),
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            suite: negotiated_suite(suite)?.0,
            resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// Traffic secrets with their sequence numbers, and what derives the next ones.
    pub(super) fn into_secrets(self) -> Result<(ExtractedSecrets, KeySchedule), TlsError> {
        match self {
            Machine::Server(connection) => {
                let (secrets, kernel) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(handshake_error)?;
                let kernel: KernelConnection<ServerConnectionData> = kernel;
                Ok((secrets, KeySchedule::Server(kernel)))
            }
            Machine::Client(connection) => {
                let (secrets, kernel) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(handshake_error)?;
                let kernel: KernelConnection<ClientConnectionData> = kernel;
                Ok((secrets, KeySchedule::Client(kernel)))
            }
        }
    }
}

/// What rustls has for each side, but not in common.
trait Connection {
    type Data;
    fn wants_write(&self) -> bool;
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Connection for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Connection for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

fn drive<C: Connection>(
    connection: &mut C,
    incoming: &mut Vec<u8>,
    outgoing: &mut Vec<u8>,
) -> Result<Progress, Error> {
    let progress = step_until_blocked(connection, incoming, outgoing);
    if progress.is_err() {
        // rustls has queued its alert before it said why. It must not look at a message again
        // after an error (it panics), which it does not as long as it has something to send.
        while connection.wants_write() {
            let ConnectionState::EncodeTlsData(mut alert) = connection.process(&mut []).state?
            else {
                break;
            };
            encode(|out| alert.encode(out), outgoing)?;
        }
    }
    progress
}

fn step_until_blocked<C: Connection>(
    connection: &mut C,
    incoming: &mut Vec<u8>,
    outgoing: &mut Vec<u8>,
) -> Result<Progress, Error> {
    loop {
        let UnbufferedStatus { discard, state } = connection.process(incoming);
        let progress = match state? {
            ConnectionState::EncodeTlsData(mut flight) => {
                encode(|out| flight.encode(out), outgoing)?;
                None
            }
            ConnectionState::TransmitTlsData(flight) => {
                flight.done();
                None
            }
            ConnectionState::BlockedHandshake => Some(Progress::MoreNeeded),
            ConnectionState::WriteTraffic(_) => Some(Progress::Complete),
            // Records are shown one by one and no longer once the handshake is complete, and early
            // data is off: nothing else can come.
            ConnectionState::PeerClosed | ConnectionState::Closed => {
                return Err(Error::HandshakeNotComplete);
            }
            _ => return Err(Error::General("data within the handshake".to_owned())),
        };
        incoming.drain(..discard.min(incoming.len()));
        if let Some(progress) = progress {
            return Ok(progress);
        }
    }
}

/// Appends what `encode` writes, asking it first how long that is.
fn encode(
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
    outgoing: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = outgoing.len();
    let mut result = encode(&mut []);
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = result {
        outgoing.resize(start.saturating_add(required_size), 0);
        result = encode(outgoing.get_mut(start..).unwrap_or_default());
    }
    let written = result.map_err(|error| Error::General(error.to_string()))?;
    outgoing.truncate(start.saturating_add(written));
    Ok(())
}

/// The record with the alert for a message that is longer than rustls takes, of which it says nothing to the
/// peer: "out-of-range length" (RFC 8446 section 6). Under keys, which rustls keeps, there is none.
fn missing_alert(error: &Error) -> impl Iterator<Item = u8> {
    let is_missing = matches!(
        error,
        Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge)
    );
    let alert = Alert::DECODE_ERROR;
    let record = [21, 3, 3, 0, 2, alert.level(), alert.0];
    record.into_iter().filter(move |_| is_missing)
}

/// Whose fault it is. rustls' texts hold names and algorithms, never secrets.
fn handshake_error(error: Error) -> TlsError {
    match error {
        Error::AlertReceived(alert) => TlsError::AlertReceived(Alert(alert.into())),
        Error::NoCertificatesPresented => TlsError::NoCertificate,
        Error::NoApplicationProtocol => TlsError::NoApplicationProtocol,
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            TlsError::Certificate(error.to_string())
        }
        Error::PeerIncompatible(_) => TlsError::Incompatible(error.to_string()),
        Error::PeerSentOversizedRecord => TlsError::RecordOverflow,
        Error::DecryptError => TlsError::BadRecordMac,
        Error::FailedToGetRandomBytes | Error::FailedToGetCurrentTime | Error::EncryptError => {
            TlsError::Library(error.to_string())
        }
        _ => TlsError::Handshake(error.to_string()),
    }
}
