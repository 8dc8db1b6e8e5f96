//! `[origin]`: the NFS server behind the appliance.

use std::net::Ipv4Addr;

use serde::Deserialize;
use toml::Spanned;

use super::PortIndex;
use super::cidr::PortAddress;
use super::findings::{Findings, Section};
use super::origin_tls::{self, OriginTls, RawOriginTls};
use super::port::{Port, find_port, host_address};
use super::problem::Problem;
use crate::limits;

/// The origin server and how to connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The port the origin is reached through.
    pub port: PortIndex,
    /// Its address, which that port reaches and no port of the appliance has.
    pub address: Ipv4Addr,
    /// TCP port of NFS there.
    pub nfs_port: u16,
    /// TCP port of MOUNT there; without it the origin's portmapper is asked.
    pub mount_port: Option<u16>,
    /// NFS connections of one engine, within [`limits::ORIGIN_CONNECTIONS`].
    pub connections: u16,
    /// Whether to connect from ports below 1024, which servers that export `secure` insist on.
    pub reserved_source_ports: bool,
    /// TLS; without it NFS is spoken in clear.
    pub tls: Option<OriginTls>,
}

const DEFAULT_NFS_PORT: u16 = 2049;
const DEFAULT_CONNECTIONS: u16 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrigin {
    port: Option<Spanned<String>>,
    address: Option<Spanned<String>>,
    nfs_port: Option<Spanned<i64>>,
    mount_port: Option<Spanned<i64>>,
    connections: Option<Spanned<i64>>,
    reserved_source_ports: Option<bool>,
    security: Option<Spanned<String>>,
    ca: Option<Spanned<String>>,
    crl: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    alpn: Option<Spanned<String>>,
    rekey: Option<Spanned<String>>,
    mount_security: Option<Spanned<String>>,
}

pub(super) fn check(
    raw: RawOrigin,
    section: &Section,
    ports: &[Port],
    findings: &mut Findings,
) -> Option<Origin> {
    let port = find_port(raw.port, section, "port = \"origin\"", ports, findings);
    let address = findings
        .required(section, "address", "address = \"10.77.2.2\"", raw.address)
        .and_then(|field| check_address(&field, section, port, ports, findings));
    let nfs_port = findings.number(
        section,
        "nfs_port",
        raw.nfs_port,
        DEFAULT_NFS_PORT,
        1..=u16::MAX,
    );
    let asks_portmapper = raw.mount_port.is_none();
    let mount_port = findings.number(section, "mount_port", raw.mount_port, 0, 1..=u16::MAX);
    let connections = findings.number(
        section,
        "connections",
        raw.connections,
        DEFAULT_CONNECTIONS,
        limits::ORIGIN_CONNECTIONS,
    );
    let shares_port = !asks_portmapper && mount_port == nfs_port;
    let tls = RawOriginTls {
        security: raw.security,
        ca: raw.ca,
        crl: raw.crl,
        certificate: raw.certificate,
        key: raw.key,
        name: raw.name,
        alpn: raw.alpn,
        rekey: raw.rekey,
        mount_security: raw.mount_security,
    };
    let tls = origin_tls::check(tls, section, address, shares_port, findings);
    Some(Origin {
        port: port?,
        address: address?,
        nfs_port: nfs_port?,
        mount_port: mount_port.map(|number| (!asks_portmapper).then_some(number))?,
        connections: connections?,
        reserved_source_ports: raw.reserved_source_ports.unwrap_or(true),
        tls: tls?,
    })
}

fn check_address(
    field: &Spanned<String>,
    section: &Section,
    port: Option<PortIndex>,
    ports: &[Port],
    findings: &mut Findings,
) -> Option<Ipv4Addr> {
    let address = host_address(field, section, "address", findings)?;
    let span = Some(field.span());
    if let Some(own) = ports.iter().find(|port| port.address.address() == address) {
        findings.report(
            span,
            Problem::OriginIsSelf {
                address,
                port: own.name.clone(),
            },
        );
        return None;
    }
    let port = ports.get(port?.0)?;
    if port.address.network().contains(address)
        && let Err(class) = PortAddress::new(address, port.address.network())
    {
        let problem = Problem::NotUnicast {
            table: section.name,
            key: "address",
            address,
            class,
        };
        findings.report(span, problem);
        return None;
    }
    if !port.reaches(address) {
        let network = port.address.network().to_string();
        findings.report(
            span,
            Problem::OriginUnreachable {
                address,
                network,
                port: port.name.clone(),
            },
        );
        return None;
    }
    Some(address)
}
