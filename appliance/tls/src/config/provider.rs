//! Cipher suites and traffic secrets between rustls' types and ours.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::{ConnectionTrafficSecrets, SupportedCipherSuite};

use crate::error::{ConfigError, TlsError};
use crate::record::RecordCipher;
use crate::suite::CipherSuite;

/// aws-lc, or what a simulation has in its place, with these suites only, in this order.
pub(super) fn provider(
    base: Option<CryptoProvider>,
    suites: &[CipherSuite],
) -> Result<Arc<CryptoProvider>, ConfigError> {
    if suites.is_empty() {
        return Err(ConfigError::NoCipherSuites);
    }
    let mut provider = base.unwrap_or_else(default_provider);
    provider.cipher_suites = suites.iter().copied().map(supported).collect();
    Ok(Arc::new(provider))
}

const fn supported(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::Aes128Gcm => cipher_suite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::Aes256Gcm => cipher_suite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::ChaCha20Poly1305 => cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    }
}

/// Our name of a negotiated suite, and how many records its AEAD may protect with one key.
pub(crate) fn negotiated_suite(
    negotiated: SupportedCipherSuite,
) -> Result<(CipherSuite, u64), TlsError> {
    let suite = CipherSuite::ALL
        .into_iter()
        .find(|suite| supported(*suite).suite() == negotiated.suite());
    suite
        .zip(negotiated.tls13())
        .map(|(suite, tls13)| (suite, tls13.common.confidentiality_limit))
        .ok_or_else(|| TlsError::Library("a cipher suite that was not offered".to_owned()))
}

/// The record cipher of one direction from its extracted sequence number and secrets. The secrets'
/// key is wiped when they are dropped here.
pub(crate) fn record_cipher(
    (sequence, secrets): (u64, ConnectionTrafficSecrets),
) -> Result<RecordCipher, TlsError> {
    let (suite, key, iv) = match &secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (CipherSuite::Aes128Gcm, key, iv),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (CipherSuite::Aes256Gcm, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
            (CipherSuite::ChaCha20Poly1305, key, iv)
        }
        _ => return Err(TlsError::Library("secrets of an unknown suite".to_owned())),
    };
    RecordCipher::new(suite, key.as_ref(), iv.as_ref(), sequence)
}
