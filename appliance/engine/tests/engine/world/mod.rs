//! An engine between simulated clients and a simulated origin, under virtual time.

mod client;
mod crowd;
mod export;
mod faulty_memory;
mod host;
mod link;
pub mod operations;
mod origin;
pub mod rpc;
mod segment;
mod tunnel;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ptr::NonNull;
use std::time::Duration;

use cache::{Arena, Cache, CacheConfig, CacheStats, HeapMemory};
use engine::{Audit, Endpoints, Engine, EngineConfig, Listen, Security};
use gateway::{
    AcceptedSecurity, Cidr, Coherence, Export, Gateway, GatewayConfig, OriginConfig,
    OriginSecurity, Seeds, ServiceConfig, Squash,
};
use net::{Offload, RxChecksums};

pub use client::Client;
pub use crowd::Crowd;
pub use faulty_memory::overwrite_block;
pub use host::Host;
pub use link::{Link, Random, random_loss};
pub use origin::{Cut, NewTunnel, Origin, Protection};
pub use segment::{HeapSegment, segments};
pub use tunnel::Tunnel;
pub use wire::{HeldWire, Sent, Wire};

/// What the origin exports.
pub const EXPORT: &str = "/export";

/// The engine's ports, as indices.
pub const CLIENT_PORT: usize = 0;
pub const ORIGIN_PORT: usize = 1;

/// Bytes of a block, as by default.
pub const BLOCK: usize = 64 * 1024;

const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 1, 1), Ipv4Addr::new(10, 77, 2, 1)];
const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 2, 1]];

/// Long enough for everything that is under way on a clean link, delayed
/// acknowledgements included, and shorter than any time-out that gives up.
pub const SOON: Duration = Duration::from_secs(1);

/// Virtual time after which something that was waited for will not come: longer than
/// TCP tries before it gives a connection up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Turns at one instant after which the engine must have run out of things to do.
const TURNS_PER_INSTANT: usize = 10_000;

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Blocks of the cache.
    pub blocks: usize,
    /// What the engine's NICs do for it.
    pub offload: Offload,
    /// Client connections there may be.
    pub connections: usize,
    /// How connections to the export must be protected.
    pub security: AcceptedSecurity,
    /// How connections must be protected for NFS at all.
    pub nfs_security: AcceptedSecurity,
    /// How the origin is asked to speak; its mount daemon speaks in clear.
    pub origin_security: OriginSecurity,
    /// What of the export is answered from the cache.
    pub coherence: Coherence,
    /// Files whose handles and attributes are remembered.
    pub files: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            blocks: 64,
            offload: Offload::default(),
            connections: 512,
            security: AcceptedSecurity::CLEAR,
            nfs_security: AcceptedSecurity::ANY,
            coherence: Coherence::Strict,
            files: gateway::Limits::default().files,
            origin_security: OriginSecurity::Clear,
        }
    }
}

impl Setup {
    /// The export, and its rules.
    pub fn export(&self) -> Export {
        Export {
            path: EXPORT.to_owned(),
            allow: Cidr::new(Ipv4Addr::new(10, 77, 1, 0), 24)
                .into_iter()
                .collect(),
            read_only: false,
            coherence: self.coherence,
            security: self.security,
            squash: Squash::Nobody,
            give_up: None,
        }
    }
}

/// Everything there is.
pub struct World<W: Wire> {
    pub now: Duration,
    pub engine: Engine<HeapSegment>,
    pub wires: [W; 2],
    pub links: [Link<W::Keep>; 2],
    pub clients: Vec<Client>,
    pub crowds: Vec<Crowd>,
    pub origin: Origin,
    /// What the engine had to log.
    pub audits: Vec<Audit>,
    /// What the peers' NICs say of the engine's frames.
    checksums: RxChecksums,
    /// Runs every piece of the engine's own work; whoever wants to measure it puts something around it.
    pub meter: fn(&mut dyn FnMut()),
}

/// A cache of `blocks` blocks on the heap.
pub fn heap_cache(blocks: usize) -> Cache {
    let memory = HeapMemory::allocate(blocks * BLOCK).expect("heap memory");
    let same = |address: NonNull<u8>| address.addr().get() as u64;
    let arena = Arena::new(Box::new(memory), BLOCK, &same).expect("an arena");
    Cache::new(arena, CacheConfig::default())
}

