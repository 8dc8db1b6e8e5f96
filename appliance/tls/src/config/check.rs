//! What is refused at start: identities that peers would not accept, lists that are out of date.

use core::time::Duration;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;

use crate::certificate::Facts;
use crate::credentials::{Identity, RevocationLists, TrustAnchors};
use crate::error::ConfigError;

/// Which way an identity is going to be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Peers look for the name they called in it.
    Server,
    /// Peers compare its names with allow-lists, if at all.
    Client,
}

/// An identity that is fit for use at the time `now`, and when its certificates expire (the first
/// of them, since 1970).
pub(super) fn certified_key(
    identity: &Identity,
    role: Role,
    now: Duration,
    provider: &CryptoProvider,
) -> Result<(Arc<CertifiedKey>, Duration), ConfigError> {
    let mut expires_at = Duration::MAX;
    for (position, certificate) in (1..).zip(&identity.chain.0) {
        let facts = Facts::read(certificate).map_err(|reason| ConfigError::BadCertificate {
            what: "the chain",
            index: position,
            reason,
        })?;
        check_validity(&facts, now)?;
        expires_at = expires_at.min(facts.not_after);
        if position == 1 {
            check_names(&facts, role)?;
        }
    }
    if identity.chain.0.is_empty() {
        return Err(ConfigError::NoCertificate);
    }
    let key = provider
        .key_provider
        .load_private_key(identity.key.der())
        .map_err(|error| ConfigError::BadKey(error.to_string()))?;
    let certified = CertifiedKey::new(identity.chain.0.clone(), key);
    match certified.keys_match() {
        Ok(()) => Ok((Arc::new(certified), expires_at)),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(ConfigError::KeyMismatch)
        }
        Err(error) => Err(ConfigError::BadKey(error.to_string())),
    }
}

fn check_validity(facts: &Facts, now: Duration) -> Result<(), ConfigError> {
    if now < facts.not_before {
        return Err(ConfigError::NotYetValid {
            subject: facts.subject.clone(),
            not_before: facts.not_before.as_secs(),
            now: now.as_secs(),
        });
    }
    if now > facts.not_after {
        return Err(ConfigError::Expired {
            subject: facts.subject.clone(),
            not_after: facts.not_after.as_secs(),
            now: now.as_secs(),
        });
    }
    Ok(())
}

fn check_names(facts: &Facts, role: Role) -> Result<(), ConfigError> {
    if let Some(wildcard) = facts.wildcard() {
        return Err(ConfigError::Wildcard(wildcard.to_owned()));
    }
    if role == Role::Server && facts.subject_alt_names.is_empty() {
        return Err(ConfigError::NoSubjectAltName);
    }
    Ok(())
}

/// The store of the trust anchors, of which there must be one.
pub(super) fn root_store(anchors: &TrustAnchors) -> Result<Arc<RootCertStore>, ConfigError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in (1..).zip(&anchors.0) {
        store
            .add(certificate.clone())
            .map_err(|error| ConfigError::BadCertificate {
                what: "the trust anchors",
                index,
                reason: error.to_string(),
            })?;
    }
    if store.is_empty() {
        return Err(ConfigError::NoTrustAnchors);
    }
    Ok(Arc::new(store))
}

/// Refuses lists that cannot be read, or whose successor is due: they say nothing about who has
/// been revoked since.
pub(super) fn check_revocation_lists(
    lists: &RevocationLists,
    now: Duration,
) -> Result<(), ConfigError> {
    for (index, der) in (1..).zip(&lists.0) {
        let list =
            CertificateList::from_der(der).map_err(|error| ConfigError::BadRevocationList {
                index,
                reason: error.to_string(),
            })?;
        let body = &list.tbs_cert_list;
        if let Some(next_update) = body.next_update.map(|time| time.to_unix_duration())
            && next_update < now
        {
            return Err(ConfigError::StaleRevocationList {
                index,
                issuer: body.issuer.to_string(),
                next_update: next_update.as_secs(),
                now: now.as_secs(),
            });
        }
    }
    Ok(())
}
