//! `wirepage run`: brings everything up in order, and down again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use cache::{Cache, CacheConfig, Slots};
use core_affinity::CoreId;
use engine::{Engine, EngineConfig, Policy, RekeyPolicy, Security, Trust};
use gateway::{Export, Gateway, GatewayConfig, OriginConfig, OriginSecurity, Seeds, ServiceConfig};
use tracing::{info, warn};

use crate::config::Config;
use crate::config::listen::PORTMAP_PORT;
use crate::config::origin_tls::OriginTlsMode;
use crate::control::server::{ControlError, ControlServer};
use crate::control::snapshot::{self, SnapshotPublisher};
use crate::journal::{self, ConnectionJournal};
use crate::limits;
use crate::nic::{Nic, NicError, Nics};
use crate::poll_loop::{Drained, PollLoop, TrustNews};
use crate::signals::{ReloadRequest, ShutdownRequest};
use crate::trust::reload::{Reloader, TrustWatcher};
use crate::trust::{self, ReloadError, TrustError};

/// Why the appliance did not run, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The NICs did not come up.
    #[error(transparent)]
    Nic(#[from] NicError),
    /// The control socket cannot be had.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Certificates, keys or lists cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Nor can the rules.
    #[error(transparent)]
    Rules(#[from] ReloadError),
    /// The engine could not be built.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The engine's thread cannot run where it was told to.
    #[error(
        "the engine cannot be pinned to core {0}: name a core this process may run on in [engine] cores"
    )]
    Pin(usize),
    /// The operating system refuses something at start.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The engine's thread has panicked.
    #[error("the engine has panicked")]
    Panicked,
    /// Something was not given back.
    #[error("{leaked_references} references to cache blocks were never given back: this is a bug")]
    Leaked {
        /// Pins and wire references left.
        leaked_references: u64,
    },
}

/// Runs the appliance until SIGTERM or SIGINT, then drains it. `file` is where `config` came from.
///
/// # Errors
/// See [`RunError`].
pub fn run(file: &Path, config: &Config) -> Result<(), RunError> {
    let seeds = Secrets::draw().map_err(|source| RunError::System {
        what: "cannot read random bytes",
        source,
    })?;
    let key_log = config.tls().key_log.as_deref();
    if let Some(path) = key_log {
        warn!(
            "{}: the secrets of all TLS sessions are written there, and whoever reads them reads everything: \
             remove [tls] key_log when you have found what you are looking for",
            path.display()
        );
    }
    let key_log = key_log.map(trust::open_key_log).transpose()?;
    let (reloader, policy) = Reloader::start(file, config, key_log)?;
    if config.speaks_tls() {
        info!("{}", trust::describe_expiry(&policy.trust));
    }
    if config.origin().tls.is_none() {
        info!("the origin is spoken to in clear, as [origin] security = \"none\" says");
    }
    let (requester, publisher) = snapshot::channel();
    let control = ControlServer::start(&config.control().socket, vec![requester])?;
    remove_stale_sockets(config);
    info!("starting; a virtio-user port in server mode waits here for its backend");
    let nics = Nics::start(config)?;
    // Only now: while the EAL waits for a backend a signal is to end the process.
    let shutdown = ShutdownRequest::install().map_err(|source| RunError::System {
        what: "cannot handle signals",
        source,
    })?;
    let reload = ReloadRequest::install().map_err(|source| RunError::System {
        what: "cannot handle signals",
        source,
    })?;
    let (watcher, news) =
        TrustWatcher::start(reloader, reload).map_err(|source| RunError::System {
            what: "cannot start the thread that looks at certificates",
            source,
        })?;
    let drained = thread::scope(|scope| {
        thread::Builder::new()
            .name("engine".to_owned())
            .spawn_scoped(scope, || {
                let policies = Policies {
                    first: policy,
                    news,
                };
                run_engine(config, &nics, publisher, &seeds, policies, &shutdown)
            })
            .map_err(|source| RunError::System {
                what: "cannot start the engine's thread",
                source,
            })?
            .join()
            .map_err(|_| RunError::Panicked)?
    })?;
    drop((control, watcher));
    for path in server_sockets(config) {
        // Gone already where the port was closed.
        let _ = fs::remove_file(path);
    }
    let Drained {
        in_time,
        leaked_references,
        pinned_bytes,
    } = drained;
    info!(
        "drained: in_time={in_time} pinned_bytes={pinned_bytes} leaked_references={leaked_references}"
    );
    if leaked_references == 0 {
        Ok(())
    } else {
        Err(RunError::Leaked { leaked_references })
    }
}

