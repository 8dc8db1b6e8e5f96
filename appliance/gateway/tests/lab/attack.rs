//! A client that means harm, beside one that does not.

use std::net::{Ipv4Addr, SocketAddrV4};

use gateway::{ClientId, ClientInfo, ConnectionError};

use super::origin::Call;
use super::xdr::{In, Out, record};
use super::{Lab, Setup, pattern, read_args, write_args};

/// The ports of the appliance.
pub const PORTS: [u16; 3] = [111, 2049, 20_048];

/// Words of a reply after its xid: `MSG_ACCEPTED`, verifier `AUTH_NONE`, `accept_stat`.
pub const SUCCESS: [u32; 5] = [1, 0, 0, 0, 0];
pub const PROG_UNAVAIL: [u32; 5] = [1, 0, 0, 0, 1];
pub const PROC_UNAVAIL: [u32; 5] = [1, 0, 0, 0, 3];
pub const GARBAGE_ARGS: [u32; 5] = [1, 0, 0, 0, 4];

/// `MSG_DENIED`, `AUTH_ERROR`, `auth_stat`.
pub const BADCRED: [u32; 4] = [1, 1, 1, 1];
pub const REJECTEDCRED: [u32; 4] = [1, 1, 1, 2];
pub const BADVERF: [u32; 4] = [1, 1, 1, 3];
pub const TOOWEAK: [u32; 4] = [1, 1, 1, 5];

/// The client that means no harm.
const BYSTANDER: u64 = 2;

/// What came of an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The words of each reply, xid and all.
    Replies(Vec<Vec<u32>>),
    /// The connection is closed.
    Closed(ConnectionError),
}

pub struct Attack {
    pub lab: Lab,
    /// The export's root.
    pub root: Vec<u8>,
    /// A file in it, which the attacked hold dear.
    pub file: Vec<u8>,
    pub data: Vec<u8>,
    next_connection: u64,
}

impl Attack {
    pub fn begin() -> Self {
        Self::on(Setup::default())
    }

    pub fn on(setup: Setup) -> Self {
        let mut lab = setup.start();
        let data = pattern(100_000, 1);
        lab.add_file("f", &data);
        let file = lab.lookup(BYSTANDER, "f");
        let root = lab.mount(BYSTANDER);
        lab.gateway.client_closed(ClientId(1), lab.now);
        let mut attack = Self {
            lab,
            root,
            file,
            data,
            next_connection: 100,
        };
        attack.serve_bystander();
        attack
    }

    /// Another connection of the attacker.
    pub fn connect(&mut self, port: u16) -> u64 {
        let connection = self.next_connection;
        self.next_connection += 1;
        let info = ClientInfo {
            peer: SocketAddrV4::new(Ipv4Addr::new(10, 6, 6, 6), 666),
            local_port: port,
        };
        let client = ClientId(connection);
        self.lab.gateway.client_opened(client, info, self.lab.now);
        self.lab.received.insert(connection, Vec::new());
        connection
    }

    pub fn disconnect(&mut self, connection: u64) {
        let now = self.lab.now;
        self.lab.gateway.client_closed(ClientId(connection), now);
        self.lab.received.remove(&connection);
        self.lab.run();
    }

    /// Sends a stream on a connection of its own, as fast as it is taken, and tells what came of it. The
    /// other client is served before the connection is closed.
    pub fn stream(&mut self, port: u16, mut stream: &[u8]) -> Outcome {
        let connection = self.connect(port);
        let mut closed = None;
        while closed.is_none() && !stream.is_empty() {
            let now = self.lab.now;
            let client = ClientId(connection);
            match self.lab.gateway.client_bytes(client, stream, now) {
                Ok(taken) => {
                    stream = &stream[taken..];
                    self.lab.run();
                    assert!(taken > 0, "nobody else takes the room");
                }
                Err(error) => closed = Some(error),
            }
        }
        self.lab.run();
        self.serve_bystander();
        let received = self.lab.received[&connection].clone();
        self.disconnect(connection);
        match closed {
            Some(error) => Outcome::Closed(error),
            None => Outcome::Replies(replies(&received)),
        }
    }

    /// Sends one record; the words of its reply after the xid.
    pub fn record(&mut self, port: u16, body: &[u8]) -> Vec<u32> {
        match self.stream(port, &record(body)) {
            Outcome::Replies(mut replies) if replies.len() == 1 => {
                let mut reply = replies.remove(0);
                let xid = reply.remove(0);
                assert_eq!(xid.to_be_bytes(), body[..4], "the xid of the call");
                reply
            }
            other => panic!("one reply to one record, not {other:?}"),
        }
    }

    /// Calls with good credentials; the words of the reply after the xid.
    pub fn call(&mut self, program: (u32, u32, u32), args: &[u8]) -> Vec<u32> {
        let (number, version, procedure) = program;
        let (_, call) = self.lab.call_bytes(number, version, procedure, 0, args);
        self.record(2049, &call)
    }

