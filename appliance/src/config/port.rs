//! `[[port]]`: Ethernet devices with their addresses.

use std::net::Ipv4Addr;

use serde::Deserialize;
use toml::Spanned;

use super::PortIndex;
use super::cidr::{Cidr, PortAddress, not_unicast, parse_with_prefix};
use super::device::Device;
use super::findings::{Findings, Section, Span, quoted};
use super::problem::Problem;
use crate::limits;

/// One Ethernet port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name other tables use.
    pub name: String,
    /// The device behind it.
    pub device: Device,
    /// Its IPv4 address and network.
    pub address: PortAddress,
    /// The router for everything off the network; on the network and not the port itself.
    pub gateway: Option<Ipv4Addr>,
    /// Largest IPv4 packet in bytes, within [`limits::MTU`].
    pub mtu: u16,
    /// Queue pairs, 1 to [`limits::QUEUES_MAX`].
    pub queues: u16,
    /// Descriptors of each receive queue, a power of two within [`limits::DESCRIPTORS`].
    pub rx_descriptors: u16,
    /// Descriptors of each transmit queue, likewise.
    pub tx_descriptors: u16,
}

impl Port {
    /// Whether the port can send to `address`, directly or through its gateway.
    pub fn reaches(&self, address: Ipv4Addr) -> bool {
        self.gateway.is_some() || self.address.network().contains(address)
    }

    /// EAL memory its packet pools are reckoned with, in MiB: two mbufs of 2.5 KiB per descriptor, and
    /// [`limits::PORT_POOL_MIB`] for packets that are in no ring.
    pub fn pool_mib(&self) -> u32 {
        let descriptors = u32::from(self.rx_descriptors) + u32::from(self.tx_descriptors);
        limits::PORT_POOL_MIB + (descriptors * 2 * 5).div_ceil(2 * 1024)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPort {
    name: Option<Spanned<String>>,
    device: Option<Spanned<String>>,
    address: Option<Spanned<String>>,
    gateway: Option<Spanned<String>>,
    mtu: Option<Spanned<i64>>,
    queues: Option<Spanned<i64>>,
    rx_descriptors: Option<Spanned<i64>>,
    tx_descriptors: Option<Spanned<i64>>,
}

/// A port with the places of what has to be unique among ports.
pub(super) struct PlacedPort {
    pub port: Port,
    pub name_span: Span,
    pub device_span: Span,
    pub address_span: Span,
}

const DEFAULT_MTU: u16 = 1500;

/// virtio's default of 256 was measured to drop under load; 1,024 not.
const DEFAULT_DESCRIPTORS: u16 = 1024;

pub(super) fn check(
    raw: RawPort,
    section: &Section,
    findings: &mut Findings,
) -> Option<PlacedPort> {
    let name = findings.required(section, "name", "name = \"client\"", raw.name);
    let name = name.and_then(|field| check_name(field, findings));
    let device = findings.required(section, "device", "device = \"0000:01:00.0\"", raw.device);
    let device = device.and_then(|field| check_device(&field, findings));
    let address = findings.required(
        section,
        "address",
        "address = \"10.77.1.1/24\"",
        raw.address,
    );
    let address = address.and_then(|field| check_address(&field, section, findings));
    let gateway = check_gateway(
        raw.gateway,
        section,
        address.as_ref().map(|(address, _)| *address),
        findings,
    );
    let mtu = findings.number(section, "mtu", raw.mtu, DEFAULT_MTU, limits::MTU);
    let queues_span = raw.queues.as_ref().map(Spanned::span);
    let queues = findings.number(section, "queues", raw.queues, 1, 1..=u16::MAX);
    let queues = queues.and_then(|queues| {
        if queues <= limits::QUEUES_MAX {
            return Some(queues);
        }
        findings.report(queues_span, Problem::ManyQueues { queues });
        None
    });
    let rx_descriptors = check_descriptors("rx_descriptors", raw.rx_descriptors, section, findings);
    let tx_descriptors = check_descriptors("tx_descriptors", raw.tx_descriptors, section, findings);
    let (name, name_span) = name?;
    let (device, device_span) = device?;
    let (address, address_span) = address?;
    Some(PlacedPort {
        port: Port {
            name,
            device,
            address,
            gateway: gateway?,
            mtu: mtu?,
            queues: queues?,
            rx_descriptors: rx_descriptors?,
            tx_descriptors: tx_descriptors?,
        },
        name_span,
        device_span,
        address_span,
    })
}

fn check_name(field: Spanned<String>, findings: &mut Findings) -> Option<(String, Span)> {
    let span = Some(field.span());
    let value = field.into_inner();
    let right_length = (1..=limits::PORT_NAME_BYTES_MAX).contains(&value.len());
    if right_length
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    {
        return Some((value, span));
    }
    findings.report(span, Problem::PortName { value });
    None
}

fn check_device(field: &Spanned<String>, findings: &mut Findings) -> Option<(Device, Span)> {
    match Device::parse(field.get_ref()) {
        Ok(device) => Some((device, Some(field.span()))),
        Err(reason) => {
            let value = field
                .get_ref()
                .chars()
                .take(limits::DEVICE_BYTES_MAX)
                .collect();
            findings.report(Some(field.span()), Problem::Device { value, reason });
            None
        }
    }
}

fn check_address(
    field: &Spanned<String>,
    section: &Section,
    findings: &mut Findings,
) -> Option<(PortAddress, Span)> {
    let key = "address";
    let span = Some(field.span());
    let Some((address, prefix_len)) = parse_with_prefix(field.get_ref()) else {
        let problem = Problem::Ipv4 {
            table: section.name,
            key,
            value: field.get_ref().clone(),
            what: "address with prefix length",
            example: "\"10.77.1.1/24\"",
        };
        findings.report(span, problem);
        return None;
    };
    if !limits::LINK_PREFIX.contains(&prefix_len) {
        findings.report(span, Problem::LinkPrefix { prefix_len });
        return None;
    }
    let network = Cidr::containing(address, prefix_len)?;
    match PortAddress::new(address, network) {
        Ok(address) => Some((address, span)),
        Err(class) => {
            findings.report(
                span,
                Problem::NotUnicast {
                    table: section.name,
                    key,
                    address,
                    class,
                },
            );
            None
        }
    }
}

/// The outer `None` means that there is a gateway and it is wrong.
#[expect(
    clippy::option_option,
    reason = "checked and absent are different things here"
)]
fn check_gateway(
    field: Option<Spanned<String>>,
    section: &Section,
    address: Option<PortAddress>,
    findings: &mut Findings,
) -> Option<Option<Ipv4Addr>> {
    let Some(field) = field else {
        return Some(None);
    };
    let gateway = host_address(&field, section, "gateway", findings)?;
    let address = address?;
    let network = address.network();
    let problem = if gateway == address.address() {
        Problem::GatewayIsSelf { gateway }
    } else if !network.contains(gateway) {
        Problem::GatewayOffLink {
            gateway,
            network: network.to_string(),
        }
    } else if let Err(class) = PortAddress::new(gateway, network) {
        Problem::NotUnicast {
            table: section.name,
            key: "gateway",
            address: gateway,
            class,
        }
    } else {
        return Some(Some(gateway));
    };
    findings.report(Some(field.span()), problem);
    None
}

