//! The engine's world with real mbufs under it: every frame goes through a `Transmitter`
//! into a ring that gives the very same mbufs back, as a NIC and a cable would.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses a part of it"
)]

#[path = "../../engine/tests/engine/world/mod.rs"]
pub mod world;

use std::ops::Range;

use cache::{Cache, CacheConfig, Slots};
use engine::{Admission, Rekey, RekeyPolicy, Security, TxBytes};
use net::{FrameSink, RxBuffer, TxFrame};
use wirepage::config::{Config, Machine};
use wirepage::limits;
use wirepage::nic::{Nic, Nics, RxSegment};
use world::{Sent, Setup, Wire, World};

/// Two loopback rings in ordinary pages, so that any machine with DPDK can run it.
pub fn config(tx: &str) -> Config {
    parse(tx, "none", "")
}

/// The same, with TLS for the clients. The files it names are not read.
pub fn secure_config(tx: &str) -> Config {
    let tls = "certificate = \"/dev/null\"\nkey = \"/dev/null\"\nrecord_memory_mib = 4";
    parse(tx, "tls", &format!("[tls]\n{tls}"))
}

fn parse(tx: &str, security: &str, tls: &str) -> Config {
    let text = format!(
        r#"
[eal]
hugepages = false
log_level = "error"
[engine]
cores = [0]
tx = "{tx}"
[cache]
size_mib = 4
[[port]]
name = "client"
device = "net_ring0"
address = "10.77.1.1/24"
[[port]]
name = "origin"
device = "net_ring1"
address = "10.77.2.1/24"
[listen]
port = "client"
[origin]
port = "origin"
address = "10.77.2.2"
mount_port = 20048
[[export]]
path = "/export"
security = "{security}"
clients = ["10.77.1.0/24"]
{tls}
"#
    );
    Config::parse(&text, "test", &Machine::with_cores([0])).expect("a valid configuration")
}

/// A world on the ports of `nics`.
pub fn world(nics: &Nics, config: &Config) -> World<RingWire> {
    secure_world(nics, config, None)
}

/// The same, whose engine speaks TLS with its clients if it is told how.
pub fn secure_world(
    nics: &Nics,
    config: &Config,
    server: Option<tls::ServerConfig>,
) -> World<RingWire> {
    let (ports, arena) = nics.open(config).expect("ports and an arena");
    let mut records = 0..0;
    let security = server.map(|server| {
        let memory = nics.record_memory(config, &ports).expect("an arena");
        records = memory.address_range();
        Security {
            server: Some(server),
            origin: None,
            admission: vec![Admission::default()],
            slots: Slots::new(memory),
            rekey: RekeyPolicy {
                clients: Rekey::Auto,
                origin: Rekey::Reconnect,
            },
            sealing: config.engine().tx.sealing(),
        }
    });
    let memory = arena.address_range();
    let cache = Cache::new(arena, CacheConfig::default());
    let offload = ports[0].offload();
    let wires: Vec<_> = ports
        .into_iter()
        .map(|nic| RingWire::new(nic, memory.clone(), records.clone()))
        .collect();
    let Ok(wires) = wires.try_into() else {
        panic!("two ports");
    };
    let setup = Setup {
        offload,
        security: config.exports()[0].security,
        ..Setup::default()
    };
    World::over_secured(wires, cache, setup, security)
}

/// One mbuf of a frame, as it was handed to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub address: usize,
    pub len: usize,
    pub is_external: bool,
}

/// The mbufs of one frame, header first.
#[derive(Clone, Debug)]
pub struct Frame {
    /// TCP sequence number of the payload's first byte.
    pub sequence: u32,
    /// Bytes of all headers.
    pub header_len: usize,
    pub segments: Vec<Segment>,
}

impl Frame {
    /// Where the frame's attached bytes lie: sequence number and address of each.
    pub fn attached(&self) -> impl Iterator<Item = (u32, usize)> {
        let mut offset = 0;
        self.segments.iter().flat_map(move |segment| {
            let start = offset;
            offset += segment.len;
            let attached = segment.is_external.then_some(0..segment.len);
            attached.unwrap_or_default().map(move |at| {
                let payload = u32::try_from(start + at - self.header_len).expect("a frame");
                (self.sequence.wrapping_add(payload), segment.address + at)
            })
        })
    }

