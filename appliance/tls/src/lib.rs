//! Sans-IO TLS 1.3 for RPC (RFC 8446, RFC 9289): rustls makes the handshake, then its secrets
//! are handed to a record layer of our own that seals from and opens into memory of the caller.
//!
//! # Order of calls
//!
//! 1. [`ServerConfig::new`] or [`ClientConfig::new`] checks certificates, keys, trust anchors and
//!    revocation lists. A configuration is shared by all cores and never changes: a reload makes a
//!    new one and asks it, by `recheck`, which open sessions it still trusts.
//! 2. [`Handshake::accept`] or [`Handshake::connect`]; then [`Handshake::handle`] for every
//!    arrival and [`Handshake::output`] for what is to be sent, after an error too (it is the
//!    alert). Bytes behind the record that completes the handshake stay with the caller.
//! 3. [`Handshake::finish`] gives the [`Session`] and what was [`Established`]. What is left in
//!    [`Handshake::output`] must be taken before.
//! 4. Receiving: [`Session::record_len`], then [`Session::open`] and [`Session::settle`] for each
//!    whole record. Sending: [`Session::take_control`] first, then [`Session::seal`]. Records must
//!    reach the wire in the order in which they were sealed, each of them once.
//!
//! # Clock and randomness
//!
//! The time of certificate checks comes from the caller's [`Clock`]. Two things do not: aws-lc
//! draws its own random numbers (key shares, session ids), and the keys inside [`Tickets`] roll
//! over by the system's clock. A simulation brings its own by [`ServerConfig::with_provider`],
//! [`ClientConfig::with_provider`] and [`Tickets::with_producer`].
//!
//! # What is not supported
//!
//! TLS 1.2, early data (0-RTT), external pre-shared keys, client authentication after the
//! handshake, raw public keys, certificate compression, OCSP, the extended key usages
//! `id-kp-rpcTLSClient` and `id-kp-rpcTLSServer` (a certificate with an extended key usage must
//! name `serverAuth` or `clientAuth`), key log lines for traffic keys after a `KeyUpdate`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod alert;
mod certificate;
mod config;
mod credentials;
mod error;
mod handshake;
pub mod limits;
mod record;
mod session;
mod suite;

pub use alert::Alert;
pub use certificate::identity::{PeerIdentity, SubjectAltName};
pub use certificate::name::{NameError, ServerName};
pub use certificate::pattern::{PatternError, SanPattern};
pub use config::{
    Alpn, ClientCertificates, ClientConfig, ClientSettings, Clock, KeyLog, ServerConfig,
    ServerSettings, Tickets,
};
pub use credentials::{CertificateChain, Identity, PrivateKey, RevocationLists, TrustAnchors};
pub use error::{ConfigError, TlsError};
pub use handshake::{Established, Handshake};
pub use session::{Event, Opened, PeerKeys, Session};
pub use suite::CipherSuite;
