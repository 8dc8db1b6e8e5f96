//! The configuration file: TOML in, a [`Config`] whose fields cannot be wrong out.
//!
//! Each table has a file: its raw form as written, its checked form, and the rules between the two. All
//! findings are collected, so that one run of `wirepage check` shows all there is to mend; [`problem`]
//! holds every message. `wirepage.example.toml` is the reference of all keys.

use core::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub mod cache;
pub mod cidr;
pub mod control;
pub mod device;
pub mod eal;
pub mod engine;
pub mod export;
mod findings;
pub mod listen;
pub mod machine;
pub mod origin;
pub mod port;
pub mod problem;
mod summary;

pub use machine::Machine;

use findings::{Findings, Section, quoted};
use port::{PlacedPort, Port};
use problem::Problem;

use crate::limits;

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
        let config = match toml::from_str::<RawConfig>(text) {
            Ok(raw) => check(raw, text, machine, &mut findings),
            Err(error) => {
                findings.report(
                    error.span(),
                    Problem::Syntax(error.message().replace('\n', ", ")),
                );
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

    /// The control socket.
    pub fn control(&self) -> &control::Control {
        &self.control
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong, in these places; at least one, one per line when displayed.
    #[error("{}", Lines(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    fn invalid(file: &str, text: &str, found: Vec<(findings::Span, Problem)>) -> Self {
        let mut diagnostics: Vec<Diagnostic> = found
            .into_iter()
            .map(|(span, problem)| Diagnostic {
                file: file.to_owned(),
                place: span.map(|span| Place::of(text, span.start)),
                problem,
            })
            .collect();
        diagnostics.sort_by_key(|diagnostic| diagnostic.place);
        Self::Invalid(diagnostics)
    }
}

/// One thing that is wrong, displayed as `file:line:column: problem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as given.
    pub file: String,
    /// Where; absent for what is nowhere in the file.
    pub place: Option<Place>,
    /// What, with the remedy.
    pub problem: Problem,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => {
                write!(f, "{}:{line}:{column}: {}", self.file, self.problem)
            }
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// A place in a text; both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Place {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

struct Lines<'a>(&'a [Diagnostic]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(index, diagnostic)| {
                let separator = if index == 0 { "" } else { "\n" };
                write!(f, "{separator}{diagnostic}")
            })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    eal: Option<Spanned<eal::RawEal>>,
    engine: Option<Spanned<engine::RawEngine>>,
    cache: Option<Spanned<cache::RawCache>>,
    #[serde(default)]
    port: Vec<Spanned<port::RawPort>>,
    listen: Option<Spanned<listen::RawListen>>,
    origin: Option<Spanned<origin::RawOrigin>>,
    #[serde(default)]
    export: Vec<Spanned<export::RawExport>>,
    control: Option<Spanned<control::RawControl>>,
}

fn check(raw: RawConfig, text: &str, machine: &Machine, findings: &mut Findings) -> Option<Config> {
    let (section, raw_engine) = optional("[engine]", raw.engine);
    let engine = engine::check(raw_engine, &section, machine, findings);
    let (section, raw_cache) = optional("[cache]", raw.cache);
    let arena_span = raw_cache.arena.as_ref().map(Spanned::span);
    let cache = cache::check(raw_cache, &section, findings);
    let ports = check_ports(raw.port, text, findings);
    // Judging references to ports while some are wrong would report what is not there to be mended.
    let known_ports = ports.as_deref();
    let listen = mandatory("[listen]", "add it with port = \"…\"", raw.listen, findings)
        .and_then(|(section, raw)| listen::check(raw, &section, known_ports?, findings));
    let origin = mandatory(
        "[origin]",
        "add it with port and address of the NFS server",
        raw.origin,
        findings,
    )
    .and_then(|(section, raw)| origin::check(raw, &section, known_ports?, findings));
    let exports = check_exports(raw.export, text, findings);
    if let (Some(cache), Some(ports)) = (&cache, known_ports)
        && cache.arena == cache::ArenaKind::Hugepages
        && let Some(port) = ports.iter().find(|port| port.device.is_virtio_user())
    {
        findings.report(
            arena_span,
            Problem::ForeignArena {
                port: port.name.clone(),
            },
        );
    }
    let (section, raw_eal) = optional("[eal]", raw.eal);
    let needed_mib = cache
        .as_ref()
        .zip(known_ports)
        .map(|(cache, ports)| needed_mib(cache, ports));
    let eal = eal::check(raw_eal, &section, needed_mib, findings);
    let (_, raw_control) = optional("[control]", raw.control);
    let control = control::check(raw_control, findings);
    Some(Config {
        eal: eal?,
        engine: engine?,
        cache: cache?,
        ports: ports?,
        listen: listen?,
        origin: origin?,
        exports: exports?,
        control: control?,
    })
}

