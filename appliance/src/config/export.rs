//! `[[export]]`: what clients may mount, who may, and how fresh it is.

use std::net::Ipv4Addr;

use engine::Admission;
use gateway::{AcceptedSecurity, Anonymous, Squash};
use serde::Deserialize;
use toml::Spanned;

use super::cidr::{Cidr, parse_with_prefix};
use super::export_security::{self, RawRule};
use super::findings::{Findings, Section, Span};
use super::problem::Problem;
use super::security::{self, RawSecurity};
use crate::limits;

/// One export of the origin that the appliance offers under the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Absolute, without empty, `.` or `..` components or a slash at its end; at most
    /// [`limits::EXPORT_PATH_BYTES_MAX`] bytes.
    pub path: String,
    /// How connections must be protected.
    pub security: AcceptedSecurity,
    /// Which client certificates are let in; rules only if no connection without one is accepted.
    pub certificates: Admission,
    /// Whose identity the origin does not get to know.
    pub squash: Squash,
    /// How fresh cached data is.
    pub coherence: Coherence,
    /// Who may mount and use it; not empty.
    pub clients: Vec<Cidr>,
    /// Whether calls that change something are refused.
    pub read_only: bool,
    /// How long a call may wait for the origin before it fails, in seconds; `None`: for ever.
    pub give_up_seconds: Option<u32>,
}

impl Export {
    /// Whether a client at `address` may use the export.
    pub fn admits(&self, address: Ipv4Addr) -> bool {
        self.clients.iter().any(|network| network.contains(address))
    }
}

/// How fresh cached data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coherence {
    /// Every GETATTR goes to the origin; blocks stay while change time and size match.
    Strict,
    /// Files never change; attributes and blocks stay.
    Immutable,
}

impl Coherence {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Immutable => "immutable",
        }
    }
}

/// "nobody", as in exports(5).
const DEFAULT_ANONYMOUS_ID: u32 = 65_534;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExport {
    path: Option<Spanned<String>>,
    security: Option<Spanned<RawSecurity>>,
    certificates: Option<Spanned<Vec<RawRule>>>,
    squash: Option<Spanned<String>>,
    anon_uid: Option<Spanned<i64>>,
    anon_gid: Option<Spanned<i64>>,
    coherence: Option<Spanned<String>>,
    clients: Option<Spanned<Vec<Spanned<String>>>>,
    read_only: Option<bool>,
    give_up_seconds: Option<Spanned<i64>>,
}

/// An export with the places of its path, which has to be unique, and of what it says about security.
pub(super) struct PlacedExport {
    pub export: Export,
    pub path_span: Span,
    pub security_span: Span,
}

pub(super) fn check(
    raw: RawExport,
    section: &Section,
    findings: &mut Findings,
) -> Option<PlacedExport> {
    let path = findings
        .required(section, "path", "path = \"/export\"", raw.path)
        .and_then(|field| check_path(field, findings));
    let security_span = raw.security.as_ref().map(Spanned::span);
    let default = export_security::DEFAULT;
    let security = security::check("security", raw.security, default, section, findings);
    let certificates =
        export_security::check_certificates(raw.certificates, security, section, findings);
    let squash = check_squash(
        raw.squash,
        [("anon_uid", raw.anon_uid), ("anon_gid", raw.anon_gid)],
        section,
        findings,
    );
    let coherence = check_coherence(raw.coherence, section, findings);
    let clients = findings
        .required(
            section,
            "clients",
            "clients = [\"10.77.1.0/24\"]",
            raw.clients,
        )
        .and_then(|list| check_clients(&list, section, findings));
    let give_up_seconds = check_give_up(raw.give_up_seconds, section, findings);
    let (path, path_span) = path?;
    let export = Export {
        path,
        security: security?,
        certificates: certificates?,
        squash: squash?,
        coherence: coherence?,
        clients: clients?,
        read_only: raw.read_only.unwrap_or(false),
        give_up_seconds: give_up_seconds?,
    };
    Some(PlacedExport {
        export,
        path_span,
        security_span: security_span.or_else(|| section.span.clone()),
    })
}

