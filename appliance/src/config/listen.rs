//! `[listen]`: where NFS clients find the appliance.

use serde::Deserialize;
use toml::Spanned;

use super::PortIndex;
use super::findings::{Findings, Section};
use super::port::{Port, find_port};
use super::problem::Problem;

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
}

pub(super) fn check(
    raw: RawListen,
    section: &Section,
    ports: &[Port],
    findings: &mut Findings,
) -> Option<Listen> {
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
    Some(Listen {
        port: port?,
        nfs_port: nfs_port?,
        mount_port: mount_port?,
        portmap,
    })
}
