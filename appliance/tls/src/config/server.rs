//! Configuration of the side that accepts.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;

use super::check::{self, Role};
use super::provider::provider;
use super::{Alpn, Clock, KeyLog, SUNRPC, Tickets};
use crate::certificate::identity::PeerIdentity;
use crate::credentials::{Identity, RevocationLists, TrustAnchors};
use crate::error::{ConfigError, TlsError};
use crate::limits;
use crate::suite::CipherSuite;

/// Whether clients show a certificate. RFC 9289 section 4.2 wants a server to ask for one.
#[derive(Clone, Debug)]
pub enum ClientCertificates {
    /// They are not asked.
    NotAsked,
    /// They are asked and may decline; a certificate that does not verify is refused.
    Optional(TrustAnchors),
    /// Mutual TLS: without a certificate that verifies there is no session.
    Required(TrustAnchors),
}

/// How to accept clients.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// What clients are shown.
    pub identity: Identity,
    /// What clients must show.
    pub clients: ClientCertificates,
    /// Client certificates that are not accepted any more.
    pub revocation: RevocationLists,
    /// Whether "sunrpc" must be negotiated.
    pub alpn: Alpn,
    /// Keys of session tickets; without them nobody resumes.
    pub tickets: Option<Tickets>,
    /// Cipher suites, the preferred first; the client's order does not count.
    pub suites: Vec<CipherSuite>,
    /// Records protected with one key after which [`crate::Session::needs_rekey`] says so; half of
    /// what the AEAD allows if that is less, or if there is no number.
    pub rekey_after: Option<u64>,
    /// The time of day.
    pub clock: Clock,
    /// Where secrets go, for debugging.
    pub key_log: Option<KeyLog>,
}

impl ServerSettings {
    /// Server-only authentication, lenient about "sunrpc", no tickets, all suites.
    #[must_use]
    pub fn new(identity: Identity, clock: Clock) -> Self {
        Self {
            identity,
            clients: ClientCertificates::NotAsked,
            revocation: RevocationLists::default(),
            alpn: Alpn::Lenient,
            tickets: None,
            suites: CipherSuite::ALL.to_vec(),
            rekey_after: None,
            clock,
            key_log: None,
        }
    }
}

/// Checked settings of the accepting side; clones share them.
#[derive(Clone)]
pub struct ServerConfig(Arc<Inner>);

struct Inner {
    rustls: rustls::ServerConfig,
    identity: Arc<CertifiedKey>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    certificate_required: bool,
    alpn: Alpn,
    rekey_after: Option<u64>,
    clock: Clock,
    expires_at: Duration,
}

impl ServerConfig {
    /// Checks the settings at the time of their clock.
    ///
    /// # Errors
    /// What is wrong and how to mend it.
    pub fn new(settings: ServerSettings) -> Result<Self, ConfigError> {
        Self::build(settings, None)
    }

    /// As [`ServerConfig::new`], with key exchange and random numbers of `provider` and aws-lc's cipher suites: for
    /// simulations, whose handshakes must be the same bytes in every run.
    ///
    /// # Errors
    /// What is wrong and how to mend it.
    pub fn with_provider(
        settings: ServerSettings,
        provider: rustls::crypto::CryptoProvider,
    ) -> Result<Self, ConfigError> {
        Self::build(settings, Some(provider))
    }