fn run_engine(
    config: &Config,
    nics: &Nics,
    publisher: SnapshotPublisher,
    secrets: &Secrets,
    policies: Policies,
    shutdown: &ShutdownRequest,
) -> Result<Drained, RunError> {
    let core = config.engine().cores.first();
    if !core_affinity::set_for_current(CoreId { id: core }) {
        return Err(RunError::Pin(core));
    }
    let _thread = nics.register_thread()?;
    let (mut ports, arena) = nics.open(config)?;
    for port in &ports {
        info!("{}", port.description());
    }
    let mut cache = Cache::new(
        arena,
        CacheConfig {
            hash_seed: secrets.hash,
        },
    );
    await_canaries(&mut ports, &mut cache)?;
    for port in &mut ports {
        port.count_payload(cache.address_range());
    }
    let Policies { first, news } = policies;
    let expires_at = trust::expires_at(&first.trust);
    let gateway = Gateway::new(
        gateway_config(config, first.exports),
        cache,
        Seeds {
            xid: secrets.xid,
            hash: secrets.hash,
        },
    );
    let security = if config.speaks_tls() {
        let slots = Slots::new(nics.record_memory(config, &ports)?);
        Some(security(config, first.trust, first.rekey, slots))
    } else {
        None
    };
    let mut engine = Engine::new(engine_config(config, &ports, secrets), gateway, security)?;
    let journal = open_journal(&config.control().socket, &mut engine);
    info!(
        "serving {}",
        config.port(config.listen().port).address.address()
    );
    let news = TrustNews {
        receiver: news,
        expires_at,
    };
    Ok(PollLoop::new(engine, ports, publisher, journal, news).run(config.engine().idle, shutdown))
}

/// Begins the journal of this run, and has the peers told that an earlier one left behind. Without a journal
/// clients are served all the same.
fn open_journal<R: net::RxBuffer>(
    socket: &Path,
    engine: &mut Engine<R>,
) -> Option<ConnectionJournal> {
    let path = journal::path_beside(socket);
    match ConnectionJournal::open(&path, engine.connection_slots()) {
        Ok((journal, forgotten)) => {
            let told = forgotten
                .iter()
                .filter(|connection| engine.probe_forgotten(connection, Duration::ZERO))
                .count();
            if told > 0 {
                info!("an earlier run did not end cleanly: resetting its {told} connections");
            }
            Some(journal)
        }
        Err(error) => {
            warn!(
                "{}: {error}; clients will not be told if this run is killed",
                path.display()
            );
            None
        }
    }
}

