//! What can go wrong: [`TlsError`] with a peer, [`ConfigError`] with what the operator gave.

use crate::alert::Alert;

/// Why a handshake or a session ended, or (the last four) why a call did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// the peer broke the protocol in the handshake: {0}
    #[error("the peer broke the protocol in the handshake: {0}")]
    Handshake(String),
    /// no protocol version, cipher suite or algorithm in common with the peer: {0}
    #[error("no protocol version, cipher suite or algorithm in common with the peer: {0}")]
    Incompatible(String),
    /// the peer's handshake is longer than [`crate::limits::HANDSHAKE`]
    #[error("the peer's handshake is too long")]
    HandshakeTooLong,
    /// the peer's certificate is refused: {0}
    #[error("the peer's certificate is refused: {0}")]
    Certificate(String),
    /// the peer shows no certificate, and one is required
    #[error("the peer shows no certificate, and one is required")]
    NoCertificate,
    /// the peer does not agree on the application protocol "sunrpc"
    #[error("the peer does not agree on the application protocol \"sunrpc\"")]
    NoApplicationProtocol,
    /// the peer ended the connection with the alert {0}
    #[error("the peer ended the connection with the alert {0}")]
    AlertReceived(Alert),
    /// a record that is longer than the protocol allows
    #[error("a record that is longer than the protocol allows")]
    RecordOverflow,
    /// a record that does not authenticate
    #[error("a record that does not authenticate")]
    BadRecordMac,
    /// {0}
    #[error("{0}")]
    UnexpectedMessage(&'static str),
    /// {0}
    #[error("{0}")]
    Decode(&'static str),
    /// more records without data than [`crate::limits::CONTROL_ALLOWANCE`] allows
    #[error("too many records without data")]
    TooManyControlRecords,
    /// the keys have protected as many records as their AEAD allows
    #[error("the keys have protected as many records as their AEAD allows")]
    KeyExhausted,
    /// the cryptographic library failed
    #[error("the cryptographic library failed: {0}")]
    Library(String),
    /// Nothing more is read: the peer has sent `close_notify`.
    #[error("the peer has closed its side")]
    ClosedByPeer,
    /// Nothing more is sealed: this side has closed.
    #[error("this side has closed")]
    Closed,
    /// The output is too short for the record. Nothing has changed.
    #[error("the output is too short for the record")]
    NoRoom,
    /// The caller broke the order of calls or a length's bound. Nothing has changed.
    #[error("misuse: {0}")]
    Misuse(&'static str),
}

impl TlsError {
    /// The alert that tells the peer, where there is one to be sent by the record layer. The
    /// alerts of a failed handshake are already in [`crate::Handshake::output`].
    pub(crate) fn alert(&self) -> Option<Alert> {
        match self {
            TlsError::RecordOverflow => Some(Alert::RECORD_OVERFLOW),
            TlsError::BadRecordMac => Some(Alert::BAD_RECORD_MAC),
            TlsError::UnexpectedMessage(_) | TlsError::TooManyControlRecords => {
                Some(Alert::UNEXPECTED_MESSAGE)
            }
            TlsError::Decode(_) => Some(Alert::DECODE_ERROR),
            TlsError::NoApplicationProtocol => Some(Alert::NO_APPLICATION_PROTOCOL),
            TlsError::Certificate(_) => Some(Alert::BAD_CERTIFICATE),
            TlsError::NoCertificate => Some(Alert::CERTIFICATE_REQUIRED),
            TlsError::KeyExhausted | TlsError::Library(_) => Some(Alert::INTERNAL_ERROR),
            TlsError::Handshake(_)
            | TlsError::Incompatible(_)
            | TlsError::HandshakeTooLong
            | TlsError::AlertReceived(_)
            | TlsError::ClosedByPeer
            | TlsError::Closed
            | TlsError::NoRoom
            | TlsError::Misuse(_) => None,
        }
    }
}

/// What is wrong with certificates, keys or lists, and how to mend it. Which file it was is the
/// caller's to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not PEM, or PEM without the section asked for.
    #[error("{what} cannot be read: {reason}; give a PEM file")]
    Unreadable {
        /// What was to be read.
        what: &'static str,
        /// What the reader says.
        reason: String,
    },
    /// A certificate that is not X.509.
    #[error("certificate {index} of {what} cannot be read: {reason}")]
    BadCertificate {
        /// Which set of certificates.
        what: &'static str,
        /// Its place in it, from 1.
        index: usize,
        /// What the reader says.
        reason: String,
    },
    /// The chain has no certificate at all.
    #[error("there is no certificate; give the certificate first, then those of its issuers")]
    NoCertificate,
    /// `notBefore` lies in the future (seconds since 1970).
    #[error(
        "the certificate of \"{subject}\" is valid only from {not_before} (seconds since 1970), and \
         it is {now}; set the clock or wait"
    )]
    NotYetValid {
        /// The certificate's subject.
        subject: String,
        /// Start of its validity.
        not_before: u64,
        /// The time now.
        now: u64,
    },
    /// `notAfter` lies in the past (seconds since 1970).
    #[error(
        "the certificate of \"{subject}\" has expired at {not_after} (seconds since 1970), and it \
         is {now}; renew it"
    )]
    Expired {
        /// The certificate's subject.
        subject: String,
        /// End of its validity.
        not_after: u64,
        /// The time now.
        now: u64,
    },
    /// The private key is of no supported kind.
    #[error("the private key cannot be used: {0}; give an RSA, ECDSA or Ed25519 key in PKCS #8")]
    BadKey(String),
    /// The private key is not the one of the certificate.
    #[error("the private key does not belong to the certificate; give the key it was issued for")]
    KeyMismatch,
    /// RFC 9289 identifies servers by their subject alternative names.
    #[error(
        "the certificate has no subject alternative name; issue one with a DNS name or an IP \
         address as clients use it"
    )]
    NoSubjectAltName,
    /// RFC 9289 section 5.2.1 has no wildcards.
    #[error(
        "the certificate is for the wildcard \"{0}\", which RPC-with-TLS forbids; issue one that \
         names the host"
    )]
    Wildcard(String),
    /// A peer is to be verified, but against nothing.
    #[error("there are no trust anchors to verify the peer with; give the CA's certificate")]
    NoTrustAnchors,
    /// A revocation list cannot be used.
    #[error("revocation list {index} cannot be used: {reason}")]
    BadRevocationList {
        /// Its place, from 1.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// `nextUpdate` of a revocation list lies in the past (seconds since 1970).
    #[error(
        "revocation list {index} of \"{issuer}\" was due to be replaced at {next_update} (seconds \
         since 1970), and it is {now}; fetch the current one"
    )]
    StaleRevocationList {
        /// Its place, from 1.
        index: usize,
        /// Who issued it.
        issuer: String,
        /// When the next one was due.
        next_update: u64,
        /// The time now.
        now: u64,
    },
    /// The list of cipher suites is empty.
    #[error("no cipher suite is allowed; name at least one")]
    NoCipherSuites,
    /// The cryptographic library refuses.
    #[error("the TLS library refuses this configuration: {0}")]
    Library(String),
}
