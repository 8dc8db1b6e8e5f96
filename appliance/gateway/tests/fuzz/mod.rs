//! Streams of spoiled calls and spoiled replies, the same for the same script and seed.

mod corpus;
mod origin;
mod spoil;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use gateway::{
    Action, Cidr, ClientId, ClientInfo, Coherence, Export, Gateway, GatewayConfig, Limits, Message,
    OriginConfig, OriginId, Seeds, ServiceConfig,
};

use super::lab;
use corpus::Corpus;
use lab::origin::Call;
use lab::xdr::record;
use lab::{cache, message_bytes};
use spoil::Random;

/// Clients connected at a time, each with its own fortune.
const CLIENTS: u64 = 8;

/// Replies that are left lying at most, before they are read or their reader goes.
const UNREAD_MAX: usize = 40;

/// Calls that are left lying at the origin at most.
const HELD_MAX: usize = 60;

/// A gateway between spoilers.
pub struct Fuzz {
    pub gateway: Gateway,
    now: Duration,
    random: Random,
    corpus: Corpus,
    /// Connections of clients, oldest first.
    clients: Vec<ClientId>,
    last_client: u64,
    /// Replies that clients have not read, which pin what they refer to.
    unread: Vec<(ClientId, Message)>,
    links: BTreeMap<OriginId, u16>,
    held: VecDeque<(OriginId, Call)>,
    /// Whether the origin and the clients behave, for now.
    pub peaceful: bool,
    /// Records sent by clients, and replies by the origin.
    pub calls: u64,
    pub replies: u64,
    /// The last reply a peaceful client got.
    last_reply: Vec<u8>,
}

impl Fuzz {
    /// What happens is decided by `script`, then by what `seed` begins.
    pub fn new(script: Vec<u8>, seed: u64) -> Self {
        let mut fuzz = Self {
            gateway: Gateway::new(
                config(),
                cache(64, 4096),
                Seeds {
                    xid: 1,
                    hash: [7; 16],
                },
            ),
            now: Duration::ZERO,
            random: Random::new(script, seed),
            corpus: Corpus::new(),
            clients: Vec::new(),
            last_client: 0,
            unread: Vec::new(),
            links: BTreeMap::new(),
            held: VecDeque::new(),
            peaceful: true,
            calls: 0,
            replies: 0,
            last_reply: Vec::new(),
        };
        fuzz.pass_time(Duration::from_secs(1));
        fuzz.peaceful = false;
        fuzz
    }

    /// One more record from some client, and some of what follows from it.
    pub fn step(&mut self) {
        while self.clients.len() < usize::try_from(CLIENTS).expect("few") {
            let client = self.connect();
            if !self.clients.contains(&client) {
                // Every place is taken, by calls that wait for the origin perhaps.
                self.pass_time(Duration::from_secs(1));
            }
        }
        let at = self.random.below(self.clients.len());
        let client = self.clients[at];
        let stream = self.corpus.spoiled(&mut self.random);
        self.calls += 1;
        self.send(client, &stream);
        self.settle();
        match self.random.below(2000) {
            0 => self.disconnect(client),
            1 => {
                self.gateway.client_finished(client, self.now);
                self.settle();
            }
            2 => self.break_link(),
            3 => self.pass_time(Duration::from_secs(15)),
            4..50 => self.pass_time(Duration::from_millis(2)),
            _ => {}
        }
    }

    /// Whether there is more of the script.
    #[allow(dead_code, reason = "only fuzzers have one")]
    pub fn is_scripted(&self) -> bool {
        self.random.is_scripted()
    }

    /// Everybody behaves until nothing is under way: replies are read, calls answered, clients gone.
    pub fn make_peace(&mut self) {
        self.peaceful = true;
        self.unread = Vec::new();
        while let Some(client) = self.clients.first().copied() {
            self.disconnect(client);
        }
        while !self.links.is_empty() {
            self.break_link();
        }
        for _ in 0..10 {
            self.pass_time(Duration::from_secs(20));
        }
        self.held = VecDeque::new();
        self.last_reply = Vec::new();
        self.corpus.forget();
    }

