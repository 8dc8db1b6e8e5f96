//! An engine on two ports that free what they are to send, between scripted clients and
//! a scripted origin.

use std::net::Ipv4Addr;
use std::time::Duration;

use cache::{Cache, Slots};
use dpdk::{Mempool, Port};
use engine::{
    Admission, Engine, EngineConfig, Listen, OriginTls, Rekey, RekeyPolicy, Sealing, Security,
    TxBytes,
};
use gateway::{
    AcceptedSecurity, Cidr, Coherence, Gateway, GatewayConfig, OriginConfig, OriginSecurity, Seeds,
    ServiceConfig,
};
use net::{FrameSink, Offload, RxChecksums, TxBuffer as _, TxFrame};
use wirepage::config::engine::TxMode;
use wirepage::nic::Transmitter;

use super::client::Client;
use super::origin::Origin;
use super::rpc::{self, EXPORT};
use super::wire::{self, ACK, Conversation, Host, Received, SYN};
use crate::pki::Pki;
use crate::{Bed, BedError};

pub(super) const CLIENT_PORT: usize = 0;
pub(super) const ORIGIN_PORT: usize = 1;
pub(super) const NFS: u16 = 2049;

/// The engine's ports.
pub(super) const OURS: [Host; 2] = [host(1, 1), host(2, 1)];
/// The clients' machine and the origin.
pub(super) const THEIRS: [Host; 2] = [host(1, 2), host(2, 2)];

/// The NIC says that all sums are good.
const GOOD: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

/// Time from one turn to the next.
const TURN: Duration = Duration::from_micros(5);

/// Turns without end mean that the engine and a peer talk past each other.
const TURNS: usize = 100_000;

const fn host(link: u8, number: u8) -> Host {
    Host {
        mac: [2, 0, 0, 0, link, number],
        address: Ipv4Addr::new(10, 77, link, number),
    }
}

pub(super) struct Site {
    pub(super) engine: Engine<Received>,
    pub(super) transmitters: [Transmitter; 2],
    pub(super) pool: Mempool,
    pub(super) origin: Origin,
    /// Connections of the engine to the origin.
    pub(super) origin_ends: Vec<Conversation>,
    last_origin_xid: u32,
    last_client_port: u16,
    pub(super) now: Duration,
    /// Frames to the client and to the origin since they were last taken, as bytes of payload.
    pub(super) sent: [Vec<usize>; 2],
    _ports: [Port; 2],
}

impl Site {
    /// An engine whose NICs do `offload` and whose file fills its cache.
    pub(super) fn new(
        bed: &Bed,
        first_port: usize,
        cache: Cache,
        slots: Slots,
        offload: Offload,
        pki: &Pki,
    ) -> Result<Self, BedError> {
        let transmitter = |number| -> Result<_, BedError> {
            let (port, tx) = bed.null_port(number)?;
            let transmitter = Transmitter::new(tx, bed.builder(), TxMode::Attach);
            Ok((port, transmitter))
        };
        let (port, to_clients) = transmitter(first_port)?;
        let (other, to_origin) = transmitter(first_port + 1)?;
        let mut transmitters = [to_clients, to_origin];
        for transmitter in &mut transmitters {
            transmitter.count_payload(cache.address_range());
        }
        // Leaves room for what is written.
        let size = (cache.block_count() * cache.block_size()) as u64 / 8 * 7;
        let seeds = Seeds {
            xid: 0x5000_0000,
            hash: [3; 16],
        };
        let gateway = Gateway::new(gateway_config(), cache, seeds);
        let security = Security {
            server: Some(pki.server.clone()),
            origin: None::<OriginTls>,
            admission: vec![Admission::default()],
            slots,
            rekey: RekeyPolicy {
                clients: Rekey::Auto,
                origin: Rekey::Reconnect,
            },
            sealing: Sealing::OutOfPlace,
        };
        let engine = Engine::new(engine_config(offload), gateway, Some(security));
        Ok(Self {
            engine: engine.expect("a valid engine"),
            transmitters,
            pool: bed.receive_pool().share(),
            origin: Origin { size },
            origin_ends: Vec::new(),
            last_origin_xid: 0,
            last_client_port: 700,
            now: Duration::from_secs(1),
            sent: [Vec::new(), Vec::new()],
            _ports: [port, other],
        })
    }

    /// One turn of the loop that owns an engine: what `frames` are is received, and what is
    /// due goes out through the real transmitter. Never inlined, so that profilers know it by its name.
    #[inline(never)]
    pub(super) fn turn(&mut self, frames: impl Iterator<Item = (usize, Received)>) {
        let mut frames = frames.peekable();
        while let Some((port, frame)) = frames.next() {
            if let Some((_, next)) = frames.peek() {
                next.prefetch();
            }
            self.engine
                .handle_frame(port, frame, std::iter::empty(), GOOD, self.now);
        }
        self.engine.advance(self.now);
        for (port, transmitter) in self.transmitters.iter_mut().enumerate() {
            self.engine.poll_transmit(port, self.now, transmitter);
            transmitter.flush();
        }
        self.now += TURN;
    }