    /// Calls a procedure of NFSv3 that is executed or fails by its own status, which is returned.
    pub fn nfs_status(&mut self, procedure: u32, args: &[u8]) -> u32 {
        let words = self.call((100_003, 3, procedure), args);
        assert_eq!(words[..5], SUCCESS, "procedure {procedure}");
        words[5]
    }

    /// Calls with these arguments and expects GARBAGE_ARGS; nothing of it reaches the origin.
    pub fn assert_garbage(&mut self, program: (u32, u32, u32), args: &[u8], what: &str) {
        let asked = |attack: &Self| attack.lab.gateway.stats().origin_calls;
        let before = asked(self);
        self.serve_bystander();
        let for_bystander = asked(self) - before;
        let reply = self.call(program, args);
        assert_eq!(reply, GARBAGE_ARGS, "{program:?} {what}");
        let calls = asked(self) - before;
        assert_eq!(calls, 2 * for_bystander, "{program:?} {what}");
    }

    /// The arguments of the last call of this procedure that the origin was sent.
    pub fn passed_on(&self, procedure: u32) -> Vec<u8> {
        let calls = self.lab.sent.iter().rev();
        calls
            .map(|(_, record)| Call::parse(&record[4..]))
            .find(|call| call.is_nfs(procedure))
            .expect("it was passed on")
            .args
    }

    /// The client that means no harm gets what it asks for, from the cache and from the origin.
    pub fn serve_bystander(&mut self) {
        let file = self.file.clone();
        let read = self.lab.read(BYSTANDER, &file, 60_000, 10_000);
        assert_eq!((read.status, read.size), (0, Some(100_000)));
        assert!(read.data == self.data[60_000..70_000], "the file's bytes");
        assert_eq!(self.lab.getattr(BYSTANDER, &file).status(), 0);
    }

    /// Nothing of the attack is left, and a file can still be written and read as a whole.
    pub fn end(mut self) {
        let file = self.file.clone();
        assert_eq!(self.lab.read_all(BYSTANDER, &file, 30_000), self.data);
        let fresh = pattern(200_000, 2);
        assert_eq!(self.lab.write(BYSTANDER, &file, 0, &fresh).status, 0);
        assert_eq!(self.lab.read_all(BYSTANDER, &file, 30_000), fresh);
        self.lab.assert_at_rest();
        assert_eq!(self.lab.gateway.cache().stats().wire_references, 0);
        let now = self.lab.now;
        self.lab.gateway.client_closed(ClientId(BYSTANDER), now);
        assert_eq!(self.lab.gateway.stats().meta_buffers, 0);
    }
}

fn replies(mut bytes: &[u8]) -> Vec<Vec<u32>> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let len = (In(bytes).u32() & 0x7fff_ffff) as usize;
        let words = bytes[4..4 + len].chunks(4).map(|word| In(word).u32());
        replies.push(words.collect());
        bytes = &bytes[4 + len..];
    }
    replies
}

/// A call with any credential and verifier: flavor and what follows it, length and all.
pub fn call_with(
    program: (u32, u32, u32),
    credential: (u32, &[u8]),
    verifier: (u32, &[u8]),
    args: &[u8],
) -> Vec<u8> {
    let (number, version, procedure) = program;
    Out::new()
        .u32(0x6666_0000)
        .u32(0)
        .u32(2)
        .u32(number)
        .u32(version)
        .u32(procedure)
        .u32(credential.0)
        .raw(credential.1)
        .u32(verifier.0)
        .raw(verifier.1)
        .raw(args)
        .0
}

/// A length and as many bytes, padded.
pub fn opaque(len: usize) -> Vec<u8> {
    Out::new().opaque(&vec![b'x'; len]).0
}

/// Arguments that each procedure of NFSv3 executes, by number, with `first` as its (first) handle and
/// `second` as the other directory of RENAME and LINK.
pub fn good_arguments(first: &[u8], second: &[u8]) -> [Vec<u8>; 22] {
    let handle = || Out::new().opaque(first);
    let named = |name: &[u8]| handle().opaque(name);
    let no_attributes = |out: Out| (0..6).fold(out, |out, _| out.u32(0)).0;
    [
        Vec::new(),
        handle().0,
        no_attributes(handle()).into_iter().chain([0; 4]).collect(),
        named(b"f").0,
        handle().u32(0x3f).0,
        handle().0,
        read_args(first, 0, 5000),
        write_args(first, 7, b"seven bytes and more"),
        no_attributes(named(b"created").u32(0)),
        no_attributes(named(b"made")),
        Out::new()
            .raw(&no_attributes(named(b"linked")))
            .opaque(b"target")
            .0,
        no_attributes(named(b"fifo").u32(7)),
        named(b"removed").0,
        named(b"removed").0,
        named(b"a").opaque(second).opaque(b"b").0,
        handle().opaque(second).opaque(b"link").0,
        handle().u64(0).u64(0).u32(4096).0,
        handle().u64(0).u64(0).u32(4096).u32(4096).0,
        handle().0,
        handle().0,
        handle().0,
        handle().u64(0).u32(0).0,
    ]
}
