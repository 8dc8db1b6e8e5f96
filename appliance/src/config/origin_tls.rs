//! `[origin]`, as far as TLS goes: how the origin is spoken to, and who it has to prove to be.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use toml::Spanned;

use super::findings::{Findings, Section};
use super::problem::Problem;
use super::tls::{ALPN, Credentials, REKEY, credentials};

/// TLS toward the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginTls {
    /// How it is asked for.
    pub mode: OriginTlsMode,
    /// Certificates of the CAs that vouch for the origin.
    pub ca: PathBuf,
    /// Revocation lists of those CAs.
    pub crl: Option<PathBuf>,
    /// What the origin is shown; always there in the mode [`OriginTlsMode::Mutual`].
    pub credentials: Option<Credentials>,
    /// What the origin's certificate has to name.
    pub name: tls::ServerName,
    /// Whether the origin must agree on "sunrpc".
    pub alpn: tls::Alpn,
    /// How keys toward the origin are renewed.
    pub rekey: engine::Rekey,
    /// Whether calls to the origin's MOUNT are protected in the same way; in clear otherwise.
    pub protects_mount: bool,
}

/// How the origin is asked for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginTlsMode {
    /// By a probe (RFC 9289); without a certificate of our own.
    Tls,
    /// By a probe; with a certificate of our own.
    Mutual,
    /// Not at all: TLS from the first byte.
    Direct,
}

impl OriginTlsMode {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Mutual => "mtls",
            Self::Direct => "direct",
        }
    }
}

/// The keys of `[origin]` that this file is about.
pub(super) struct RawOriginTls {
    pub security: Option<Spanned<String>>,
    pub ca: Option<Spanned<String>>,
    pub crl: Option<Spanned<String>>,
    pub certificate: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub name: Option<Spanned<String>>,
    pub alpn: Option<Spanned<String>>,
    pub rekey: Option<Spanned<String>>,
    pub mount_security: Option<Spanned<String>>,
}

/// The inner `None` is the origin in clear. `address` is where the origin is, if that is known, and
/// `shares_port` whether its MOUNT listens on the port of its NFS.
#[expect(
    clippy::option_option,
    reason = "reported and in clear are different things here"
)]
pub(super) fn check(
    mut raw: RawOriginTls,
    section: &Section,
    address: Option<Ipv4Addr>,
    shares_port: bool,
    findings: &mut Findings,
) -> Option<Option<OriginTls>> {
    let modes = [
        OriginTlsMode::Tls,
        OriginTlsMode::Mutual,
        OriginTlsMode::Direct,
    ];
    let mut choices = vec![("none", None)];
    choices.extend(modes.map(|mode| (mode.word(), Some(mode))));
    let security = findings.choice(section, "security", raw.security.take(), None, &choices)?;
    let Some(mode) = security else {
        return refuse_keys_without_use(&raw, findings).then_some(None);
    };
    if mode == OriginTlsMode::Tls
        && let Some(certificate) = &raw.certificate
    {
        findings.report(Some(certificate.span()), Problem::OriginCertificateUnused);
        return None;
    }
    if raw.ca.is_none() {
        findings.missing(section, "ca", "ca = \"/etc/wirepage/origin-ca.pem\"");
    }
    if mode == OriginTlsMode::Mutual && raw.certificate.is_none() && raw.key.is_none() {
        let example =
            "certificate = \"/etc/wirepage/client.pem\" and key = \"/etc/wirepage/client-key.pem\"";
        findings.missing(section, "certificate", example);
    }
    let ca = findings.path(section, "ca", raw.ca);
    let crl = findings.path(section, "crl", raw.crl);
    let credentials = credentials(raw.certificate, raw.key, section, findings);
    let name = check_name(raw.name, address, findings);
    let alpn = findings.choice(section, "alpn", raw.alpn, tls::Alpn::Lenient, &ALPN);
    let default_rekey = engine::Rekey::Reconnect;
    let rekey = findings.choice(section, "rekey", raw.rekey, default_rekey, &REKEY);
    let mount = [("none", false), ("same", true)];
    let protects_mount = findings.choice(
        section,
        "mount_security",
        raw.mount_security,
        shares_port,
        &mount,
    );
    Some(Some(OriginTls {
        mode,
        ca: ca.ok()??,
        crl: crl.ok()?,
        credentials: credentials.ok()?,
        name: name?,
        alpn: alpn?,
        rekey: rekey?,
        protects_mount: protects_mount?,
    }))
}

/// Whoever writes a key about TLS and forgets to ask for it must not end up in clear.
fn refuse_keys_without_use(raw: &RawOriginTls, findings: &mut Findings) -> bool {
    let keys = [
        ("ca", &raw.ca),
        ("crl", &raw.crl),
        ("certificate", &raw.certificate),
        ("key", &raw.key),
        ("name", &raw.name),
        ("alpn", &raw.alpn),
        ("rekey", &raw.rekey),
        ("mount_security", &raw.mount_security),
    ];
    let Some((key, field)) = keys
        .into_iter()
        .find_map(|(key, field)| Some((key, field.as_ref()?)))
    else {
        return true;
    };
    findings.report(Some(field.span()), Problem::OriginInClear { key });
    false
}

fn check_name(
    field: Option<Spanned<String>>,
    address: Option<Ipv4Addr>,
    findings: &mut Findings,
) -> Option<tls::ServerName> {
    let Some(field) = field else {
        return Some(tls::ServerName::from(IpAddr::from(address?)));
    };
    let name = field.get_ref().parse().ok();
    if name.is_none() {
        let span = field.span();
        let value = field.into_inner();
        findings.report(Some(span), Problem::OriginName { value });
    }
    name
}