impl World<HeldWire> {
    pub fn new(setup: Setup) -> Self {
        let cache = heap_cache(setup.blocks);
        let wires = [HeldWire::new(&cache), HeldWire::new(&cache)];
        Self::over(wires, cache, setup)
    }

    /// The appliance is killed, nothing of what it held surviving, and starts again; what a journal would have
    /// had to tell of its connections.
    pub fn kill_engine(&mut self, setup: Setup) -> Vec<Endpoints> {
        let mut connections = BTreeMap::new();
        while let Some((slot, connection)) = self.engine.poll_connection_change() {
            connections.insert(slot, connection);
        }
        let cache = heap_cache(setup.blocks);
        self.links = [Link::default(), Link::default()];
        self.wires = [HeldWire::new(&cache), HeldWire::new(&cache)];
        self.engine = start_engine(cache, &setup, None);
        // The new one numbers its calls from the start.
        self.origin.digests.clear();
        connections.into_values().flatten().collect()
    }

    /// A world whose engine speaks TLS.
    pub fn secured(setup: Setup, security: Security) -> Self {
        let cache = heap_cache(setup.blocks);
        let wires = [HeldWire::new(&cache), HeldWire::new(&cache)];
        Self::over_secured(wires, cache, setup, Some(security))
    }
}

impl<W: Wire> World<W> {
    /// A world whose engine sends through `wires` what lies in `cache`.
    pub fn over(wires: [W; 2], cache: Cache, setup: Setup) -> Self {
        Self::over_secured(wires, cache, setup, None)
    }

    /// The same, with TLS if there is something to speak it with.
    pub fn over_secured(
        wires: [W; 2],
        cache: Cache,
        setup: Setup,
        security: Option<Security>,
    ) -> Self {
        let offload = setup.offload;
        let engine = start_engine(cache, &setup, security);
        // A NIC that cuts and sums leaves nothing for its receiver to verify, as on a
        // virtual link; otherwise the engine's own sums are verified.
        let sums = offload.tso.is_some();
        Self {
            now: Duration::from_secs(1),
            engine,
            wires,
            links: [Link::default(), Link::default()],
            clients: Vec::new(),
            crowds: Vec::new(),
            origin: Origin::new(),
            audits: Vec::new(),
            checksums: RxChecksums {
                ip_good: sums,
                l4_good: sums,
            },
            meter: |work| work(),
        }
    }

    /// Connects one more client and returns its number.
    pub fn connect(&mut self) -> usize {
        let number = self.begin_connecting();
        self.run_until("the connection", |world| world.clients[number].connected);
        number
    }

    /// One more connection from the address of `client`, as a client of its own.
    pub fn connect_twin(&mut self, client: usize) -> usize {
        let number = self.clients.len();
        let [id, twin] = [number, client].map(|number| u8::try_from(number).expect("few"));
        let server = SocketAddrV4::new(ADDRESSES[CLIENT_PORT], 2049);
        self.clients[client].shares_address = true;
        let mut connecting = Client::connect_from(id, twin, server, self.now);
        connecting.shares_address = true;
        self.clients.push(connecting);
        self.run_until("the connection", |world| world.clients[number].connected);
        number
    }

    /// One more client that sends its SYN; its number.
    pub fn begin_connecting(&mut self) -> usize {
        let number = self.clients.len();
        let server = SocketAddrV4::new(ADDRESSES[CLIENT_PORT], 2049);
        let id = u8::try_from(number).expect("few clients");
        self.clients.push(Client::connect(id, server, self.now));
        number
    }

    /// A client sends bytes that need not be a call.
    pub fn send_raw(&mut self, client: usize, bytes: &[u8]) {
        let Client {
            host, connection, ..
        } = &mut self.clients[client];
        host.send(*connection, bytes);
    }

    /// A machine with room for `capacity` connections; its number.
    pub fn add_crowd(&mut self, capacity: usize) -> usize {
        let number = self.crowds.len();
        let server = SocketAddrV4::new(ADDRESSES[CLIENT_PORT], 2049);
        let id = u8::try_from(number).expect("few crowds");
        self.crowds.push(Crowd::new(id, server, capacity));
        number
    }

