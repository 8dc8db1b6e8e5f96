//! Certificates, keys and lists: read from the files the configuration names, checked, and read again when
//! they change.

mod error;
mod files;
mod key_log;
pub mod reload;

pub use error::{ReloadError, TrustError};
pub use key_log::open_key_log;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::{OriginTls, Trust};
use tls::{ClientCertificates, Identity, KeyLog, RevocationLists, TrustAnchors};

use crate::config::Config;
use crate::config::origin_tls::OriginTls as OriginSettings;
use crate::config::tls::{Credentials, Tls};
use files::{read, read_key};

/// Reads and checks all that `config` names; whoever is not spoken to in TLS needs nothing.
///
/// # Errors
/// Which file is wrong, and how to mend it.
pub fn load(config: &Config, key_log: Option<&KeyLog>) -> Result<Trust, TrustError> {
    let settings = config.tls();
    let server = match &settings.server {
        Some(credentials) if config.offers_tls() => {
            let demands_certificate = config.demands_certificate();
            Some(server_config(
                settings,
                credentials,
                demands_certificate,
                key_log,
            )?)
        }
        _ => None,
    };
    let origin = config.origin().tls.as_ref().map(|origin| {
        Ok(OriginTls {
            config: client_config(settings, origin, key_log)?,
            name: origin.name.clone(),
        })
    });
    Ok(Trust {
        server,
        origin: origin.transpose()?,
        // What exports make of certificates is the policy's.
        admission: Vec::new(),
    })
}

/// When the first certificate of the appliance's own expires, in seconds since 1970; 0 if there is none.
pub fn expires_at(trust: &Trust) -> u64 {
    let server = trust.server.as_ref().map(tls::ServerConfig::expires_at);
    let origin = trust
        .origin
        .as_ref()
        .and_then(|origin| origin.config.expires_at());
    server
        .into_iter()
        .chain(origin)
        .min()
        .map_or(0, |time| time.as_secs())
}

/// [`expires_at`] for people.
pub fn describe_expiry(trust: &Trust) -> String {
    let expires_at = expires_at(trust);
    if expires_at == 0 {
        return "no certificate of our own".to_owned();
    }
    let days = expires_at.saturating_sub(clock().now().as_secs()) / (24 * 60 * 60);
    format!("our certificate expires in {days} days, {expires_at} s after 1970")
}

fn clock() -> tls::Clock {
    // Before 1970 nothing is valid, which is what is said then.
    tls::Clock::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    })
}

fn server_config(
    settings: &Tls,
    credentials: &Credentials,
    demands_certificate: bool,
    key_log: Option<&KeyLog>,
) -> Result<tls::ServerConfig, TrustError> {
    let files = Files {
        table: "[tls]",
        credentials: Some(credentials),
        ca: settings.client_ca.as_deref(),
        crl: settings.crl.as_deref(),
    };
    let clients = match files.anchors()? {
        None => ClientCertificates::NotAsked,
        Some(anchors) if demands_certificate => ClientCertificates::Required(anchors),
        Some(anchors) => ClientCertificates::Optional(anchors),
    };
    // New keys with every reload: who has been revoked or is let in no more must not resume.
    let tickets = settings.tickets.then(tls::Tickets::new).transpose();
    let server = tls::ServerSettings {
        clients,
        revocation: files.revocation()?,
        alpn: settings.alpn,
        tickets: tickets.map_err(|error| files.blame(error))?,
        rekey_after: settings.rekey_after,
        key_log: key_log.cloned(),
        ..tls::ServerSettings::new(files.identity(credentials)?, clock())
    };
    tls::ServerConfig::new(server).map_err(|error| files.blame(error))
}

fn client_config(
    settings: &Tls,
    origin: &OriginSettings,
    key_log: Option<&KeyLog>,
) -> Result<tls::ClientConfig, TrustError> {
    let files = Files {
        table: "[origin]",
        credentials: origin.credentials.as_ref(),
        ca: Some(&origin.ca),
        crl: origin.crl.as_deref(),
    };
    let identity = origin.credentials.as_ref();
    let client = tls::ClientSettings {
        revocation: files.revocation()?,
        identity: identity
            .map(|credentials| files.identity(credentials))
            .transpose()?,
        alpn: origin.alpn,
        rekey_after: settings.rekey_after,
        key_log: key_log.cloned(),
        ..tls::ClientSettings::new(files.anchors()?.unwrap_or_default(), clock())
    };
    tls::ClientConfig::new(client).map_err(|error| files.blame(error))
}

/// The files of one side, to read them and to say which one is wrong.
struct Files<'a> {
    table: &'static str,
    credentials: Option<&'a Credentials>,
    ca: Option<&'a Path>,
    crl: Option<&'a Path>,
}

impl Files<'_> {
    fn identity(&self, credentials: &Credentials) -> Result<Identity, TrustError> {
        let certificate = &credentials.certificate;
        let chain = tls::CertificateChain::from_pem(&read(certificate)?)
            .map_err(|error| self.wrong(certificate, error))?;
        let key = tls::PrivateKey::from_pem(&read_key(&credentials.key)?)
            .map_err(|error| self.wrong(&credentials.key, error))?;
        Ok(Identity { chain, key })
    }

    fn anchors(&self) -> Result<Option<TrustAnchors>, TrustError> {
        let read =
            |path| TrustAnchors::from_pem(&read(path)?).map_err(|error| self.wrong(path, error));
        self.ca.map(read).transpose()
    }

    fn revocation(&self) -> Result<RevocationLists, TrustError> {
        self.crl.map_or_else(
            || Ok(RevocationLists::default()),
            |path| RevocationLists::from_pem(&read(path)?).map_err(|error| self.wrong(path, error)),
        )
    }

    /// An error of all files together, with the one that it is about.
    fn blame(&self, error: tls::ConfigError) -> TrustError {
        use tls::ConfigError as E;
        let certificate = self.credentials.map(|own| own.certificate.as_path());
        let path = match &error {
            E::BadKey(_) | E::KeyMismatch => self.credentials.map(|own| own.key.as_path()),
            E::BadRevocationList { .. } | E::StaleRevocationList { .. } => self.crl,
            E::NoTrustAnchors
            | E::BadCertificate {
                what: "the trust anchors",
                ..
            } => self.ca,
            E::Library(_) | E::NoCipherSuites => None,
            _ => certificate,
        };
        match path {
            Some(path) => self.wrong(path, error),
            None => TrustError::Refused {
                table: self.table,
                source: error,
            },
        }
    }

    fn wrong(&self, path: &Path, source: tls::ConfigError) -> TrustError {
        TrustError::Wrong {
            path: path.to_owned(),
            table: self.table,
            source,
        }
    }
}