    fn build(
        settings: ServerSettings,
        base: Option<rustls::crypto::CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let provider = provider(base, &settings.suites)?;
        let now = settings.clock.now();
        let (identity, expires_at) =
            check::certified_key(&settings.identity, Role::Server, now, &provider)?;
        check::check_revocation_lists(&settings.revocation, now)?;
        let (verifier, certificate_required) = match &settings.clients {
            ClientCertificates::NotAsked => (None, false),
            ClientCertificates::Optional(anchors) => (Some(check::root_store(anchors)?), false),
            ClientCertificates::Required(anchors) => (Some(check::root_store(anchors)?), true),
        };
        let verifier = verifier
            .map(|roots| {
                client_verifier(roots, &settings.revocation, certificate_required, &provider)
            })
            .transpose()?;

        let builder =
            rustls::ServerConfig::builder_with_details(provider, Arc::new(settings.clock.clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|error| ConfigError::Library(error.to_string()))?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut rustls = builder.with_cert_resolver(Arc::new(Resolver::new(identity.clone()).0));
        rustls.alpn_protocols = vec![SUNRPC.to_vec()];
        rustls.ignore_client_order = true;
        rustls.enable_secret_extraction = true;
        rustls.max_early_data_size = 0;
        rustls.session_storage = Arc::new(NoServerSessionStorage {});
        rustls.send_tls13_tickets = 0;
        if let Some(Tickets(ticketer)) = settings.tickets {
            rustls.ticketer = ticketer;
            rustls.send_tls13_tickets = limits::TICKETS_SENT;
        }
        if let Some(key_log) = settings.key_log {
            rustls.key_log = Arc::new(key_log);
        }
        Ok(Self(Arc::new(Inner {
            rustls,
            identity,
            verifier,
            certificate_required,
            alpn: settings.alpn,
            rekey_after: settings.rekey_after,
            clock: settings.clock,
            expires_at,
        })))
    }

    /// When the first certificate of the own chain expires, since 1970.
    #[must_use]
    pub fn expires_at(&self) -> Duration {
        self.0.expires_at
    }

    /// Whether this configuration would let a client in that another one, or an earlier check, has
    /// let in: to be asked about open sessions after a reload.
    ///
    /// # Errors
    /// Why not.
    pub fn recheck(&self, peer: Option<&PeerIdentity>) -> Result<(), TlsError> {
        let (Some(verifier), Some(peer)) = (&self.0.verifier, peer) else {
            return if self.0.certificate_required {
                Err(TlsError::NoCertificate)
            } else {
                Ok(())
            };
        };
        let (certificate, intermediates) =
            peer.chain().split_first().ok_or(TlsError::NoCertificate)?;
        let now = UnixTime::since_unix_epoch(self.0.clock.now());
        verifier
            .verify_client_cert(certificate, intermediates, now)
            .map(|_| ())
            .map_err(|error| TlsError::Certificate(error.to_string()))
    }

    /// A configuration for one handshake, and where it leaves the server name it is asked for:
    /// rustls tells that to its certificate resolver only.
    pub(crate) fn for_one_handshake(&self) -> (Arc<rustls::ServerConfig>, Arc<OnceLock<String>>) {
        let (resolver, server_name) = Resolver::new(self.0.identity.clone());
        let mut config = self.0.rustls.clone();
        config.cert_resolver = Arc::new(resolver);
        (Arc::new(config), server_name)
    }

    pub(crate) fn alpn(&self) -> Alpn {
        self.0.alpn
    }

    pub(crate) fn rekey_after(&self) -> Option<u64> {
        self.0.rekey_after
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerConfig")
    }
}

fn client_verifier(
    roots: Arc<RootCertStore>,
    revocation: &RevocationLists,
    certificate_required: bool,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .with_crls(revocation.0.iter().cloned())
        .enforce_revocation_expiration();
    if !certificate_required {
        builder = builder.allow_unauthenticated();
    }
    builder
        .build()
        .map_err(|error| ConfigError::Library(error.to_string()))
}

/// Always the same certificate; notes the name the client asks for.
#[derive(Debug)]
struct Resolver {
    identity: Arc<CertifiedKey>,
    server_name: Arc<OnceLock<String>>,
}

impl Resolver {
    fn new(identity: Arc<CertifiedKey>) -> (Self, Arc<OnceLock<String>>) {
        let server_name = Arc::new(OnceLock::new());
        let resolver = Self {
            identity,
            server_name: server_name.clone(),
        };
        (resolver, server_name)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = client_hello.server_name() {
            // A second ClientHello (after a retry request) must name the same server.
            let _ = self.server_name.set(name.to_owned());
        }
        Some(self.identity.clone())
    }
}
