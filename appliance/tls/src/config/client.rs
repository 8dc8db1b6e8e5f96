//! Configuration of the side that connects.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::UnixTime;
use rustls::sign::SingleCertAndKey;

use super::check::{self, Role};
use super::provider::provider;
use super::verifier::LiteralName;
use super::{Alpn, Clock, KeyLog, SUNRPC};
use crate::certificate::identity::PeerIdentity;
use crate::certificate::name::ServerName;
use crate::credentials::{Identity, RevocationLists, TrustAnchors};
use crate::error::{ConfigError, TlsError};
use crate::limits;
use crate::suite::CipherSuite;

/// How to connect to a server.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Who may vouch for the server.
    pub trust_anchors: TrustAnchors,
    /// Server certificates that are not accepted any more.
    pub revocation: RevocationLists,
    /// What a server is shown that asks for it (mutual TLS).
    pub identity: Option<Identity>,
    /// "sunrpc" is always offered; whether the server must answer it.
    pub alpn: Alpn,
    /// Whether sessions are resumed.
    pub resumption: bool,
    /// Cipher suites, the preferred first.
    pub suites: Vec<CipherSuite>,
    /// As [`crate::ServerSettings::rekey_after`].
    pub rekey_after: Option<u64>,
    /// The time of day.
    pub clock: Clock,
    /// Where secrets go, for debugging.
    pub key_log: Option<KeyLog>,
}

impl ClientSettings {
    /// No certificate of our own, lenient about "sunrpc", with resumption, all suites.
    #[must_use]
    pub fn new(trust_anchors: TrustAnchors, clock: Clock) -> Self {
        Self {
            trust_anchors,
            revocation: RevocationLists::default(),
            identity: None,
            alpn: Alpn::Lenient,
            resumption: true,
            suites: CipherSuite::ALL.to_vec(),
            rekey_after: None,
            clock,
            key_log: None,
        }
    }
}

/// Checked settings of the connecting side; clones share them, and the sessions they remember.
#[derive(Clone)]
pub struct ClientConfig(Arc<Inner>);

struct Inner {
    rustls: Arc<rustls::ClientConfig>,
    verifier: Arc<LiteralName>,
    alpn: Alpn,
    rekey_after: Option<u64>,
    clock: Clock,
    expires_at: Option<Duration>,
}

impl ClientConfig {
    /// Checks the settings at the time of their clock.
    ///
    /// # Errors
    /// What is wrong and how to mend it.
    pub fn new(settings: ClientSettings) -> Result<Self, ConfigError> {
        Self::build(settings, None)
    }

    /// As [`ClientConfig::new`], with key exchange and random numbers of `provider` and aws-lc's cipher suites: for
    /// simulations, whose handshakes must be the same bytes in every run.
    ///
    /// # Errors
    /// What is wrong and how to mend it.
    pub fn with_provider(
        settings: ClientSettings,
        provider: rustls::crypto::CryptoProvider,
    ) -> Result<Self, ConfigError> {
        Self::build(settings, Some(provider))
    }

    fn build(
        settings: ClientSettings,
        base: Option<rustls::crypto::CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let provider = provider(base, &settings.suites)?;
        let now = settings.clock.now();
        let identity = settings
            .identity
            .as_ref()
            .map(|identity| check::certified_key(identity, Role::Client, now, &provider))
            .transpose()?;
        check::check_revocation_lists(&settings.revocation, now)?;
        let roots = check::root_store(&settings.trust_anchors)?;
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .with_crls(settings.revocation.0)
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| ConfigError::Library(error.to_string()))?;
        let verifier = Arc::new(LiteralName { inner });

        let builder =
            rustls::ClientConfig::builder_with_details(provider, Arc::new(settings.clock.clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|error| ConfigError::Library(error.to_string()))?
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone());
        let expires_at = identity.as_ref().map(|(_, expires_at)| *expires_at);
        let mut rustls = match identity {
            Some((identity, _)) => {
                let resolver = SingleCertAndKey::from((*identity).clone());
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
            None => builder.with_no_client_auth(),
        };
        rustls.alpn_protocols = vec![SUNRPC.to_vec()];
        rustls.enable_secret_extraction = true;
        rustls.enable_early_data = false;
        rustls.resumption = if settings.resumption {
            Resumption::in_memory_sessions(limits::REMEMBERED_SESSIONS)
        } else {
            Resumption::disabled()
        };
        if let Some(key_log) = settings.key_log {
            rustls.key_log = Arc::new(key_log);
        }
        Ok(Self(Arc::new(Inner {
            rustls: Arc::new(rustls),
            verifier,
            alpn: settings.alpn,
            rekey_after: settings.rekey_after,
            clock: settings.clock,
            expires_at,
        })))
    }

    /// When the first certificate of the own chain expires, since 1970, if there is one.
    #[must_use]
    pub fn expires_at(&self) -> Option<Duration> {
        self.0.expires_at
    }

    /// Whether this configuration would trust a server that another one, or an earlier check, has
    /// trusted: to be asked about open sessions after a reload.
    ///
    /// # Errors
    /// Why not.
    pub fn recheck(&self, name: &ServerName, peer: Option<&PeerIdentity>) -> Result<(), TlsError> {
        let (certificate, intermediates) = peer
            .and_then(|peer| peer.chain().split_first())
            .ok_or(TlsError::NoCertificate)?;
        let now = UnixTime::since_unix_epoch(self.0.clock.now());
        self.0
            .verifier
            .verify_server_cert(certificate, intermediates, &name.0, &[], now)
            .map(|_| ())
            .map_err(|error| TlsError::Certificate(error.to_string()))
    }

    pub(crate) fn rustls(&self) -> Arc<rustls::ClientConfig> {
        self.0.rustls.clone()
    }

    pub(crate) fn alpn(&self) -> Alpn {
        self.0.alpn
    }

    pub(crate) fn rekey_after(&self) -> Option<u64> {
        self.0.rekey_after
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientConfig")
    }
}