/// What EAL's memory has to hold.
fn needed_mib(cache: &cache::Cache, ports: &[Port]) -> u32 {
    let blocks = match cache.arena {
        cache::ArenaKind::Eal => cache.size.mib(),
        cache::ArenaKind::Hugepages => 0,
    };
    // 2^20 MiB, 16 ports of less than 2^8 MiB, and the base: far from 2^32.
    limits::EAL_BASE_MIB + blocks + ports.iter().map(Port::pool_mib).sum::<u32>()
}

fn check_ports(
    tables: Vec<Spanned<port::RawPort>>,
    text: &str,
    findings: &mut Findings,
) -> Option<Vec<Port>> {
    let table = "[[port]]";
    let count = count_tables(
        table,
        "add one with name, device and address",
        &tables,
        limits::PORTS_MAX,
        findings,
    )?;
    let mut placed: Vec<PlacedPort> = Vec::with_capacity(count);
    for raw in tables {
        let section = Section {
            name: table,
            span: Some(raw.span()),
        };
        if let Some(port) = port::check(raw.into_inner(), &section, findings) {
            placed.push(port);
        }
    }
    let names = placed
        .iter()
        .map(|p| (p.port.name.clone(), p.name_span.clone()))
        .collect();
    let devices = placed
        .iter()
        .map(|p| (p.port.device.name().to_owned(), p.device_span.clone()))
        .collect();
    let addresses = placed
        .iter()
        .map(|p| (p.port.address.address().to_string(), p.address_span.clone()))
        .collect();
    let unique = [
        check_unique(table, "name", names, text, findings),
        check_unique(table, "device", devices, text, findings),
        check_unique(table, "address", addresses, text, findings),
    ];
    let complete = placed.len() == count && unique == [true; 3];
    complete.then(|| placed.into_iter().map(|placed| placed.port).collect())
}

fn check_exports(
    tables: Vec<Spanned<export::RawExport>>,
    text: &str,
    findings: &mut Findings,
) -> Option<Vec<export::Export>> {
    let table = "[[export]]";
    let remedy = "add one with path, security and clients";
    let count = count_tables(table, remedy, &tables, limits::EXPORTS_MAX, findings)?;
    let mut placed = Vec::with_capacity(count);
    for raw in tables {
        let section = Section {
            name: table,
            span: Some(raw.span()),
        };
        if let Some(export) = export::check(raw.into_inner(), &section, findings) {
            placed.push(export);
        }
    }
    let paths = placed
        .iter()
        .map(|p| (p.export.path.clone(), p.path_span.clone()))
        .collect();
    let unique = check_unique(table, "path", paths, text, findings);
    let complete = placed.len() == count && unique;
    complete.then(|| placed.into_iter().map(|placed| placed.export).collect())
}

/// A table that may be left out, all of whose keys then have their defaults.
fn optional<T: Default>(name: &'static str, table: Option<Spanned<T>>) -> (Section, T) {
    let span = table.as_ref().map(Spanned::span);
    (
        Section { name, span },
        table.map(Spanned::into_inner).unwrap_or_default(),
    )
}

/// A table that has to be there.
fn mandatory<T>(
    name: &'static str,
    remedy: &'static str,
    table: Option<Spanned<T>>,
    findings: &mut Findings,
) -> Option<(Section, T)> {
    let Some(table) = table else {
        findings.report(
            None,
            Problem::MissingTable {
                table: name,
                remedy,
            },
        );
        return None;
    };
    Some((
        Section {
            name,
            span: Some(table.span()),
        },
        table.into_inner(),
    ))
}

/// How many tables of a kind there are, if that is a number the appliance handles.
fn count_tables<T>(
    table: &'static str,
    remedy: &'static str,
    tables: &[Spanned<T>],
    most: usize,
    findings: &mut Findings,
) -> Option<usize> {
    let count = tables.len();
    if count == 0 {
        findings.report(None, Problem::MissingTable { table, remedy });
        return None;
    }
    if let Some(first_too_many) = tables.get(most) {
        findings.report(
            Some(first_too_many.span()),
            Problem::TooManyTables { table, count, most },
        );
        return None;
    }
    Some(count)
}

/// Reports every value that an earlier one equals.
fn check_unique(
    table: &'static str,
    key: &'static str,
    values: Vec<(String, findings::Span)>,
    text: &str,
    findings: &mut Findings,
) -> bool {
    let mut unique = true;
    for (index, (value, span)) in values.iter().enumerate() {
        if let Some((_, first)) = values
            .iter()
            .take(index)
            .find(|(earlier, _)| earlier == value)
        {
            let first_line = first
                .as_ref()
                .map_or(0, |first| Place::of(text, first.start).line);
            let problem = Problem::Duplicate {
                table,
                key,
                value: value.clone(),
                first_line,
            };
            findings.report(span.clone(), problem);
            unique = false;
        }
    }
    unique
}

/// The port another table names.
fn find_port(
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

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let read = file
        .take(limits::CONFIG_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if read as u64 > limits::CONFIG_FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}