    /// Connects every crowd anew `each` times, a few at a time; waits until all are connected or refused.
    pub fn connect_crowds(&mut self, each: usize) {
        const AT_A_TIME: usize = 8;
        for first in (0..each).step_by(AT_A_TIME) {
            let wanted = each.min(first + AT_A_TIME);
            for crowd in &mut self.crowds {
                (first..wanted).for_each(|_| crowd.connect(self.now));
            }
            let are_done = |crowd: &Crowd| crowd.connected >= wanted;
            self.run_until("the connections", |world| world.crowds.iter().all(are_done));
        }
    }

    /// A client resets its connection.
    pub fn reset(&mut self, client: usize) {
        let Client {
            host, connection, ..
        } = &mut self.clients[client];
        host.stack.abort(*connection);
    }

    /// A client closes its sending side, once its calls have left it.
    pub fn close(&mut self, client: usize) {
        self.turn();
        let Client {
            host, connection, ..
        } = &mut self.clients[client];
        host.stack.close(*connection, self.now);
    }

    /// Nobody holds anything that he should have given back.
    pub fn assert_at_rest(&mut self) {
        self.run_for(Duration::from_secs(1));
        let stats = self.engine.stats();
        let held = (stats.cache.pinned_blocks, stats.cache.wire_references);
        assert_eq!(held, (0, 0), "pins and wire references: {stats:#?}");
        assert_eq!(stats.cache.blocks_private, 0, "{stats:#?}");
        assert_eq!(stats.gateway.calls_in_flight, 0, "{stats:#?}");
        assert_eq!(stats.gateway.origin_calls_in_flight, 0, "{stats:#?}");
        assert_eq!(stats.gateway.charged_bytes, 0, "{stats:#?}");
        assert_eq!(stats.stalled, 0, "{stats:#?}");
        let tls = stats.security;
        let held = (tls.slots_in_use, tls.slot_wire_references);
        assert_eq!(held, (0, 0), "slots and wire references: {stats:#?}");
        assert_eq!(tls.handshakes_under_way, 0, "{stats:#?}");
    }

    /// Ends the engine and hands back the cache, with nothing in the air.
    pub fn end(mut self) -> Cache {
        self.engine.close_all(self.now);
        self.turn();
        self.engine.into_memory().0
    }

    pub fn cache(&self) -> CacheStats {
        self.engine.stats().cache
    }

