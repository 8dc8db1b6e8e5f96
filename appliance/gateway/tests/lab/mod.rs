//! A gateway between clients and an origin, all in memory and under the test's control.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod attack;
pub mod origin;
pub mod repeats;
pub mod xdr;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use cache::{Arena, Cache, CacheConfig, HeapMemory};
use gateway::{
    AcceptedSecurity, Action, Cidr, ClientId, ClientInfo, Coherence, ConnectionError, Export,
    Gateway, GatewayConfig, Limits, Message, OriginConfig, OriginId, Payload, Seeds, ServiceConfig,
};
use origin::{Call, Origin, ROOT, handle};
use xdr::{In, Out, record};

pub const BLOCK: usize = 64 * 1024;

pub const READ: u32 = 6;
pub const WRITE: u32 = 7;

/// A call that waits at the origin.
#[derive(Debug)]
pub struct Pending {
    pub link: OriginId,
    pub call: Call,
}

/// A reply on its way back from the origin.
#[derive(Debug)]
pub struct Reply {
    pub link: OriginId,
    pub bytes: Vec<u8>,
}

/// What a client got back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(pub Vec<u8>);

pub struct Lab {
    pub gateway: Gateway,
    pub origin: Origin,
    pub now: Duration,
    /// Bytes a client has received, record by record.
    pub received: BTreeMap<u64, Vec<u8>>,
    pub closed: Vec<ClientId>,
    pub links: BTreeMap<OriginId, u16>,
    /// Calls the origin has not executed.
    pub pending: VecDeque<Pending>,
    /// All records ever sent to the origin.
    pub sent: Vec<(OriginId, Vec<u8>)>,
    /// Which calls the origin leaves lying.
    pub hold: fn(&Call) -> bool,
    pub origin_is_up: bool,
    /// Attempts to connect to the origin get no answer, while this is set, and are noted here.
    pub is_black_hole: bool,
    pub unanswered: Vec<(OriginId, u16)>,
    /// Messages for clients are kept here instead of being read, while this is set.
    pub keep_messages: bool,
    pub kept: Vec<(ClientId, Message)>,
    next_xid: u32,
}

pub struct Setup {
    pub blocks: usize,
    pub block_size: usize,
    pub limits: Limits,
    pub exports: Vec<Export>,
    pub connections: usize,
    pub mount_port: Option<u16>,
    /// How connections must be protected for NFS at all, and for MOUNT.
    pub listen: [AcceptedSecurity; 2],
}

pub fn export(path: &str) -> Export {
    Export {
        path: path.into(),
        allow: vec![Cidr::new(Ipv4Addr::new(10, 0, 0, 0), 8).unwrap()],
        read_only: false,
        coherence: Coherence::Strict,
        security: AcceptedSecurity::CLEAR,
        squash: gateway::Squash::Nobody,
        give_up: None,
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            blocks: 64,
            block_size: BLOCK,
            limits: Limits::default(),
            exports: vec![export("/export")],
            connections: 2,
            mount_port: Some(20_048),
            listen: [AcceptedSecurity::ANY; 2],
        }
    }
}

pub fn cache(blocks: usize, block_size: usize) -> Cache {
    let memory = HeapMemory::allocate(blocks * block_size).unwrap();
    let arena = Arena::new(Box::new(memory), block_size, &|address| {
        address.addr().get() as u64
    })
    .unwrap();
    Cache::new(arena, CacheConfig { hash_seed: [9; 16] })
}

impl Setup {
    pub fn build(self) -> Lab {
        let config = GatewayConfig {
            exports: self.exports,
            origin: OriginConfig {
                security: gateway::OriginSecurity::Clear,
                mount_security: gateway::OriginSecurity::Clear,
                nfs_port: 2049,
                mount_port: self.mount_port,
                connections: self.connections,
                machine_name: "gateway".into(),
            },
            service: ServiceConfig {
                address: Ipv4Addr::new(10, 0, 0, 1),
                portmap_port: 111,
                mount_port: 2049,
                nfs_port: 2049,
                nfs_security: self.listen[0],
                mount_security: self.listen[1],
            },
            offers_tls: false,
            max_io: 1 << 20,
            limits: self.limits,
        };
        let seeds = Seeds {
            xid: 0x7700_0000,
            hash: [5; 16],
        };
        let cache = cache(self.blocks, self.block_size);
        Lab {
            gateway: Gateway::new(config, cache, seeds),
            origin: Origin::new(),
            now: Duration::ZERO,
            received: BTreeMap::new(),
            closed: Vec::new(),
            links: BTreeMap::new(),
            pending: VecDeque::new(),
            sent: Vec::new(),
            hold: |_| false,
            origin_is_up: true,
            is_black_hole: false,
            unanswered: Vec::new(),
            keep_messages: false,
            kept: Vec::new(),
            next_xid: 1,
        }
    }

