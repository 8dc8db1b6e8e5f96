//! Devices made of software.

use super::EalError;
use std::ffi::CString;

/// A virtual device: `net_tap0`, `net_virtio_user0`, `net_vhost0` and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vdev {
    name: String,
    arguments: String,
}

impl Vdev {
    /// A device by its name, which begins with its driver's: `net_tap0`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: String::new(),
        }
    }

    /// Adds `key=value` to the device's arguments.
    #[must_use]
    pub fn argument(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        if !self.arguments.is_empty() {
            self.arguments.push(',');
        }
        self.arguments.push_str(&format!("{key}={value}"));
        self
    }

    /// Reads `name,key=value,…`, which is how EAL's `--vdev` spells it.
    pub fn parse(text: &str) -> Self {
        let (name, arguments) = text.split_once(',').unwrap_or((text, ""));
        Self {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    /// The device's name, which is also its port's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a virtio-user device, which can send from EAL memory only.
    pub fn is_virtio_user(&self) -> bool {
        self.name.starts_with("net_virtio_user") || self.name.starts_with("virtio_user")
    }

    pub(super) fn to_eal(&self) -> String {
        if self.arguments.is_empty() {
            self.name.clone()
        } else {
            format!("{},{}", self.name, self.arguments)
        }
    }

    pub(super) fn to_c(&self) -> Result<(CString, CString), EalError> {
        let c = |text: &str| CString::new(text).map_err(|_| EalError::NulInArgument);
        Ok((c(&self.name)?, c(&self.arguments)?))
    }
}