fn check_path(field: Spanned<String>, findings: &mut Findings) -> Option<(String, Span)> {
    let span = Some(field.span());
    let value = field.into_inner();
    let reason = match value.strip_prefix('/') {
        None => "it is not absolute",
        Some(_) if value.len() > limits::EXPORT_PATH_BYTES_MAX => {
            "it is longer than MOUNT's 1024 bytes"
        }
        Some(_) if value.contains('\0') => "it contains NUL",
        Some("") => return Some((value, span)),
        Some(rest) if rest.split('/').any(|part| matches!(part, "." | "..")) => {
            "it has a component \".\" or \"..\""
        }
        Some(rest) if rest.split('/').any(str::is_empty) => {
            "it has an empty component or ends with a slash"
        }
        Some(_) => return Some((value, span)),
    };
    findings.report(span, Problem::ExportPath { value, reason });
    None
}

fn check_coherence(
    field: Option<Spanned<String>>,
    section: &Section,
    findings: &mut Findings,
) -> Option<Coherence> {
    if let Some(field) = field.as_ref().filter(|field| field.get_ref() == "bounded") {
        findings.report(Some(field.span()), Problem::BoundedNotYet);
        return None;
    }
    let choices =
        [Coherence::Strict, Coherence::Immutable].map(|coherence| (coherence.word(), coherence));
    findings.choice(section, "coherence", field, Coherence::Strict, &choices)
}

fn check_squash(
    word: Option<Spanned<String>>,
    ids: [(&'static str, Option<Spanned<i64>>); 2],
    section: &Section,
    findings: &mut Findings,
) -> Option<Squash> {
    type Make = fn(Anonymous) -> Squash;
    let choices: [(&str, Option<Make>); 3] = [
        ("none", None),
        ("root", Some(Squash::Root)),
        ("all", Some(Squash::Everybody)),
    ];
    let make = findings.choice(section, "squash", word, None, &choices)?;
    let unused = ids.iter().find_map(|(key, id)| Some((*key, id.as_ref()?)));
    if let (None, Some((key, id))) = (make, unused) {
        findings.report(Some(id.span()), Problem::AnonymousUnused { key });
        return None;
    }
    let range = limits::ANONYMOUS_IDS;
    let [uid, gid] =
        ids.map(|(key, id)| findings.number(section, key, id, DEFAULT_ANONYMOUS_ID, range.clone()));
    let anonymous = Anonymous {
        uid: uid?,
        gid: gid?,
    };
    Some(make.map_or(Squash::Nobody, |make| make(anonymous)))
}

/// `Some(None)`: it is left out, and calls wait for ever.
fn check_give_up(
    field: Option<Spanned<i64>>,
    section: &Section,
    findings: &mut Findings,
) -> Option<Option<u32>> {
    if field.is_none() {
        return Some(None);
    }
    let range = limits::GIVE_UP_SECONDS;
    findings
        .number(section, "give_up_seconds", field, *range.end(), range)
        .map(Some)
}

fn check_clients(
    list: &Spanned<Vec<Spanned<String>>>,
    section: &Section,
    findings: &mut Findings,
) -> Option<Vec<Cidr>> {
    let count = list.get_ref().len();
    if !(1..=limits::CLIENT_NETWORKS_MAX).contains(&count) {
        let most = limits::CLIENT_NETWORKS_MAX;
        findings.report(
            Some(list.span()),
            Problem::ListLength {
                table: section.name,
                key: "clients",
                count,
                most,
            },
        );
        return None;
    }
    let checked: Vec<Option<Cidr>> = list
        .get_ref()
        .iter()
        .map(|entry| check_network(entry, section, findings))
        .collect();
    checked.into_iter().collect()
}

fn check_network(
    entry: &Spanned<String>,
    section: &Section,
    findings: &mut Findings,
) -> Option<Cidr> {
    let value = entry.get_ref();
    let Some((address, network)) = parse_with_prefix(value)
        .and_then(|(address, prefix_len)| Some((address, Cidr::containing(address, prefix_len)?)))
    else {
        let problem = Problem::Ipv4 {
            table: section.name,
            key: "clients",
            value: value.clone(),
            what: "network",
            example: "\"10.77.1.0/24\", or \"10.77.1.5/32\" for one host",
        };
        findings.report(Some(entry.span()), problem);
        return None;
    };
    if network.network() != address {
        let problem = Problem::HostBits {
            value: value.clone(),
            network: network.to_string(),
            host: format!("{address}/32"),
        };
        findings.report(Some(entry.span()), problem);
        return None;
    }
    Some(network)
}