    /// Built, connected to the origin, with two clients.
    pub fn start(self) -> Lab {
        let mut lab = self.build();
        lab.tick(Duration::ZERO);
        lab.connect(1, Ipv4Addr::new(10, 0, 0, 7));
        lab.connect(2, Ipv4Addr::new(10, 0, 0, 8));
        lab.run();
        lab
    }
}

pub fn message_bytes(mut message: Message) -> Vec<u8> {
    let len = message.len();
    let mut bytes = Vec::new();
    // In odd pieces, as a window would take them.
    while let Some(part) = message.take(1000) {
        bytes.extend_from_slice(part.bytes());
    }
    assert_eq!(
        bytes.len(),
        len,
        "the message's length is that of its parts"
    );
    bytes
}

impl Lab {
    pub fn start() -> Self {
        Setup::default().start()
    }

    pub fn connect(&mut self, client: u64, address: Ipv4Addr) {
        let info = ClientInfo {
            peer: SocketAddrV4::new(address, 900 + client as u16),
            local_port: 2049,
        };
        self.gateway.client_opened(ClientId(client), info, self.now);
        self.received.insert(client, Vec::new());
    }

    pub fn tick(&mut self, time: Duration) {
        self.now += time;
        self.gateway.handle_timeout(self.now);
        self.run();
    }