/// An address that a single host can have.
pub(super) fn host_address(
    field: &Spanned<String>,
    section: &Section,
    key: &'static str,
    findings: &mut Findings,
) -> Option<Ipv4Addr> {
    let Ok(address) = field.get_ref().parse::<Ipv4Addr>() else {
        let problem = Problem::Ipv4 {
            table: section.name,
            key,
            value: field.get_ref().clone(),
            what: "address",
            example: "\"10.77.2.2\"",
        };
        findings.report(Some(field.span()), problem);
        return None;
    };
    if let Some(class) = not_unicast(address) {
        findings.report(
            Some(field.span()),
            Problem::NotUnicast {
                table: section.name,
                key,
                address,
                class,
            },
        );
        return None;
    }
    Some(address)
}

fn check_descriptors(
    key: &'static str,
    field: Option<Spanned<i64>>,
    section: &Section,
    findings: &mut Findings,
) -> Option<u16> {
    let span = field.as_ref().map(Spanned::span);
    let count = findings.number(
        section,
        key,
        field,
        DEFAULT_DESCRIPTORS,
        limits::DESCRIPTORS,
    )?;
    if count.is_power_of_two() {
        return Some(count);
    }
    let value = u32::from(count);
    let upper = value.next_power_of_two();
    findings.report(
        span,
        Problem::NotPowerOfTwo {
            table: section.name,
            key,
            value,
            lower: upper / 2,
            upper,
        },
    );
    None
}

/// The port another table names.
pub(super) fn find_port(
    field: Option<Spanned<String>>,
    section: &Section,
    example: &'static str,
    ports: &[Port],
    findings: &mut Findings,
) -> Option<PortIndex> {
    let field = findings.required(section, "port", example, field)?;
    if let Some(index) = ports.iter().position(|port| port.name == *field.get_ref()) {
        return Some(PortIndex(index));
    }
    findings.report(
        Some(field.span()),
        Problem::UnknownPort {
            table: section.name,
            value: field.get_ref().clone(),
            declared: quoted(ports.iter().map(|port| port.name.as_str())),
        },
    );
    None
}