    /// Nothing is under way, and nothing may be held.
    pub fn assert_at_rest(&self) {
        let stats = self.gateway.stats();
        let at = self.calls;
        assert_eq!(stats.calls_in_flight, 0, "after {at}: {stats:#?}");
        assert_eq!(stats.origin_calls_in_flight, 0, "after {at}: {stats:#?}");
        assert_eq!(stats.charged_bytes, 0, "after {at}: {stats:#?}");
        assert_eq!(stats.meta_buffers, 0, "after {at}: {stats:#?}");
        assert!(self.gateway.is_idle(), "after {at}");
        let cache = self.gateway.cache().stats();
        assert_eq!(cache.pinned_blocks, 0, "after {at}: {cache:#?}");
        assert_eq!(cache.wire_references, 0, "after {at}: {cache:#?}");
        assert_eq!(cache.blocks_private, 0, "after {at}: {cache:#?}");
    }

    /// A client that comes in peace reads a file that nobody has read before.
    pub fn assert_serves(&mut self) {
        let object = 500 + self.calls % 499;
        self.last_client = self.last_client / 4 * 4;
        let client = self.connect();
        let (offset, count) = (3000, 10_000);
        let call = corpus::read(object, offset, count);
        self.send(client, &record(&call));
        let data: Vec<u8> = (offset..offset + u64::from(count))
            .map(|at| origin::byte_at(object, at))
            .collect();
        assert!(
            self.last_reply.ends_with(&data),
            "after {} records",
            self.calls
        );
        self.disconnect(client);
    }

    fn connect(&mut self) -> ClientId {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        // From one of a few addresses, the last of which may not mount.
        let host = u8::try_from(self.last_client % 4).expect("small");
        let network = if host == 3 { 11 } else { 10 };
        let info = ClientInfo {
            peer: SocketAddrV4::new(Ipv4Addr::new(network, 0, 0, host), 700),
            local_port: 2049,
        };
        self.gateway.client_opened(client, info, self.now);
        self.clients.push(client);
        self.settle();
        client
    }

    fn disconnect(&mut self, client: ClientId) {
        self.clients.retain(|other| *other != client);
        self.unread.retain(|(to, _)| *to != client);
        self.gateway.client_closed(client, self.now);
        self.settle();
    }

    /// Offers a stream in pieces; what is not taken after a while is lost with its connection.
    fn send(&mut self, client: ClientId, mut stream: &[u8]) {
        let mut patience = 20;
        while !stream.is_empty() {
            let len = match self.random.below(8) {
                0 if !self.peaceful => 1 + self.random.below(stream.len()),
                _ => stream.len(),
            };
            match self.gateway.client_bytes(client, &stream[..len], self.now) {
                Err(_) => return self.disconnect(client),
                Ok(0) if patience == 0 => return self.disconnect(client),
                Ok(0) => {
                    patience -= 1;
                    self.unread.clear();
                    self.answer_all();
                    self.pass_time(Duration::from_millis(1));
                }
                Ok(taken) => {
                    stream = &stream[taken..];
                    self.settle();
                }
            }
            if !self.clients.contains(&client) {
                return;
            }
        }
    }

    fn pass_time(&mut self, time: Duration) {
        self.now += time;
        self.gateway.handle_timeout(self.now);
        self.settle();
    }

    /// Does what the gateway asks, and has the origin answer, now or later.
    fn settle(&mut self) {
        loop {
            self.act();
            let answers = self.peaceful || self.held.len() > HELD_MAX || self.random.below(4) > 0;
            if self.held.is_empty() || !answers {
                break;
            }
            self.answer_one();
        }
        if self.unread.len() > UNREAD_MAX {
            let read = self.random.below(self.unread.len());
            self.unread.truncate(read);
        }
    }

    fn answer_all(&mut self) {
        while !self.held.is_empty() {
            self.answer_one();
            self.act();
        }
    }

