//! What `wirepage check` prints: the configuration with its defaults filled in, for people.

use core::fmt;

use gateway::{AcceptedSecurity, Anonymous, Squash};

use super::Config;
use super::cache::ArenaKind;
use super::export::Export;
use super::origin::Origin;
use super::port::Port;

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ports.iter().try_for_each(|port| write_port(f, port))?;
        let (listen, origin) = (&self.listen, &self.origin);
        write!(
            f,
            "listen   {} ({}): NFS {}{}, MOUNT {}{}",
            self.port(listen.port).address.address(),
            self.port(listen.port).name,
            listen.nfs_port,
            restriction(listen.security),
            listen.mount_port,
            restriction(listen.mount_security)
        )?;
        writeln!(
            f,
            "{}",
            if listen.portmap {
                ", portmap 111"
            } else {
                ", no portmap"
            }
        )?;
        write!(
            f,
            "origin   {} (through {}): NFS {}, MOUNT ",
            origin.address,
            self.port(origin.port).name,
            origin.nfs_port
        )?;
        match origin.mount_port {
            Some(port) => write!(f, "{port}")?,
            None => f.write_str("as its portmapper says")?,
        }
        let source = if origin.reserved_source_ports {
            "reserved"
        } else {
            "any"
        };
        writeln!(
            f,
            "; {} connections per engine from {source} source ports, {}",
            origin.connections,
            origin_security(origin)
        )?;
        self.exports
            .iter()
            .try_for_each(|export| write_export(f, export))?;
        write_memory(f, self)?;
        writeln!(
            f,
            "limits   {} client connections, {} recorded replies",
            self.limits.connections, self.limits.duplicates
        )?;
        let cores: Vec<String> = self
            .engine
            .cores
            .iter()
            .map(|core| core.to_string())
            .collect();
        writeln!(
            f,
            "engine   core {}; idle {}; file data: {}",
            cores.join(", "),
            self.engine.idle.word(),
            self.engine.tx.word()
        )?;
        writeln!(f, "control  {}", self.control.socket.display())
    }
}

fn write_port(f: &mut fmt::Formatter<'_>, port: &Port) -> fmt::Result {
    write!(f, "port     {} {}", port.name, port.address)?;
    if let Some(gateway) = port.gateway {
        write!(f, " via {gateway}")?;
    }
    writeln!(
        f,
        ", mtu {}, {} queue, {}/{} descriptors\n         {}",
        port.mtu, port.queues, port.rx_descriptors, port.tx_descriptors, port.device
    )
}

fn write_export(f: &mut fmt::Formatter<'_>, export: &Export) -> fmt::Result {
    let security = accepted(export.security);
    let access = if export.read_only {
        "read only"
    } else {
        "read and write"
    };
    let patience = match export.give_up_seconds {
        None => String::new(),
        Some(seconds) => format!(", gives up after {seconds} s"),
    };
    let squash = match export.squash {
        Squash::Nobody => String::new(),
        Squash::Root(Anonymous { uid, gid }) => format!(", root as {uid}:{gid}"),
        Squash::Everybody(Anonymous { uid, gid }) => format!(", everybody as {uid}:{gid}"),
    };
    let clients: Vec<String> = export.clients.iter().map(ToString::to_string).collect();
    writeln!(
        f,
        "export   {} ({access}, {security}{squash}, coherence {}{patience}) for {}",
        export.path,
        export.coherence.word(),
        clients.join(", ")
    )
}

fn restriction(security: AcceptedSecurity) -> String {
    if security == AcceptedSecurity::ANY {
        return String::new();
    }
    format!(" ({})", accepted(security))
}

fn accepted(security: AcceptedSecurity) -> String {
    let words = [
        (security.clear, "in clear"),
        (security.tls, "TLS"),
        (security.mtls, "TLS with a client certificate"),
        (security.direct, "direct TLS"),
    ];
    let words: Vec<&str> = words
        .iter()
        .filter_map(|(accepted, word)| accepted.then_some(*word))
        .collect();
    words.join(" or ")
}

fn origin_security(origin: &Origin) -> String {
    let Some(tls) = &origin.tls else {
        return "in clear".to_owned();
    };
    let mount = if tls.protects_mount {
        ""
    } else {
        ", MOUNT in clear"
    };
    format!("{} with {}{mount}", tls.mode.word(), tls.name)
}

fn write_memory(f: &mut fmt::Formatter<'_>, config: &Config) -> fmt::Result {
    let size = config.cache.size;
    let arena = match config.cache.arena {
        ArenaKind::Eal => "EAL memory",
        ArenaKind::Hugepages => "hugepages of its own, registered for DMA",
    };
    writeln!(
        f,
        "cache    {} MiB: {} blocks of {} KiB in {arena}",
        size.mib(),
        size.blocks(),
        size.block_bytes() >> 10
    )?;
    if config.speaks_tls() {
        let records = config.tls.record_memory_mib;
        writeln!(f, "tls      {records} MiB for records in {arena}")?;
    }
    let pages = if config.eal.hugepages {
        "hugepages"
    } else {
        "ordinary pages"
    };
    writeln!(
        f,
        "memory   {} MiB of EAL memory in {pages}, IOVA {}",
        config.eal.memory_mib,
        config.eal.iova.word()
    )
}