    /// Lets things happen until `done`; fails the test when it takes too long.
    pub fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + PATIENCE;
        loop {
            self.turn();
            if done(self) {
                return;
            }
            assert!(
                self.now < end,
                "{what} does not come; {:#?}",
                self.engine.stats()
            );
            self.now = self.next().unwrap_or(end).max(self.now).min(end);
        }
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.turn();
            match self.next() {
                Some(next) if next <= end => self.now = next.max(self.now),
                _ => break,
            }
        }
        self.now = end;
        self.turn();
    }

    /// Everything that is due now.
    pub fn turn(&mut self) {
        self.arrive();
        for client in &mut self.clients {
            client.advance(self.now);
        }
        for crowd in &mut self.crowds {
            crowd.advance(self.now);
        }
        self.origin.advance(self.now);
        self.transmit_hosts();
        for _ in 0..TURNS_PER_INSTANT {
            let mut busy = false;
            (self.meter)(&mut || busy = self.engine.advance(self.now));
            for port in 0..2 {
                busy |= self.transmit_engine(port);
            }
            self.audits
                .extend(std::iter::from_fn(|| self.engine.poll_audit()));
            if !busy {
                return;
            }
        }
        panic!("the engine never rests: {:#?}", self.engine.stats());
    }

    /// When something happens next; a little later than now at least, as no two turns
    /// of a real engine come at one instant.
    fn next(&self) -> Option<Duration> {
        let hosts = self.clients.iter().map(|client| &client.host);
        let crowds = self.crowds.iter().map(|crowd| &crowd.host);
        let hosts = hosts.chain(crowds).chain([&self.origin.host]);
        hosts
            .filter_map(|host| host.stack.poll_timeout())
            .chain(self.links.iter().filter_map(Link::next))
            .chain(self.engine.poll_timeout())
            .min()
            .map(|next| next.max(self.now + Duration::from_micros(1)))
    }

    fn arrive(&mut self) {
        let now = self.now;
        for port in 0..2 {
            while let Some(frame) = self.links[port].to_engine.arrive(now) {
                let (head, tail) = segments(&frame);
                let checksums = RxChecksums::default();
                let mut pieces = Some((head, tail.into_iter()));
                (self.meter)(&mut || {
                    let (head, tail) = pieces.take().expect("once");
                    self.engine.handle_frame(port, head, tail, checksums, now);
                });
            }
        }
        while let Some(frame) = self.links[CLIENT_PORT].from_engine.arrive(now) {
            for client in self.clients.iter_mut().filter(|client| !client.unplugged) {
                if client.takes(&frame) {
                    client.host.handle_frame(&frame, self.checksums, now);
                }
            }
            for Crowd { host, .. } in &mut self.crowds {
                if host.takes(&frame) {
                    host.handle_frame(&frame, self.checksums, now);
                }
            }
        }
        while let Some(frame) = self.links[ORIGIN_PORT].from_engine.arrive(now) {
            self.origin.host.handle_frame(&frame, self.checksums, now);
        }
    }

    fn transmit_hosts(&mut self) {
        let now = self.now;
        for client in &mut self.clients {
            let frames = client.host.transmit(now);
            if !client.unplugged {
                for frame in frames {
                    self.links[CLIENT_PORT].to_engine.carry(now, frame, vec![]);
                }
            }
        }
        for crowd in &mut self.crowds {
            for frame in crowd.host.transmit(now) {
                self.links[CLIENT_PORT].to_engine.carry(now, frame, vec![]);
            }
        }
        for frame in self.origin.host.transmit(now) {
            self.links[ORIGIN_PORT].to_engine.carry(now, frame, vec![]);
        }
    }

    /// Whether any frame left.
    fn transmit_engine(&mut self, port: usize) -> bool {
        let wire = &mut self.wires[port];
        (self.meter)(&mut || self.engine.poll_transmit(port, self.now, wire.sink()));
        let sent = wire.take();
        let any = !sent.is_empty();
        for Sent { bytes, keeps } in sent {
            self.links[port].from_engine.carry(self.now, bytes, keeps);
        }
        any
    }
}

fn start_engine(cache: Cache, setup: &Setup, security: Option<Security>) -> Engine<HeapSegment> {
    let offers_tls = security.as_ref().is_some_and(|tls| tls.server.is_some());
    let seeds = Seeds {
        xid: 0x5000_0000,
        hash: [3; 16],
    };
    let gateway = Gateway::new(gateway_config(setup, offers_tls), cache, seeds);
    let mut engine = Engine::new(engine_config(setup), gateway, security).expect("a valid engine");
    engine.announce();
    engine
}

fn engine_config(setup: &Setup) -> EngineConfig {
    let port = |index: usize| net::Config {
        mac: MACS[index],
        address: ADDRESSES[index],
        prefix_len: 24,
        gateway: None,
        mtu: 1500,
        offload: setup.offload,
        secret: [5; 16],
        limits: net::Limits {
            connections: setup.connections + 512,
            ..net::Limits::default()
        },
    };
    EngineConfig {
        ports: vec![port(CLIENT_PORT), port(ORIGIN_PORT)],
        listen: Listen {
            port: CLIENT_PORT,
            tcp_ports: vec![2049],
        },
        origin: engine::Origin {
            port: ORIGIN_PORT,
            address: origin::ADDRESS,
            reserved_source_ports: true,
        },
    }
}

fn gateway_config(setup: &Setup, offers_tls: bool) -> GatewayConfig {
    GatewayConfig {
        exports: vec![setup.export()],
        origin: OriginConfig {
            security: setup.origin_security,
            mount_security: OriginSecurity::Clear,
            nfs_port: 2049,
            mount_port: Some(20048),
            connections: 2,
            machine_name: "wirepage".to_owned(),
        },
        service: ServiceConfig {
            address: ADDRESSES[CLIENT_PORT],
            portmap_port: 111,
            mount_port: 20048,
            nfs_port: 2049,
            nfs_security: setup.nfs_security,
            mount_security: AcceptedSecurity::ANY,
        },
        offers_tls,
        max_io: gateway::limits::MAX_IO_BOUND,
        limits: gateway::Limits {
            clients: setup.connections,
            files: setup.files,
            handles: gateway::Limits::default().handles.max(setup.files),
            ..gateway::Limits::default()
        },
    }
}
