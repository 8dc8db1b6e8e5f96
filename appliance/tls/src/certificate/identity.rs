//! Who a peer is by its certificate.

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;

use super::Facts;
use super::pattern::SanPattern;
use crate::error::TlsError;
use crate::limits;

/// A subject alternative name that can identify a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectAltName {
    /// `dNSName`, in lower case.
    Dns(String),
    /// `iPAddress`.
    Ip(IpAddr),
}

impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectAltName::Dns(name) => write!(f, "DNS:{name}"),
            SubjectAltName::Ip(address) => write!(f, "IP:{address}"),
        }
    }
}

/// A verified peer, by the certificate it showed. RFC 9289 section 4.2: (issuer, serial) is the
/// identity, and it is not an RPC user. `Display` is a line for the audit log.
#[derive(Clone)]
pub struct PeerIdentity {
    serial: String,
    issuer: String,
    subject: String,
    subject_alt_names: Vec<SubjectAltName>,
    fingerprint: [u8; 32],
    /// Kept to verify the peer again when trust anchors or revocation lists change.
    chain: Arc<[CertificateDer<'static>]>,
}

impl PeerIdentity {
    /// Reads the identity out of a verified chain, the peer's certificate first.
    pub(crate) fn from_chain(chain: &[CertificateDer<'_>]) -> Result<Self, TlsError> {
        let certificate = chain.first().ok_or(TlsError::NoCertificate)?;
        let facts = Facts::read(certificate).map_err(TlsError::Certificate)?;
        if facts.subject_alt_names.len() > limits::SUBJECT_ALT_NAMES {
            return Err(TlsError::Certificate(
                "it has too many subject alternative names".to_owned(),
            ));
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Ok(Self {
            serial: facts.serial,
            issuer: facts.issuer,
            subject: facts.subject,
            subject_alt_names: facts.subject_alt_names,
            fingerprint,
            chain: chain.iter().map(|c| c.clone().into_owned()).collect(),
        })
    }

    /// Serial number in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Issuer as in RFC 4514.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Subject as in RFC 4514; for people to read, never to be matched.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// DNS names and addresses of the certificate.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[SubjectAltName] {
        &self.subject_alt_names
    }

    /// SHA-256 of the certificate in DER.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether one of the certificate's names is what the pattern means.
    #[must_use]
    pub fn matches(&self, pattern: &SanPattern) -> bool {
        self.subject_alt_names
            .iter()
            .any(|name| pattern.matches(name))
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }
}

impl PartialEq for PeerIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for PeerIdentity {}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "serial {} issuer \"{}\" subject \"{}\" names [",
            self.serial, self.issuer, self.subject
        )?;
        for (index, name) in self.subject_alt_names.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        f.write_str("] sha256 ")?;
        self.fingerprint
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
