//! The document as a whole: its tables, and the rules between them.

use gateway::AcceptedSecurity;
use serde::Deserialize;
use toml::Spanned;

use super::error::Place;
use super::findings::{Findings, Section, Span};
use super::port::{PlacedPort, Port};
use super::problem::Problem;
use super::{Config, Machine, cache, control, eal, engine, export, listen, origin, port, tls};
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDocument {
    eal: Option<Spanned<eal::RawEal>>,
    engine: Option<Spanned<engine::RawEngine>>,
    cache: Option<Spanned<cache::RawCache>>,
    #[serde(default)]
    port: Vec<Spanned<port::RawPort>>,
    listen: Option<Spanned<listen::RawListen>>,
    origin: Option<Spanned<origin::RawOrigin>>,
    #[serde(default)]
    export: Vec<Spanned<export::RawExport>>,
    limits: Option<Spanned<super::limits::RawLimits>>,
    tls: Option<Spanned<tls::RawTls>>,
    control: Option<Spanned<control::RawControl>>,
}

pub(super) fn check(
    raw: RawDocument,
    text: &str,
    machine: &Machine,
    findings: &mut Findings,
) -> Option<Config> {
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
    let (section, raw_tls) = optional("[tls]", raw.tls);
    let tls = tls::check(raw_tls, &section, findings);
    let exports = check_exports(raw.export, listen.as_ref(), tls.as_ref(), text, findings);
    if let (Some(listen), Some(tls)) = (&listen, &tls) {
        listen.check_provided(tls, findings);
    }
    let listen = listen.map(|placed| placed.listen);
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
        .zip(tls.as_ref().zip(origin.as_ref()))
        .zip(listen.as_ref().zip(exports.as_ref()))
        .map(|(((cache, ports), (tls, origin)), (listen, exports))| {
            let speaks_tls = origin.tls.is_some() || listen.offers_tls(exports);
            needed_mib(cache, ports, speaks_tls.then_some(tls))
        });
    let eal = eal::check(raw_eal, &section, needed_mib, findings);
    let (section, raw_limits) = optional("[limits]", raw.limits);
    let limits = super::limits::check(raw_limits, &section, findings);
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
        limits: limits?,
        tls: tls?,
        control: control?,
    })
}

/// What EAL's memory has to hold.
fn needed_mib(cache: &cache::Cache, ports: &[Port], tls: Option<&tls::Tls>) -> u32 {
    let blocks = match cache.arena {
        cache::ArenaKind::Eal => cache.size.mib() + tls.map_or(0, |tls| tls.record_memory_mib),
        cache::ArenaKind::Hugepages => 0,
    };
    // 2^20 MiB, 2^14 MiB, 16 ports of less than 2^8 MiB, and the base: far from 2^32.
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
    let values = |value: fn(&PlacedPort) -> (Option<String>, &Span)| {
        let placed = placed.iter().map(value);
        placed
            .filter_map(|(value, span)| Some((value?, span.clone())))
            .collect()
    };
    let names = values(|p| (Some(p.port.name.clone()), &p.name_span));
    let devices = values(|p| (Some(p.port.device.name().to_owned()), &p.device_span));
    let backends = values(|p| {
        (
            p.port.device.backend_socket().map(str::to_owned),
            &p.device_span,
        )
    });
    let addresses = values(|p| (Some(p.port.address.address().to_string()), &p.address_span));
    let unique = [
        check_unique(table, "name", names, text, findings),
        check_unique(table, "device", devices, text, findings),
        check_unique(table, "device path", backends, text, findings),
        check_unique(table, "address", addresses, text, findings),
    ];
    let complete = placed.len() == count && unique == [true; 4];
    complete.then(|| placed.into_iter().map(|placed| placed.port).collect())
}

fn check_exports(
    tables: Vec<Spanned<export::RawExport>>,
    listen: Option<&listen::PlacedListen>,
    tls: Option<&tls::Tls>,
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
    let apart = check_apart(&placed, findings);
    let provided = tls.is_some_and(|tls| check_provided(&placed, tls, findings));
    let reachable = listen.is_none_or(|placed_listen| {
        check_reachable(&placed, placed_listen.listen.security, findings)
    });
    let complete = placed.len() == count && unique && apart && provided && reachable;
    complete.then(|| placed.into_iter().map(|placed| placed.export).collect())
}

/// Reports every export that lies within another: its handles would be under two sets of rules.
fn check_apart(exports: &[export::PlacedExport], findings: &mut Findings) -> bool {
    let mut apart = true;
    for inner in exports {
        let path = &inner.export.path;
        let outer = exports
            .iter()
            .map(|outer| &outer.export.path)
            .find(|outer| {
                *outer != path
                    && path
                        .strip_prefix(outer.trim_end_matches('/'))
                        .is_some_and(|rest| rest.starts_with('/'))
            });
        if let Some(outer) = outer {
            let problem = Problem::NestedExport {
                inner: path.clone(),
                outer: outer.clone(),
            };
            findings.report(inner.path_span.clone(), problem);
            apart = false;
        }
    }
    apart
}

/// Reports every export that wants what `[tls]` does not provide.
fn check_provided(
    exports: &[export::PlacedExport],
    tls: &tls::Tls,
    findings: &mut Findings,
) -> bool {
    let mut provided = true;
    for placed in exports {
        let export = &placed.export;
        let path = export.path.clone();
        let problem = if export.security.accepts_tls() && tls.server.is_none() {
            Problem::NoServerCertificate { path }
        } else if export.security.mtls && tls.client_ca.is_none() {
            Problem::NoClientCa { path }
        } else {
            continue;
        };
        findings.report(placed.security_span.clone(), problem);
        provided = false;
    }
    provided
}

/// Reports every export that no connection that `[listen]` accepts can use.
fn check_reachable(
    exports: &[export::PlacedExport],
    listened: AcceptedSecurity,
    findings: &mut Findings,
) -> bool {
    let mut reachable = true;
    for placed in exports {
        if !placed.export.security.meets(&listened) {
            let path = placed.export.path.clone();
            findings.report(placed.security_span.clone(), Problem::Unreachable { path });
            reachable = false;
        }
    }
    reachable
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
    values: Vec<(String, Span)>,
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