    /// Lets the engine and the peers talk until nobody has anything to say.
    pub(super) fn settle(&mut self, client: &mut Client) {
        let mut inbound = Vec::new();
        for _ in 0..TURNS {
            inbound.extend(
                client
                    .output()
                    .into_iter()
                    .map(|frame| (CLIENT_PORT, frame)),
            );
            let mut frames = std::mem::take(&mut inbound);
            for (port, frame) in frames.drain(..) {
                let frame = Received::new(&self.pool, &frame);
                self.engine
                    .handle_frame(port, frame, std::iter::empty(), GOOD, self.now);
            }
            self.engine.advance(self.now);
            let mut is_quiet = true;
            for port in [CLIENT_PORT, ORIGIN_PORT] {
                let mut capture = Capture::default();
                self.engine.poll_transmit(port, self.now, &mut capture);
                for (frame, payload) in capture.frames {
                    is_quiet = false;
                    self.sent[port].extend((payload > 0).then_some(payload));
                    let answer = if port == CLIENT_PORT {
                        client.take(&frame).into_iter().collect()
                    } else {
                        self.answer_as_origin(&frame)
                    };
                    inbound.extend(answer.into_iter().map(|frame| (port, frame)));
                }
            }
            self.now += TURN;
            if is_quiet && inbound.is_empty() && !client.has_output() {
                return;
            }
        }
        panic!("no end of talk: {:#?}", self.engine.stats());
    }

    /// A port for one more client.
    pub(super) fn next_client_port(&mut self) -> u16 {
        self.last_client_port += 1;
        self.last_client_port
    }

    /// The xid of the engine's next call to the origin.
    pub(super) fn next_origin_xid(&mut self) -> u32 {
        self.last_origin_xid = self.last_origin_xid.wrapping_add(1);
        self.last_origin_xid
    }

    fn answer_as_origin(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        let (us, them) = (THEIRS[ORIGIN_PORT], OURS[ORIGIN_PORT]);
        if let Some(answer) = wire::answer_arp(us, frame) {
            return vec![answer];
        }
        let Some((from, to, flags)) = wire::ports(frame) else {
            return Vec::new();
        };
        if flags == SYN {
            let mut end = Conversation::new((us, to), (them, from));
            end.take(frame);
            let answer = end.open(SYN | ACK);
            self.origin_ends.push(end);
            return vec![answer];
        }
        let end = self.origin_ends.iter_mut().find(|end| end.takes(frame));
        let end = end.expect("a connection of the engine");
        if !end.take(frame) {
            return Vec::new();
        }
        let mut answer = Vec::new();
        while let Some(call) = rpc::take_call(&mut end.arrived) {
            self.last_origin_xid = call.xid;
            let reply = self.origin.serve(&call);
            answer.extend(end.segments(&reply));
        }
        if answer.is_empty() {
            answer.push(end.segment(&[]));
        }
        answer
    }
}

/// Takes frames apart instead of sending them.
#[derive(Default)]
struct Capture {
    /// With the bytes of their payload.
    frames: Vec<(Vec<u8>, usize)>,
}

impl FrameSink<TxBytes> for Capture {
    fn has_room(&self) -> bool {
        true
    }

    fn emit(&mut self, frame: TxFrame<'_, TxBytes>) {
        let mut bytes = frame.header.to_vec();
        for piece in frame.payload {
            bytes.extend_from_slice(&piece.buffer.bytes()[piece.range.clone()]);
        }
        let payload = bytes.len() - frame.header.len();
        self.frames.push((bytes, payload));
    }
}

fn engine_config(offload: Offload) -> EngineConfig {
    let port = |index: usize| net::Config {
        mac: OURS[index].mac,
        address: OURS[index].address,
        prefix_len: 24,
        gateway: None,
        mtu: 1500,
        offload,
        secret: [5; 16],
        limits: net::Limits::default(),
    };
    EngineConfig {
        ports: vec![port(CLIENT_PORT), port(ORIGIN_PORT)],
        listen: Listen {
            port: CLIENT_PORT,
            tcp_ports: vec![NFS],
        },
        origin: engine::Origin {
            port: ORIGIN_PORT,
            address: THEIRS[ORIGIN_PORT].address,
            reserved_source_ports: true,
        },
    }
}

fn gateway_config() -> GatewayConfig {
    GatewayConfig {
        exports: vec![gateway::Export {
            path: EXPORT.to_owned(),
            allow: Cidr::new(THEIRS[CLIENT_PORT].address, 24)
                .into_iter()
                .collect(),
            read_only: false,
            coherence: Coherence::Immutable,
            security: AcceptedSecurity {
                direct: true,
                ..AcceptedSecurity::CLEAR
            },
            squash: gateway::Squash::Nobody,
            give_up: None,
        }],
        origin: OriginConfig {
            security: OriginSecurity::Clear,
            mount_security: OriginSecurity::Clear,
            nfs_port: NFS,
            mount_port: Some(NFS),
            connections: 1,
            machine_name: "wirepage".to_owned(),
        },
        service: ServiceConfig {
            address: OURS[CLIENT_PORT].address,
            portmap_port: 111,
            mount_port: NFS,
            nfs_port: NFS,
            nfs_security: AcceptedSecurity::ANY,
            mount_security: AcceptedSecurity::ANY,
        },
        offers_tls: true,
        max_io: gateway::limits::MAX_IO_BOUND,
        limits: gateway::Limits::default(),
    }
}
