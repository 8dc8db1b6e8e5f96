//! The configuration file: TOML in, a [`Config`] whose fields cannot be wrong out.
//!
//! Each table has a file: its raw form as written, its checked form, and the rules between the two;
//! `document` has the rules between tables. All findings are collected, so that one run of
//! `wirepage check` shows all there is to mend; [`problem`] holds every message. `wirepage.example.toml`
//! is the reference of all keys.

use std::io::Read;
use std::path::Path;

pub mod cache;
mod change;
pub mod cidr;
pub mod control;
pub mod device;
mod document;
pub mod eal;
pub mod engine;
pub mod error;
pub mod export;
mod export_security;
mod findings;
pub mod limits;
pub mod listen;
pub mod machine;
pub mod origin;
pub mod origin_tls;
pub mod port;
pub mod problem;
mod security;
mod summary;
pub mod tls;

pub use error::{ConfigError, Diagnostic, Place};
pub use machine::Machine;

use gateway::AcceptedSecurity;

use findings::Findings;
use port::Port;
use problem::Problem;

use crate::limits::CONFIG_FILE_BYTES_MAX;

/// A configuration the appliance can run. There is no way to build one but [`Config::load`] and
/// [`Config::parse`], so what its parts promise about each other holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    eal: eal::Eal,
    engine: engine::Engine,
    cache: cache::Cache,
    ports: Vec<Port>,
    listen: listen::Listen,
    origin: origin::Origin,
    exports: Vec<export::Export>,
    limits: limits::Limits,
    tls: tls::Tls,
    control: control::Control,
}

/// Names a port of the configuration it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortIndex(usize);

impl PortIndex {
    /// Position in [`Config::ports`].
    pub fn as_usize(self) -> usize {
        self.0
    }
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn load(path: &Path, machine: &Machine) -> Result<Self, ConfigError> {
        let text = read_bounded(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string(), machine)
    }

    /// Checks a configuration. `file` is what errors call it.
    pub fn parse(text: &str, file: &str, machine: &Machine) -> Result<Self, ConfigError> {
        let mut findings = Findings::default();
        let config = match toml::from_str::<document::RawDocument>(text) {
            Ok(raw) => document::check(raw, text, machine, &mut findings),
            Err(error) => {
                let words = error
                    .message()
                    .replace('\n', ", ")
                    .replace("i64", "an integer");
                findings.report(error.span(), Problem::Syntax(words));
                None
            }
        };
        let found = findings.into_vec();
        match config {
            Some(config) if found.is_empty() => Ok(config),
            _ => Err(ConfigError::invalid(file, text, found)),
        }
    }

    /// How EAL is initialised.
    pub fn eal(&self) -> &eal::Eal {
        &self.eal
    }

    /// How the engines run.
    pub fn engine(&self) -> &engine::Engine {
        &self.engine
    }

    /// The cache.
    pub fn cache(&self) -> &cache::Cache {
        &self.cache
    }

    /// All ports, at least one; names, devices and addresses are unique.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// The port an index of this configuration names.
    pub fn port(&self, index: PortIndex) -> &Port {
        &self.ports[index.0]
    }

    /// Where clients are served.
    pub fn listen(&self) -> &listen::Listen {
        &self.listen
    }

    /// The server behind.
    pub fn origin(&self) -> &origin::Origin {
        &self.origin
    }

    /// What is exported, at least one; paths are unique.
    pub fn exports(&self) -> &[export::Export] {
        &self.exports
    }

    /// Bounds on clients.
    pub fn limits(&self) -> &limits::Limits {
        &self.limits
    }

    /// TLS of the appliance; without `[tls]` in the file its defaults.
    pub fn tls(&self) -> &tls::Tls {
        &self.tls
    }

    /// Whether TLS is spoken to clients.
    pub fn offers_tls(&self) -> bool {
        self.listen.offers_tls(&self.exports)
    }

    /// Whether nobody can use any export over TLS without showing a certificate.
    pub fn demands_certificate(&self) -> bool {
        let exports = self.exports.iter().map(|export| export.security);
        let mut over_tls = exports.filter(AcceptedSecurity::accepts_tls).peekable();
        self.listen.security.demands_certificate()
            || (over_tls.peek().is_some() && over_tls.all(|export| export.demands_certificate()))
    }

    /// Whether TLS is spoken to anybody.
    pub fn speaks_tls(&self) -> bool {
        self.offers_tls() || self.origin.tls.is_some()
    }

    /// The control socket.
    pub fn control(&self) -> &control::Control {
        &self.control
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let read = file
        .take(CONFIG_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if read as u64 > CONFIG_FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}
