//! Naming an Ethernet device the way EAL does.

use core::fmt;

use super::problem::DeviceProblem;
use crate::limits;

/// A device EAL can probe: a PCI function or a virtual device with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    kind: DeviceKind,
    name: String,
    arguments: Vec<(String, String)>,
}

/// On which of EAL's buses a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Probed by allowing its address (EAL `-a`).
    Pci,
    /// Created by naming it (EAL `--vdev`).
    Vdev,
}

impl Device {
    /// Parses `0000:01:00.0[,key=value…]`, `01:00.0[,key=value…]` or `net_driver0[,key=value…]`.
    pub fn parse(text: &str) -> Result<Self, DeviceProblem> {
        if text.is_empty() {
            return Err(DeviceProblem::Empty);
        }
        if text.len() > limits::DEVICE_BYTES_MAX {
            return Err(DeviceProblem::TooLong);
        }
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(DeviceProblem::Character(bad));
        }
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let arguments = parse_arguments(parts)?;
        if let Some(address) = parse_pci(name) {
            return Ok(Self {
                kind: DeviceKind::Pci,
                name: address,
                arguments,
            });
        }
        if name.strip_prefix("net_").is_none_or(str::is_empty) {
            return Err(DeviceProblem::NotNetwork(name.to_owned()));
        }
        let device = Self {
            kind: DeviceKind::Vdev,
            name: name.to_owned(),
            arguments,
        };
        if device.is_virtio_user() && device.argument("path").is_none_or(str::is_empty) {
            return Err(DeviceProblem::NoPath);
        }
        Ok(device)
    }

    /// The bus.
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// The name under which EAL knows the device: `net_virtio_user0`, or a PCI address with its domain.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of one argument.
    pub fn argument(&self, key: &str) -> Option<&str> {
        self.arguments
            .iter()
            .find(|(have, _)| have == key)
            .map(|(_, value)| value.as_str())
    }

    /// The Unix socket a virtio-user frontend shares with its backend: made by EAL with `server=1`, and
    /// then left behind by a process that was killed.
    pub fn backend_socket(&self) -> Option<&str> {
        if self.is_virtio_user() {
            self.argument("path")
        } else {
            None
        }
    }

    /// Whether the device is a virtio-user frontend, whose backend maps EAL memory only.
    pub fn is_virtio_user(&self) -> bool {
        self.kind == DeviceKind::Vdev && self.name.starts_with("net_virtio_user")
    }
}

/// What EAL takes after `-a` or `--vdev`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arguments
            .iter()
            .try_for_each(|(key, value)| write!(f, ",{key}={value}"))
    }
}

/// Visible ASCII without quotes, brackets and backslashes, which EAL's parsers treat specially.
fn allowed(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '[' | ']' | '`')
}

fn parse_arguments<'a>(
    parts: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, DeviceProblem> {
    let mut arguments: Vec<(String, String)> = Vec::new();
    for part in parts {
        let Some((key, value)) = part.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(DeviceProblem::Argument(part.to_owned()));
        };
        if arguments.iter().any(|(have, _)| have == key) {
            return Err(DeviceProblem::ArgumentTwice(key.to_owned()));
        }
        arguments.push((key.to_owned(), value.to_owned()));
    }
    Ok(arguments)
}

/// `[domain:]bus:device.function`, in hexadecimal, as its long form in lower case.
fn parse_pci(name: &str) -> Option<String> {
    let mut fields = name.rsplitn(3, ':');
    let (device, function) = fields.next()?.split_once('.')?;
    let bus = fields.next()?;
    let domain = fields.next().unwrap_or("0000");
    let domain = hexadecimal(domain, 4, 4)?;
    let bus = hexadecimal(bus, 1, 2)?;
    let device = hexadecimal(device, 1, 2).filter(|device| *device < 32)?;
    let function = hexadecimal(function, 1, 1).filter(|function| *function < 8)?;
    Some(format!("{domain:04x}:{bus:02x}:{device:02x}.{function:x}"))
}

fn hexadecimal(digits: &str, least: usize, most: usize) -> Option<u16> {
    let right_length = (least..=most).contains(&digits.len());
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (right_length && all_digits)
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}