    pub fn attached_len(&self) -> usize {
        self.attached().count()
    }

    pub fn payload_len(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.len)
            .sum::<usize>()
            - self.header_len
    }
}

/// A port whose ring gives back what was sent.
pub struct RingWire {
    pub nic: Nic,
    pub arena: Range<usize>,
    /// Where TLS records lie.
    pub records: Range<usize>,
    /// The TCP frames handed to the driver with payload, since last cleared.
    pub frames: Vec<Frame>,
    /// Whether the mbufs of what is sent are put aside instead of freed on arrival.
    pub holding: bool,
    held: Vec<RxSegment>,
    /// Runs the work of the port itself that the world does not meter.
    pub meter: fn(&mut dyn FnMut()),
    /// Runs what is the test's and not the port's.
    pub aside: fn(&mut dyn FnMut()),
}

impl RingWire {
    fn new(mut nic: Nic, arena: Range<usize>, records: Range<usize>) -> Self {
        nic.count_payload(arena.clone());
        Self {
            nic,
            arena,
            records,
            frames: Vec::new(),
            holding: false,
            held: Vec::new(),
            meter: |work| work(),
            aside: |work| work(),
        }
    }

    /// The bytes of all held mbufs whose memory is the arena's, as they are now, in
    /// order of sending.
    pub fn held_bytes(&self) -> Vec<u8> {
        self.held_bytes_of(&self.arena)
    }

    /// The same for those that lie in `memory`.
    pub fn held_bytes_of(&self, memory: &Range<usize>) -> Vec<u8> {
        let pieces = self.held.iter().map(RxBuffer::bytes);
        pieces
            .filter(|bytes| memory.contains(&bytes.as_ptr().addr()))
            .flatten()
            .copied()
            .collect()
    }

    /// Frees what was put aside, as a completion would.
    pub fn release(&mut self) {
        self.holding = false;
        self.held.clear();
    }
}

impl Wire for RingWire {
    type Sink = Self;
    type Keep = RxSegment;

    fn sink(&mut self) -> &mut Self {
        self
    }

    fn take(&mut self) -> Vec<Sent<RxSegment>> {
        (self.meter)(&mut || self.nic.transmitter().flush());
        assert!(
            self.nic.transmitter().waiting().is_empty(),
            "the ring is full"
        );
        let mut sent = Vec::new();
        let aside = self.aside;
        let mut receive = || {
            let mut received = 0;
            (self.meter)(&mut || {
                received = self.nic.receive(|head, tail, _| {
                    let mut pieces = Some(head).into_iter().chain(tail);
                    aside(&mut || sent.push(arrived(&mut pieces)));
                });
            });
            received
        };
        while receive() > 0 {}
        if self.holding {
            for frame in &mut sent {
                self.held.append(&mut frame.keeps);
            }
        }
        sent
    }
}

impl FrameSink<TxBytes> for RingWire {
    fn has_room(&self) -> bool {
        true
    }

    fn emit(&mut self, frame: TxFrame<'_, TxBytes>) {
        let header = frame.header;
        let has_payload = !frame.payload.is_empty();
        let transmitter = self.nic.transmitter();
        // A full batch would leave before it could be looked at.
        if transmitter.waiting().len() + 1 >= usize::from(limits::TX_BURST) {
            transmitter.flush();
        }
        transmitter.emit(frame);
        let mbuf = transmitter.waiting().last().expect("a frame was built");
        let frames = &mut self.frames;
        (self.aside)(&mut || {
            if !has_payload {
                return;
            }
            let sequence: [u8; 4] = header[38..42].try_into().expect("a TCP header");
            frames.push(Frame {
                sequence: u32::from_be_bytes(sequence),
                header_len: header.len(),
                segments: mbuf
                    .segments()
                    .map(|segment| Segment {
                        address: segment.data_address(),
                        len: segment.len(),
                        is_external: segment.is_external(),
                    })
                    .collect(),
            });
        });
    }
}

/// A frame as its receiver has it, with what keeps its memory.
fn arrived(pieces: &mut dyn Iterator<Item = RxSegment>) -> Sent<RxSegment> {
    let keeps: Vec<_> = pieces.collect();
    let bytes = keeps.iter().flat_map(|piece| piece.bytes().to_vec());
    Sent {
        bytes: bytes.collect(),
        keeps,
    }
}
