//! A world whose engine offers TLS, and clients that take the offer; an origin that speaks it, if it is planned.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cache::{Arena, HeapMemory, Slots};
use engine::limits::{SLOT_SIZE, SLOTS_RESERVED};
use engine::{Admission, Outcome, Policy, Rekey, RekeyPolicy, Sealing, Security, Trust};
use gateway::AcceptedSecurity;
use nfs3_types::nfs3::{self, nfs_fh3};
use rustls::ClientConfig;

use crate::origin_side::{OriginPeers, OriginPlan};
use crate::peer::Peer;
use crate::world::rpc::encode_starttls;
use crate::world::{CLIENT_PORT, HeldWire, Setup, World};
use crate::{oracle, pki};

/// Long enough for everything that is under way on a clean link, and shorter than any time-out
/// that gives up.
pub const SOON: Duration = Duration::from_secs(1);

pub const TLS: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: true,
    mtls: false,
    direct: false,
};

pub const MTLS: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: false,
    mtls: true,
    direct: false,
};

/// What a lab is to be like.
pub struct Plan {
    pub pki: pki::World,
    pub setup: Setup,
    pub server: tls::ServerSettings,
    pub admission: Admission,
    /// Slots of transmit memory.
    pub slots: usize,
    pub rekey: Rekey,
    pub sealing: Sealing,
    /// `None`: the origin is spoken to in clear.
    pub origin: Option<OriginPlan>,
}

impl Plan {
    /// TLS is wanted, and a certificate is taken note of.
    pub fn new() -> Self {
        let pki = pki::World::new();
        Self {
            setup: Setup {
                security: TLS,
                ..Setup::default()
            },
            server: tls::ServerSettings {
                clients: tls::ClientCertificates::Optional(pki.authority.anchors()),
                ..pki.server_settings()
            },
            pki,
            admission: Admission::default(),
            slots: 1024,
            rekey: Rekey::Auto,
            sealing: Sealing::OutOfPlace,
            origin: None,
        }
    }

    pub fn begin(mut self) -> Lab {
        if let Some(origin) = &self.origin {
            self.setup.origin_security = origin.security;
        }
        let rekey = RekeyPolicy {
            clients: self.rekey,
            origin: self
                .origin
                .as_ref()
                .map_or(Rekey::Reconnect, |origin| origin.rekey),
        };
        let security = Security {
            server: Some(server(&self.server)),
            origin: self.origin.as_ref().map(OriginPlan::tls),
            admission: vec![self.admission.clone()],
            slots: heap_slots(self.slots),
            rekey,
            sealing: self.sealing,
        };
        let mut lab = Lab {
            setup: self.setup,
            rekey,
            world: World::secured(self.setup, security),
            pki: self.pki,
            settings: self.server,
            admission: self.admission,
            origin: self.origin,
            origin_peers: OriginPeers::default(),
        };
        lab.protect_origin();
        lab
    }
}

fn server(settings: &tls::ServerSettings) -> tls::ServerConfig {
    tls::ServerConfig::new(settings.clone()).expect("good settings")
}

/// So many slots on the heap, besides those that are reserved.
fn heap_slots(count: usize) -> Slots {
    let memory = HeapMemory::allocate((count + SLOTS_RESERVED) * SLOT_SIZE);
    let same = |address: NonNull<u8>| address.addr().get() as u64;
    let memory = Box::new(memory.expect("heap memory"));
    Slots::new(Arena::new(memory, SLOT_SIZE, &same).expect("an arena"))
}

/// A world whose engine offers TLS.
pub struct Lab {
    pub world: World<HeldWire>,
    /// The export's rules are in it.
    pub setup: Setup,
    pub rekey: RekeyPolicy,
    pub pki: pki::World,
    /// The server's, as it was begun with.
    pub settings: tls::ServerSettings,
    pub admission: Admission,
    /// What the origin is like, and what is wanted of it.
    pub origin: Option<OriginPlan>,
    /// The origin's ends of its connections so far.
    pub origin_peers: OriginPeers,
}

impl Lab {
    /// Client configuration without a certificate.
    pub fn anonymous(&self) -> Arc<ClientConfig> {
        Arc::new(oracle::client_config(&self.pki))
    }

    /// Client configuration with a certificate for `client.test`.
    pub fn named(&self) -> Arc<ClientConfig> {
        Arc::new(oracle::mutual_client_config(&self.pki))
    }