    /// Lets time pass as it does, second by second.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick(Duration::from_secs(1));
        }
    }

    /// Does what the gateway asks until it asks for nothing more and the origin has nothing to do.
    pub fn run(&mut self) {
        loop {
            self.act();
            let next = self
                .pending
                .iter()
                .position(|pending| !(self.hold)(&pending.call));
            let Some(next) = next else {
                break;
            };
            let reply = self.execute(next);
            self.deliver(&reply);
        }
    }

    /// Does what the gateway asks; the origin does nothing.
    pub fn act(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::SecureClient { .. } | Action::SecureOrigin { .. } => {
                    unreachable!("TLS is not offered here")
                }
                Action::OpenOrigin { origin, port } => {
                    if self.is_black_hole {
                        self.unanswered.push((origin, port));
                    } else if self.origin_is_up {
                        self.links.insert(origin, port);
                        self.gateway.origin_opened(origin, self.now);
                    } else {
                        self.gateway.origin_closed(origin, self.now);
                    }
                }
                Action::CloseOrigin { origin } | Action::ResetOrigin { origin } => {
                    self.links.remove(&origin);
                    self.pending.retain(|pending| pending.link != origin);
                }
                Action::SendToOrigin { origin, message } => {
                    let bytes = message_bytes(message);
                    assert!(
                        self.links.contains_key(&origin),
                        "sent on an open connection"
                    );
                    let mark = u32::from_be_bytes(bytes[..4].try_into().unwrap());
                    assert_eq!(mark as usize, 0x8000_0000 | (bytes.len() - 4));
                    self.sent.push((origin, bytes.clone()));
                    self.pending.push_back(Pending {
                        link: origin,
                        call: Call::parse(&bytes[4..]),
                    });
                }
                Action::SendToClient { client, message } => {
                    if self.keep_messages {
                        self.kept.push((client, message));
                    } else {
                        let bytes = message_bytes(message);
                        self.received.get_mut(&client.0).unwrap().extend(bytes);
                    }
                }
                Action::CloseClient { client } | Action::ResetClient { client } => {
                    self.closed.push(client);
                }
            }
        }
    }

    /// Lets the origin execute one of the pending calls.
    pub fn execute(&mut self, index: usize) -> Reply {
        let pending = self.pending.remove(index).unwrap();
        Reply {
            link: pending.link,
            bytes: self.origin.execute(&pending.call),
        }
    }

    pub fn deliver(&mut self, reply: &Reply) {
        let bytes = record(&reply.bytes);
        self.deliver_bytes(reply.link, &bytes).unwrap();
    }

    /// Gives the gateway bytes from the origin, as often as it takes.
    pub fn deliver_bytes(&mut self, link: OriginId, bytes: &[u8]) -> Result<(), ConnectionError> {
        let mut given = 0;
        while given < bytes.len() {
            let taken = self.gateway.origin_bytes(link, &bytes[given..], self.now)?;
            given += taken;
            self.act();
            assert!(taken > 0, "replies are always taken here");
        }
        Ok(())
    }

    /// The connection breaks: what the origin had not answered is lost to it.
    pub fn break_link(&mut self, link: OriginId) {
        self.links.remove(&link);
        self.pending.retain(|pending| pending.link != link);
        self.gateway.origin_closed(link, self.now);
        self.act();
    }

    pub fn nfs_links(&self) -> Vec<OriginId> {
        let nfs = self.links.iter().filter(|(_, port)| **port == 2049);
        nfs.map(|(link, _)| *link).collect()
    }

    pub fn call_bytes(
        &mut self,
        program: u32,
        version: u32,
        procedure: u32,
        uid: u32,
        args: &[u8],
    ) -> (u32, Vec<u8>) {
        let xid = self.next_xid;
        self.next_xid += 1;
        let credential = Out::new()
            .u32(xid)
            .opaque(b"client")
            .u32(uid)
            .u32(uid)
            .u32(0)
            .0;
        let call = Out::new()
            .u32(xid)
            .u32(0)
            .u32(2)
            .u32(program)
            .u32(version)
            .u32(procedure)
            .u32(1)
            .opaque(&credential)
            .u32(0)
            .u32(0)
            .raw(args);
        (xid, call.0)
    }

    /// Sends a call of NFSv3 and gives its xid.
    pub fn send(&mut self, client: u64, procedure: u32, args: &[u8]) -> u32 {
        self.send_as(client, 0, procedure, args)
    }

    pub fn send_as(&mut self, client: u64, uid: u32, procedure: u32, args: &[u8]) -> u32 {
        let (xid, call) = self.call_bytes(100_003, 3, procedure, uid, args);
        let left = self.offer(client, &record(&call));
        assert_eq!(left, 0, "the call is taken in whole");
        xid
    }

    /// Offers bytes once and tells how many were left.
    pub fn offer(&mut self, client: u64, bytes: &[u8]) -> usize {
        let taken = self
            .gateway
            .client_bytes(ClientId(client), bytes, self.now)
            .expect("the connection is good");
        self.act();
        bytes.len() - taken
    }

    /// The results of a successful RPC reply to `xid`, if it has come.
    pub fn answer(&mut self, client: u64, xid: u32) -> Option<Answer> {
        let reply = self.reply(client, xid)?;
        assert_eq!(
            &reply[4..24],
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "success"
        );
        Some(Answer(reply[24..].to_vec()))
    }

    /// The whole reply to `xid`, if it has come.
    pub fn reply(&mut self, client: u64, xid: u32) -> Option<Vec<u8>> {
        let buffer = self.received.get_mut(&client).unwrap();
        let mut start = 0;
        while start < buffer.len() {
            let mark = u32::from_be_bytes(buffer[start..start + 4].try_into().unwrap());
            let end = start + 4 + (mark & 0x7fff_ffff) as usize;
            if buffer[start + 4..start + 8] == xid.to_be_bytes() {
                return Some(buffer.drain(start..end).skip(4).collect());
            }
            start = end;
        }
        None
    }

    /// Calls and waits for the results.
    pub fn call(&mut self, client: u64, procedure: u32, args: &[u8]) -> Answer {
        self.call_as(client, 0, procedure, args)
    }

    pub fn call_as(&mut self, client: u64, uid: u32, procedure: u32, args: &[u8]) -> Answer {
        let xid = self.send_as(client, uid, procedure, args);
        self.run();
        self.answer(client, xid).expect("answered")
    }

    /// Mounts and looks a file up.
    pub fn lookup(&mut self, client: u64, name: &str) -> Vec<u8> {
        let root = self.mount(client);
        let args = Out::new().opaque(&root).opaque(name.as_bytes()).0;
        let answer = self.call(client, 3, &args);
        let mut results = In(&answer.0);
        assert_eq!(results.u32(), 0, "found");
        results.opaque().to_vec()
    }

    pub fn mount(&mut self, client: u64) -> Vec<u8> {
        let args = Out::new().opaque(b"/export").0;
        let (xid, call) = self.call_bytes(100_005, 3, 1, 0, &args);
        assert_eq!(self.offer(client, &record(&call)), 0);
        self.run();
        let answer = self.answer(client, xid).expect("answered");
        let mut results = In(&answer.0);
        assert_eq!(results.u32(), 0, "mounted");
        results.opaque().to_vec()
    }

    pub fn add_file(&mut self, name: &str, data: &[u8]) -> u64 {
        self.origin.add_file(ROOT, name, data)
    }

    pub fn read(&mut self, client: u64, file: &[u8], offset: u64, count: u32) -> ReadAnswer {
        self.call(client, READ, &read_args(file, offset, count))
            .read()
    }

    /// Reads to the end of the file.
    pub fn read_all(&mut self, client: u64, file: &[u8], count: u32) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            let answer = self.read(client, file, data.len() as u64, count);
            assert_eq!(answer.status, 0);
            data.extend(&answer.data);
            if answer.end_of_file {
                return data;
            }
            assert!(!answer.data.is_empty(), "a read goes on");
        }
    }

    pub fn write(&mut self, client: u64, file: &[u8], offset: u64, data: &[u8]) -> WriteAnswer {
        self.call(client, WRITE, &write_args(file, offset, data))
            .write()
    }

    pub fn getattr(&mut self, client: u64, file: &[u8]) -> Answer {
        self.call(client, 1, &Out::new().opaque(file).0)
    }

    pub fn pinned(&self) -> usize {
        self.gateway.cache().pinned_bytes()
    }

    /// Nothing is held any more by anybody.
    pub fn assert_at_rest(&self) {
        assert_eq!(self.pinned(), 0, "no block is pinned");
        let stats = self.gateway.stats();
        assert_eq!(stats.calls_in_flight, 0);
        assert_eq!(stats.charged_bytes, 0);
        assert_eq!(stats.origin_calls_in_flight, 0);
        assert_eq!(stats.meta_buffers, 0, "every buffer came back");
        assert!(self.gateway.is_idle());
    }

    pub fn pending_of(&self, procedure: u32) -> Vec<usize> {
        let all = self.pending.iter().enumerate();
        all.filter(|(_, pending)| pending.call.is_nfs(procedure))
            .map(|(index, _)| index)
            .collect()
    }
}

