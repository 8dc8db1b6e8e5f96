//! `[listen]`: where NFS clients find the appliance.

use gateway::AcceptedSecurity;
use serde::Deserialize;
use toml::Spanned;

use super::PortIndex;
use super::export::Export;
use super::findings::{Findings, Section, Span};
use super::port::{Port, find_port};
use super::problem::Problem;
use super::security::{self, RawSecurity};
use super::tls::Tls;

/// What is served, and on which port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The port clients come in on.
    pub port: PortIndex,
    /// TCP port of NFS.
    pub nfs_port: u16,
    /// TCP port of MOUNT; may be the same as NFS.
    pub mount_port: u16,
    /// Whether to answer portmap and rpcbind on TCP port 111.
    pub portmap: bool,
    /// How connections must be protected for NFS, whatever export it is about.
    pub security: AcceptedSecurity,
    /// Likewise for MOUNT.
    pub mount_security: AcceptedSecurity,
}

impl Listen {
    /// Whether TLS is spoken to clients: some export accepts it, or MOUNT demands it.
    pub fn offers_tls(&self, exports: &[Export]) -> bool {
        let mut exports = exports.iter();
        exports.any(|export| export.security.accepts_tls()) || !self.mount_security.clear
    }
}

/// TCP port of portmap and rpcbind (RFC 1833).
pub const PORTMAP_PORT: u16 = 111;

const DEFAULT_NFS_PORT: u16 = 2049;
const DEFAULT_MOUNT_PORT: u16 = 20048;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    port: Option<Spanned<String>>,
    nfs_port: Option<Spanned<i64>>,
    mount_port: Option<Spanned<i64>>,
    portmap: Option<bool>,
    security: Option<Spanned<RawSecurity>>,
    mount_security: Option<Spanned<RawSecurity>>,
}

/// What is listened at, with the places of what it says about security.
pub(super) struct PlacedListen {
    pub listen: Listen,
    pub security_span: Span,
    pub mount_security_span: Span,
}

impl PlacedListen {
    /// Reports what wants more than `[tls]` provides.
    pub(super) fn check_provided(&self, tls: &Tls, findings: &mut Findings) {
        let keys = [
            ("security", self.listen.security, &self.security_span),
            (
                "mount_security",
                self.listen.mount_security,
                &self.mount_security_span,
            ),
        ];
        for (key, accepted, span) in keys {
            // What is left out demands nothing.
            if span.is_none() {
                continue;
            }
            if accepted.accepts_tls() && tls.server.is_none() {
                findings.report(span.clone(), Problem::ListenWithoutCertificate { key });
            } else if accepted.mtls && tls.client_ca.is_none() {
                findings.report(span.clone(), Problem::ListenWithoutCa { key });
            }
        }
    }
}

pub(super) fn check(
    raw: RawListen,
    section: &Section,
    ports: &[Port],
    findings: &mut Findings,
) -> Option<PlacedListen> {
    let port = find_port(raw.port, section, "port = \"client\"", ports, findings);
    let portmap = raw.portmap.unwrap_or(true);
    let mut service = |key, field: Option<Spanned<i64>>, default| {
        let span = field.as_ref().map(Spanned::span);
        let number = findings.number(section, key, field, default, 1..=u16::MAX)?;
        if portmap && number == PORTMAP_PORT {
            findings.report(span, Problem::PortmapTaken { key });
            return None;
        }
        Some(number)
    };
    let nfs_port = service("nfs_port", raw.nfs_port, DEFAULT_NFS_PORT);
    let mount_port = service("mount_port", raw.mount_port, DEFAULT_MOUNT_PORT);
    let mut check = |key, field: Option<Spanned<RawSecurity>>| {
        let span = field.as_ref().map(Spanned::span);
        let any = AcceptedSecurity::ANY;
        let accepted = security::check(key, field, any, section, findings);
        (accepted, span)
    };
    let (security, security_span) = check("security", raw.security);
    let (mount_security, mount_security_span) = check("mount_security", raw.mount_security);
    let listen = Listen {
        port: port?,
        nfs_port: nfs_port?,
        mount_port: mount_port?,
        portmap,
        security: security?,
        mount_security: mount_security?,
    };
    Some(PlacedListen {
        listen,
        security_span,
        mount_security_span,
    })
}
