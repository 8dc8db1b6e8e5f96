use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::path::PathBuf;
use std::{fmt, io};

/// Why this program does not start. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An option is missing or at odds with another.
    #[error("{0}")]
    Options(&'static str),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not the PEM file it should be.
    #[error("{path}: no {what} in PEM format in it")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The name to expect of the server is neither a DNS name nor an address.
    #[error("{0:?} is neither a DNS name nor an IP address; give --name NAME")]
    Name(String),
    /// A directory for new certificates already holds some.
    #[error("{0} is there already; remove it or choose another directory")]
    Exists(PathBuf),
    /// Certificates and keys do not make a TLS configuration.
    #[error("the certificates cannot be used: {0}; does --key belong to --cert?")]
    Tls(#[from] TlsError),
    /// The trust anchors or revocation lists cannot be used.
    #[error("--ca or --crl cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The listening socket failed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Why one connection ended early. Nothing went, or goes, on in clear.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The other side of the relay cannot be connected to.
    #[error("cannot connect to {target}: {source}")]
    Unreachable {
        /// `HOST:PORT`
        target: String,
        /// Why.
        source: io::Error,
    },
    /// The server answered the probe without `STARTTLS`.
    #[error(
        "the server does not offer RPC-with-TLS (no STARTTLS in its answer to the AUTH_TLS probe); \
         switch TLS on there, or use --mode direct if it speaks TLS from the first byte"
    )]
    NotOffered,
    /// What the server sent is no answer to the probe.
    #[error(
        "the server's answer to the AUTH_TLS probe is not RPC; is it an NFS server? \
         Use --mode direct if it speaks TLS from the first byte"
    )]
    NotRpc,
    /// The client speaks plain RPC.
    #[error("the client speaks plain RPC, which was refused; --allow-plain would let it")]
    PlainRefused,
    /// The client began TLS without the probe.
    #[error("the client began TLS without an AUTH_TLS probe, which --require-probe forbids")]
    ProbeMissing,
    /// Clear bytes between the probe and the handshake (RFC 9289 section 4.1).
    #[error("the client went on in clear after its AUTH_TLS probe")]
    ClearAfterProbe,
    /// The client does nothing but send clear calls.
    #[error("the client made too many calls before TLS")]
    TooManyCalls,
    /// The peer, or we, ended TLS.
    #[error("TLS failed: {0}{remedy}", remedy = remedy(.0))]
    Tls(#[from] TlsError),
    /// The connection ended without `close_notify`: what was under way may be cut short.
    #[error("the TLS side ended without close_notify (truncation)")]
    Truncated,
    /// The set-up took too long.
    #[error("the other side did not finish the TLS set-up in time")]
    TimedOut,
    /// The connection was closed before TLS was there.
    #[error("the other side closed the connection during the TLS set-up")]
    ClosedEarly,
    /// A connection broke after the set-up, as when a client resets it instead of closing it.
    #[error("the {side} side: {source}")]
    Broken {
        /// Which connection.
        side: Side,
        /// How.
        source: io::Error,
    },
    /// A socket failed.
    #[error("{0}")]
    Io(io::Error),
}

/// The two connections of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one without TLS.
    Plain,
    /// The one with TLS.
    Tls,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Side::Plain => "plain",
            Side::Tls => "TLS",
        })
    }
}

impl From<io::Error> for PeerError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => PeerError::TimedOut,
            io::ErrorKind::UnexpectedEof => PeerError::ClosedEarly,
            // rustls wraps its own errors when it does the input and output.
            _ => match error.downcast::<TlsError>() {
                Ok(error) => PeerError::Tls(error),
                Err(error) => PeerError::Io(error),
            },
        }
    }
}

/// What to do about a TLS error, as the continuation of its message.
fn remedy(error: &TlsError) -> &'static str {
    match error {
        TlsError::InvalidCertificate(error) => certificate_remedy(error),
        TlsError::NoCertificatesPresented => {
            "; the client must present a certificate (connect --mode mtls), or use --mode tls here"
        }
        TlsError::AlertReceived(alert) => alert_remedy(*alert),
        TlsError::InvalidMessage(_) => "; does the other side speak TLS on this port?",
        _ => "",
    }
}

fn certificate_remedy(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => "; --ca must name the CA that signed the certificate",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; give --name with a name or address that the certificate holds, or renew it"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "; renew the other side's certificate, or set this machine's clock"
        }
        CertificateError::UnknownRevocationStatus => "; --crl must hold the list of the issuer",
        _ => "",
    }
}

fn alert_remedy(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "; the other side wants a client certificate: --mode mtls (or direct-mtls) --cert --key"
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown => "; the other side refused our certificate",
        AlertDescription::NoApplicationProtocol => "; try --alpn none",
        AlertDescription::ProtocolVersion => "; the other side must speak TLS 1.3",
        _ => "",
    }
}