pub fn read_args(file: &[u8], offset: u64, count: u32) -> Vec<u8> {
    Out::new().opaque(file).u64(offset).u32(count).0
}

pub fn write_args(file: &[u8], offset: u64, data: &[u8]) -> Vec<u8> {
    Out::new()
        .opaque(file)
        .u64(offset)
        .u32(data.len() as u32)
        .u32(2)
        .opaque(data)
        .0
}

/// What READ answered.
#[derive(Debug, PartialEq, Eq)]
pub struct ReadAnswer {
    pub status: u32,
    pub size: Option<u64>,
    pub data: Vec<u8>,
    pub end_of_file: bool,
}

/// What WRITE answered.
#[derive(Debug, PartialEq, Eq)]
pub struct WriteAnswer {
    pub status: u32,
    pub count: u32,
    pub committed: u32,
    pub verifier: u64,
}

fn post_op_size(results: &mut In<'_>) -> Option<u64> {
    (results.u32() == 1).then(|| {
        for _ in 0..5 {
            results.u32();
        }
        let size = results.u64();
        for _ in 0..14 {
            results.u32();
        }
        size
    })
}

impl Answer {
    pub fn status(&self) -> u32 {
        In(&self.0).u32()
    }

    pub fn read(&self) -> ReadAnswer {
        let mut results = In(&self.0);
        let status = results.u32();
        let size = post_op_size(&mut results);
        let mut answer = ReadAnswer {
            status,
            size,
            data: Vec::new(),
            end_of_file: false,
        };
        if status == 0 {
            let count = results.u32();
            answer.end_of_file = results.u32() == 1;
            answer.data = results.opaque().to_vec();
            assert_eq!(answer.data.len(), count as usize);
        }
        assert!(results.0.is_empty(), "nothing comes after the results");
        answer
    }

    pub fn write(&self) -> WriteAnswer {
        let mut results = In(&self.0);
        let status = results.u32();
        if results.u32() == 1 {
            for _ in 0..6 {
                results.u32();
            }
        }
        post_op_size(&mut results);
        let mut answer = WriteAnswer {
            status,
            count: 0,
            committed: 0,
            verifier: 0,
        };
        if status == 0 {
            answer.count = results.u32();
            answer.committed = results.u32();
            answer.verifier = results.u64();
        }
        assert!(results.0.is_empty(), "nothing comes after the results");
        answer
    }
}

/// Bytes that differ from place to place.
pub fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|at| (at / 7 + at % 251) as u8 ^ seed)
        .collect()
}

/// The pieces of a message that lie in cache blocks.
pub fn block_parts(message: &Message) -> usize {
    message
        .parts()
        .filter(|part| matches!(part, Payload::Block(_)))
        .count()
}

pub fn file_handle(id: u64) -> Vec<u8> {
    handle(id)
}
