//! Certificates, keys, trust anchors and revocation lists as an operator gives them.

use core::fmt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroize;

use crate::error::ConfigError;

/// A certificate, then those of its issuers up to a trust anchor (which may be left out).
#[derive(Clone, Debug)]
pub struct CertificateChain(pub(crate) Vec<CertificateDer<'static>>);

impl CertificateChain {
    /// Reads the `CERTIFICATE` sections of a PEM file.
    ///
    /// # Errors
    /// The text is not PEM or has no certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        sections(pem, "certificates").map(Self)
    }

    /// Takes certificates in DER.
    #[must_use]
    pub fn from_der(certificates: Vec<Vec<u8>>) -> Self {
        Self(certificates.into_iter().map(CertificateDer::from).collect())
    }
}

/// A private key in PKCS #8, PKCS #1 or SEC 1. It is wiped when dropped, and never shown.
pub struct PrivateKey(PrivateKeyDer<'static>);

impl PrivateKey {
    /// Reads the first private key of a PEM file.
    ///
    /// # Errors
    /// The text is not PEM or has no private key (an encrypted one is none).
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        PrivateKeyDer::from_pem_slice(pem)
            .map(Self)
            .map_err(|error| unreadable("private key", &error.to_string()))
    }

    pub(crate) fn der(&self) -> PrivateKeyDer<'static> {
        self.0.clone_key()
    }
}

impl Clone for PrivateKey {
    fn clone(&self) -> Self {
        Self(self.0.clone_key())
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// What one side shows of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate and its issuers.
    pub chain: CertificateChain,
    /// The key of the first certificate.
    pub key: PrivateKey,
}

/// Certificates of the CAs that are trusted. Empty means that nobody is.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors(pub(crate) Vec<CertificateDer<'static>>);

impl TrustAnchors {
    /// Reads the `CERTIFICATE` sections of a PEM file.
    ///
    /// # Errors
    /// The text is not PEM or has no certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        sections(pem, "trust anchors").map(Self)
    }
}

/// Certificate revocation lists. With none, revocation is not checked; with any, each certificate
/// of a chain up to the trust anchor must be covered by the list of its issuer.
#[derive(Clone, Debug, Default)]
pub struct RevocationLists(pub(crate) Vec<CertificateRevocationListDer<'static>>);

impl RevocationLists {
    /// Reads the `X509 CRL` sections of a PEM file.
    ///
    /// # Errors
    /// The text is not PEM or has no list.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        sections(pem, "revocation lists").map(Self)
    }
}

/// All objects of one kind in a PEM file, at least one.
fn sections<T: PemObject>(pem: &[u8], what: &'static str) -> Result<Vec<T>, ConfigError> {
    let objects = T::pem_slice_iter(pem)
        .collect::<Result<Vec<T>, _>>()
        .map_err(|error| unreadable(what, &error.to_string()))?;
    if objects.is_empty() {
        return Err(unreadable(what, "there is no such section"));
    }
    Ok(objects)
}

fn unreadable(what: &'static str, reason: &str) -> ConfigError {
    ConfigError::Unreadable {
        what,
        reason: reason.to_owned(),
    }
}
