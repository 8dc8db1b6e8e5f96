//! The three cipher suites of TLS 1.3 that are spoken.

use core::fmt;

/// A TLS 1.3 cipher suite (RFC 8446 appendix B.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// `TLS_AES_128_GCM_SHA256`: the fastest.
    Aes128Gcm,
    /// `TLS_AES_256_GCM_SHA384`.
    Aes256Gcm,
    /// `TLS_CHACHA20_POLY1305_SHA256`: three to five times dearer than AES with AES instructions.
    ChaCha20Poly1305,
}

impl CipherSuite {
    /// All suites in order of preference.
    pub const ALL: [CipherSuite; 3] = [
        CipherSuite::Aes128Gcm,
        CipherSuite::Aes256Gcm,
        CipherSuite::ChaCha20Poly1305,
    ];
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CipherSuite::Aes128Gcm => "TLS_AES_128_GCM_SHA256",
            CipherSuite::Aes256Gcm => "TLS_AES_256_GCM_SHA384",
            CipherSuite::ChaCha20Poly1305 => "TLS_CHACHA20_POLY1305_SHA256",
        })
    }
}