    /// The origin answers one of the calls that lie there, not always the first.
    fn answer_one(&mut self) {
        let at = if self.peaceful {
            0
        } else {
            self.random.below(self.held.len())
        };
        let Some((link, call)) = self.held.remove(at) else {
            return;
        };
        let reply = origin::execute(&call);
        let stream = if self.peaceful {
            record(&reply)
        } else {
            spoil::reply(reply, &mut self.random)
        };
        self.replies += 1;
        let mut rest = stream.as_slice();
        while !rest.is_empty() && self.links.contains_key(&link) {
            match self.gateway.origin_bytes(link, rest, self.now) {
                Ok(taken) if taken > 0 => rest = &rest[taken..],
                _ => self.lose(link),
            }
            self.act();
        }
    }

    fn break_link(&mut self) {
        let at = self.random.below(self.links.len().max(1));
        if let Some(link) = self.links.keys().nth(at).copied() {
            self.lose(link);
            self.settle();
        }
    }

    fn lose(&mut self, link: OriginId) {
        if self.links.remove(&link).is_some() {
            self.held.retain(|(of, _)| *of != link);
            self.gateway.origin_closed(link, self.now);
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::SecureClient { .. } | Action::SecureOrigin { .. } => {
                    unreachable!("TLS is not offered here")
                }
                Action::OpenOrigin { origin, port } => {
                    if self.peaceful || self.random.below(4) > 0 {
                        self.links.insert(origin, port);
                        self.gateway.origin_opened(origin, self.now);
                    } else {
                        self.gateway.origin_closed(origin, self.now);
                    }
                }
                Action::CloseOrigin { origin } | Action::ResetOrigin { origin } => {
                    self.links.remove(&origin);
                    self.held.retain(|(of, _)| *of != origin);
                }
                Action::SendToOrigin { origin, message } => {
                    assert!(
                        self.links.contains_key(&origin),
                        "sent on an open connection"
                    );
                    let bytes = whole_record(message);
                    // Only what is a call goes to the origin, whatever came in.
                    self.held.push_back((origin, Call::parse(&bytes)));
                }
                Action::SendToClient { client, message } => {
                    if self.peaceful {
                        self.last_reply = whole_record(message);
                    } else if self.random.below(3) == 0 {
                        self.unread.push((client, message));
                    } else {
                        whole_record(message);
                    }
                }
                Action::CloseClient { client } | Action::ResetClient { client } => {
                    self.clients.retain(|other| *other != client);
                    self.unread.retain(|(to, _)| *to != client);
                    self.gateway.client_closed(client, self.now);
                }
            }
        }
    }
}

/// The record in a message, which its mark describes.
fn whole_record(message: Message) -> Vec<u8> {
    let bytes = message_bytes(message);
    let (mark, record) = bytes.split_first_chunk().expect("a mark");
    let len = u32::try_from(record.len()).expect("a short record");
    assert_eq!(u32::from_be_bytes(*mark), 0x8000_0000 | len);
    record.to_vec()
}

/// Everything is small, so that every bound is met often.
fn config() -> GatewayConfig {
    let export = |path: &str, read_only| Export {
        path: path.into(),
        allow: Cidr::new(Ipv4Addr::new(10, 0, 0, 0), 8)
            .into_iter()
            .collect(),
        read_only,
        coherence: Coherence::Strict,
        security: gateway::AcceptedSecurity::CLEAR,
        squash: gateway::Squash::Nobody,
        give_up: None,
    };
    GatewayConfig {
        exports: vec![export("/export", false), export("/read-only", true)],
        origin: OriginConfig {
            security: gateway::OriginSecurity::Clear,
            mount_security: gateway::OriginSecurity::Clear,
            nfs_port: 2049,
            mount_port: None,
            connections: 2,
            machine_name: "gateway".into(),
        },
        service: ServiceConfig {
            address: Ipv4Addr::new(10, 0, 0, 1),
            portmap_port: 111,
            mount_port: 20_048,
            nfs_port: 2049,
            nfs_security: gateway::AcceptedSecurity::ANY,
            mount_security: gateway::AcceptedSecurity::ANY,
        },
        offers_tls: false,
        max_io: 1 << 20,
        limits: Limits {
            clients: 16,
            calls_per_client: 16,
            calls: 64,
            handles: 32,
            files: 16,
            verdicts: 16,
            mounts: 8,
            duplicates: 100,
            small_buffers: 300,
            large_buffers: 3,
            ..Limits::default()
        },
    }
}