/// Sends a first frame on every port and waits until the device has let go of it.
fn await_canaries(ports: &mut [Nic], cache: &mut Cache) -> Result<(), NicError> {
    for port in ports {
        let canary = port.send_canary(cache)?;
        let sent = Instant::now();
        while !port.is_canary_gone(&canary) {
            if sent.elapsed() > limits::CANARY_TIMEOUT {
                return Err(NicError::Dead {
                    name: port.name().to_owned(),
                    seconds: limits::CANARY_TIMEOUT.as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

fn engine_config(config: &Config, nics: &[Nic], secrets: &Secrets) -> EngineConfig {
    let ports = config
        .ports()
        .iter()
        .zip(nics)
        .map(|(settings, nic)| net::Config {
            mac: nic.mac(),
            address: settings.address.address(),
            prefix_len: settings.address.prefix_len(),
            gateway: settings.gateway,
            mtu: settings.mtu,
            offload: nic.offload(),
            secret: secrets.sequence,
            limits: net::Limits {
                connections: config.limits().connections + limits::SPARE_CONNECTIONS,
                max_pieces: nic.max_pieces().min(net::limits::DEFAULT_MAX_PIECES),
                ..net::Limits::default()
            },
        });
    let listen = config.listen();
    let mut tcp_ports = vec![listen.nfs_port, listen.mount_port];
    if listen.portmap {
        tcp_ports.push(PORTMAP_PORT);
    }
    EngineConfig {
        ports: ports.collect(),
        listen: engine::Listen {
            port: listen.port.as_usize(),
            tcp_ports,
        },
        origin: engine::Origin {
            port: config.origin().port.as_usize(),
            address: config.origin().address,
            reserved_source_ports: config.origin().reserved_source_ports,
        },
    }
}

fn gateway_config(config: &Config, exports: Vec<Export>) -> GatewayConfig {
    let (listen, origin, limits) = (config.listen(), config.origin(), config.limits());
    let (security, mount_security) = match &origin.tls {
        None => (OriginSecurity::Clear, OriginSecurity::Clear),
        Some(tls) => {
            let security = match tls.mode {
                OriginTlsMode::Tls | OriginTlsMode::Mutual => OriginSecurity::StartTls,
                OriginTlsMode::Direct => OriginSecurity::Direct,
            };
            let of_mount = if tls.protects_mount {
                security
            } else {
                OriginSecurity::Clear
            };
            (security, of_mount)
        }
    };
    GatewayConfig {
        exports,
        origin: OriginConfig {
            security,
            mount_security,
            nfs_port: origin.nfs_port,
            mount_port: origin.mount_port,
            connections: usize::from(origin.connections),
            machine_name: "wirepage".to_owned(),
        },
        service: ServiceConfig {
            address: config.port(listen.port).address.address(),
            portmap_port: PORTMAP_PORT,
            mount_port: listen.mount_port,
            nfs_port: listen.nfs_port,
            nfs_security: listen.security,
            mount_security: listen.mount_security,
        },
        offers_tls: config.offers_tls(),
        max_io: gateway::limits::MAX_IO_BOUND,
        limits: gateway::Limits {
            clients: limits.connections,
            duplicates: limits.duplicates,
            client_idle: limits.client_idle,
            record_silence: limits.call_silence,
            record_time: limits.call_time,
            reply_stall: limits.reply_stall,
            ..gateway::Limits::default()
        },
    }
}

fn security(config: &Config, trust: Trust, rekey: RekeyPolicy, slots: Slots) -> Security {
    Security {
        server: trust.server,
        origin: trust.origin,
        admission: trust.admission,
        slots,
        rekey,
        sealing: config.engine().tx.sealing(),
    }
}

/// The sockets at which virtio-user ports wait for their backends.
fn server_sockets(config: &Config) -> impl Iterator<Item = &Path> {
    config
        .ports()
        .iter()
        .filter(|port| port.device.argument("server") == Some("1"))
        .filter_map(|port| port.device.backend_socket())
        .map(Path::new)
}

/// Sockets that a killed appliance left behind would make the EAL fail to bind.
fn remove_stale_sockets(config: &Config) {
    for path in server_sockets(config) {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
        if is_socket && UnixStream::connect(path).is_err() {
            // What cannot be removed the EAL will complain about.
            let _ = fs::remove_file(path);
        }
    }
}

/// The engine's rules when it starts, and where it hears of new ones.
struct Policies {
    first: Policy,
    news: Receiver<Policy>,
}

/// Random values that differ at every start.
struct Secrets {
    xid: u32,
    hash: [u8; 16],
    sequence: [u8; 16],
}

impl Secrets {
    fn draw() -> io::Result<Self> {
        let mut source = File::open("/dev/urandom")?;
        let (mut xid, mut hash, mut sequence) = ([0; 4], [0; 16], [0; 16]);
        for bytes in [&mut xid[..], &mut hash, &mut sequence] {
            source.read_exact(bytes)?;
        }
        Ok(Self {
            xid: u32::from_ne_bytes(xid),
            hash,
            sequence,
        })
    }
}
