//! `[tls]`: what clients are shown, what they must show, and what TLS on both sides shares.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Reported, Section};
use crate::limits;

/// TLS of the appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// What clients are shown; there whenever an export accepts TLS.
    pub server: Option<Credentials>,
    /// Certificates of the CAs that vouch for clients; there whenever an export accepts their certificates.
    pub client_ca: Option<PathBuf>,
    /// Revocation lists of those CAs.
    pub crl: Option<PathBuf>,
    /// Whether clients must agree on "sunrpc".
    pub alpn: tls::Alpn,
    /// How keys toward clients are renewed.
    pub rekey: engine::Rekey,
    /// Records after which keys are renewed, on both sides; within [`limits::REKEY_AFTER`].
    pub rekey_after: Option<u64>,
    /// Whether clients may resume sessions.
    pub tickets: bool,
    /// Memory that records are sealed into, in MiB; within [`limits::RECORD_MEMORY_MIB`].
    pub record_memory_mib: u32,
    /// Where the secrets of all sessions are written, for debugging.
    pub key_log: Option<PathBuf>,
}

/// A certificate with its issuers, and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The certificate, then those of its issuers.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// The words for what is done about "sunrpc".
pub(super) const ALPN: [(&str, tls::Alpn); 2] = [
    ("lenient", tls::Alpn::Lenient),
    ("strict", tls::Alpn::Strict),
];

/// The words for the ways to renew keys.
pub(super) const REKEY: [(&str, engine::Rekey); 3] = [
    ("auto", engine::Rekey::Auto),
    ("update", engine::Rekey::Update),
    ("reconnect", engine::Rekey::Reconnect),
];

/// Some 4,000 records: what 100 Gbit/s has under way in 5 ms.
const DEFAULT_RECORD_MEMORY_MIB: u32 = 64;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    client_ca: Option<Spanned<String>>,
    crl: Option<Spanned<String>>,
    alpn: Option<Spanned<String>>,
    rekey: Option<Spanned<String>>,
    rekey_after: Option<Spanned<i64>>,
    tickets: Option<bool>,
    record_memory_mib: Option<Spanned<i64>>,
    key_log: Option<Spanned<String>>,
}

pub(super) fn check(raw: RawTls, section: &Section, findings: &mut Findings) -> Option<Tls> {
    let server = credentials(raw.certificate, raw.key, section, findings);
    if raw.crl.is_some() && raw.client_ca.is_none() {
        findings.missing(
            section,
            "client_ca",
            "client_ca = \"/etc/wirepage/clients-ca.pem\", the CA whose certificates the crl revokes",
        );
    }
    let client_ca = findings.path(section, "client_ca", raw.client_ca);
    let crl = findings.path(section, "crl", raw.crl);
    let key_log = findings.path(section, "key_log", raw.key_log);
    let alpn = findings.choice(section, "alpn", raw.alpn, tls::Alpn::Lenient, &ALPN);
    let rekey = findings.choice(section, "rekey", raw.rekey, engine::Rekey::Auto, &REKEY);
    let is_limited = raw.rekey_after.is_some();
    let rekey_after = findings.number(
        section,
        "rekey_after",
        raw.rekey_after,
        *limits::REKEY_AFTER.end(),
        limits::REKEY_AFTER,
    );
    let record_memory_mib = findings.number(
        section,
        "record_memory_mib",
        raw.record_memory_mib,
        DEFAULT_RECORD_MEMORY_MIB,
        limits::RECORD_MEMORY_MIB,
    );
    Some(Tls {
        server: server.ok()?,
        client_ca: client_ca.ok()?,
        crl: crl.ok()?,
        alpn: alpn?,
        rekey: rekey?,
        rekey_after: rekey_after.map(|records| is_limited.then_some(records))?,
        tickets: raw.tickets.unwrap_or(true),
        record_memory_mib: record_memory_mib?,
        key_log: key_log.ok()?,
    })
}

/// A certificate and its key, of which neither is any good without the other.
pub(super) fn credentials(
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    section: &Section,
    findings: &mut Findings,
) -> Result<Option<Credentials>, Reported> {
    let missing = match (&certificate, &key) {
        (Some(_), None) => Some(("key", "key = \"/etc/wirepage/key.pem\"")),
        (None, Some(_)) => Some((
            "certificate",
            "certificate = \"/etc/wirepage/certificate.pem\"",
        )),
        _ => None,
    };
    let certificate = findings.path(section, "certificate", certificate);
    let key = findings.path(section, "key", key);
    if let Some((name, example)) = missing {
        return Err(findings.missing(section, name, example));
    }
    Ok(certificate?
        .zip(key?)
        .map(|(certificate, key)| Credentials { certificate, key }))
}