    /// A connected client that begins TLS with its first byte.
    pub fn begin_direct(&mut self, config: &Arc<ClientConfig>) -> (usize, Peer) {
        let client = self.world.connect();
        (client, self.begin_tls(client, config))
    }

    /// The client's handshake begins.
    pub fn begin_tls(&mut self, client: usize, config: &Arc<ClientConfig>) -> Peer {
        let peer = Peer::new(config);
        self.world.clients[client].secure(peer.clone());
        peer
    }

    /// A client that has begun TLS with its first byte.
    pub fn direct(&mut self, config: &Arc<ClientConfig>) -> (usize, Peer) {
        let (client, peer) = self.begin_direct(config);
        self.run_until_open(&peer);
        (client, peer)
    }

    /// A client that has asked first, as RFC 9289 has it.
    pub fn starttls(&mut self, config: &Arc<ClientConfig>) -> (usize, Peer) {
        let client = self.world.connect();
        self.probe(client);
        let peer = self.begin_tls(client, config);
        self.run_until_open(&peer);
        (client, peer)
    }

    /// A client asks for TLS and gets it.
    pub fn probe(&mut self, client: usize) {
        let xid = self.world.clients[client].probe((nfs3::PROGRAM, nfs3::VERSION, 0));
        let has_reply = |world: &World<_>| world.clients[client].has_reply(xid);
        self.world.run_until("the reply to the probe", has_reply);
        let record = self.world.clients[client].take_record(xid);
        assert_eq!(record.as_deref(), encode_starttls(xid).get(4..));
    }

    pub fn run_until_open(&mut self, peer: &Peer) {
        let peer = peer.clone();
        self.world.run_until("the handshake", |_| peer.is_open());
    }

    /// The client's connection ends, by our side or after it.
    pub fn run_until_closed(&mut self, client: usize) {
        let is_closed = |world: &World<_>| world.clients[client].closed.is_some();
        self.world.run_until("the end", is_closed);
    }

    /// Mounts on a connection and finds a file.
    pub fn find(&mut self, client: usize, name: &str) -> nfs_fh3 {
        let root = self.world.mount(client);
        self.world.lookup(client, &root, name)
    }

    /// Other certificates, anchors, lists and rules from now on.
    pub fn reload(&mut self) {
        let policy = Policy {
            trust: Trust {
                server: Some(server(&self.settings)),
                origin: self.origin.as_ref().map(OriginPlan::tls),
                admission: vec![self.admission.clone()],
            },
            exports: vec![self.setup.export()],
            rekey: self.rekey,
        };
        let done = self.world.engine.reload(policy, self.world.now);
        assert_eq!(done, Ok(()));
    }

    /// Keeps a copy of every frame the engine sends to its clients from now on.
    pub fn tap(&mut self) -> Frames {
        self.tap_port(CLIENT_PORT)
    }

    /// The same, of any port.
    pub fn tap_port(&mut self, port: usize) -> Frames {
        let frames = Frames::default();
        let tap = frames.clone();
        let record = move |frame: &[u8]| {
            tap.borrow_mut().push(frame.to_vec());
            false
        };
        self.world.links[port].from_engine.lose(record);
        frames
    }

    pub fn stats(&self) -> engine::SecurityStats {
        self.world.engine.stats().security
    }

    /// What was logged of a client's connections.
    pub fn outcomes(&self, client: usize) -> Vec<&Outcome> {
        let address = self.world.clients[client].host.address;
        let audits = self.world.audits.iter();
        audits
            .filter(|audit| !audit.is_origin && *audit.remote.ip() == address)
            .map(|audit| &audit.outcome)
            .collect()
    }
}

/// Frames as they were on the wire.
pub type Frames = Rc<RefCell<Vec<Vec<u8>>>>;

/// TCP's payload of a frame, with its sequence number.
pub fn segment(frame: &[u8]) -> Option<(u32, &[u8])> {
    if frame.get(12..14) != Some(&[8, 0]) || frame[23] != 6 {
        return None;
    }
    let ip = &frame[14..];
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let tcp = &ip[usize::from(ip[0] & 15) * 4..total];
    let sequence = u32::from_be_bytes(*tcp[4..].first_chunk().expect("a header"));
    Some((sequence, &tcp[usize::from(tcp[12] >> 4) * 4..]))
}

/// The stream that the frames carry, which came once and in order.
pub fn stream(frames: &Frames) -> Vec<u8> {
    let frames = frames.borrow();
    let segments = frames.iter().filter_map(|frame| segment(frame));
    segments.flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

/// Whether `needle` lies anywhere in `bytes`.
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
