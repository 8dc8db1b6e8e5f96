//! The origin: an NFS server in memory that can hold its replies back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use net::{ConnectionId, Event};
use nfs3_types::mount::{self, MOUNT_PROGRAM, fhandle3, mountres3, mountres3_ok};
use nfs3_types::nfs3::{self, NFS_PROGRAM};
use nfs3_types::xdr_codec::{Opaque, Void};

use super::export::Export;
use super::host::Host;
use super::rpc::{self, Call, Records, decode, decode_call, encode_reply};
use super::tunnel::Tunnel;

/// The origin's address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);

/// Where the connection with the next NFS traffic breaks, once.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// After so many bytes of calls were read.
    Calls(usize),
    /// After so many bytes of a reply have arrived.
    Reply(usize),
}

/// How the server wants to be spoken to on its NFS port.
pub enum Protection {
    /// As it comes.
    None,
    /// Through a tunnel that a probe asks for (RFC 9289, 4.1).
    Probed(NewTunnel),
    /// Through a tunnel from the first byte.
    Direct(NewTunnel),
    /// It answers the probe, which has this xid, with something else than STARTTLS.
    Refused(fn(u32) -> Vec<u8>),
    /// It says nothing at all.
    Silent,
}

/// Makes the server's end of a tunnel.
pub type NewTunnel = Box<dyn FnMut() -> Box<dyn Tunnel>>;

/// What arrives on a connection.
#[derive(Default)]
struct Stream {
    records: Records,
    tunnel: Option<Box<dyn Tunnel>>,
    /// It is the mount daemon's, which has no tunnels.
    is_mount: bool,
}

/// The origin machine.
pub struct Origin {
    pub host: Host,
    pub export: Export,
    /// For connections from now on.
    pub protection: Protection,
    /// Probes that were answered with STARTTLS.
    pub probes: usize,
    /// Calls that came again on another connection, the very same bytes.
    pub repeated: usize,
    streams: HashMap<ConnectionId, Stream>,
    calls: HashMap<ProcedureNumber, usize>,
    /// A digest of each NFS call by its xid: what comes again must be the same (invariant I6).
    pub(super) digests: HashMap<u32, u64>,
    /// The procedure whose replies are held back.
    holding: Option<NFS_PROGRAM>,
    held: Vec<(ConnectionId, Vec<u8>)>,
    last_call: Vec<u8>,
    pub cut: Option<Cut>,
    /// The connection to be reset once its reply has arrived as far as it will.
    cutting: Option<ConnectionId>,
    /// Whether the server takes what has arrived; else the window closes.
    pub reads: bool,
}

/// The number of an NFS procedure (`NFS_PROGRAM` has no hash).
type ProcedureNumber = u32;

impl Origin {
    pub fn new() -> Self {
        let mut host = Host::new([2, 0, 0, 0, 2, 2], ADDRESS);
        assert!(host.stack.listen(2049) && host.stack.listen(20048));
        Self {
            host,
            export: Export::default(),
            protection: Protection::None,
            probes: 0,
            repeated: 0,
            streams: HashMap::new(),
            calls: HashMap::new(),
            digests: HashMap::new(),
            holding: None,
            held: Vec::new(),
            last_call: Vec::new(),
            cut: None,
            cutting: None,
            reads: true,
        }
    }

    /// Calls of a procedure that have arrived.
    pub fn calls(&self, procedure: NFS_PROGRAM) -> usize {
        self.calls.get(&(procedure as u32)).copied().unwrap_or(0)
    }

    /// Carries calls of this procedure out, and keeps their replies.
    pub fn hold_replies(&mut self, procedure: NFS_PROGRAM) {
        self.holding = Some(procedure);
    }

    /// The last NFS call that has arrived, as a record without marks.
    pub fn last_call(&self) -> &[u8] {
        &self.last_call
    }

    /// Breaks every connection; the replies held back are lost.
    pub fn reset_connections(&mut self) {
        self.held.clear();
        for (connection, _) in self.streams.drain() {
            self.host.stack.abort(connection);
        }
    }

    /// The server dies with its connections, and comes back as another instance.
    pub fn restart(&mut self) {
        self.reset_connections();
        self.export.boots += 1;
    }

    /// Connections are refused, as nobody listens.
    pub fn refuse(&mut self) {
        self.host.stack.unlisten(2049);
        self.host.stack.unlisten(20048);
        self.reset_connections();
    }

    /// Connections are accepted again.
    pub fn listen(&mut self) {
        assert!(self.host.stack.listen(2049) && self.host.stack.listen(20048));
    }

    /// Replies held back.
    pub fn held_replies(&self) -> usize {
        self.held.len()
    }

    /// Sends what was held back, and holds nothing back any more.
    pub fn release_replies(&mut self) {
        self.holding = None;
        for (connection, reply) in std::mem::take(&mut self.held) {
            self.send(connection, &reply);
        }
    }

    /// Handles timers and everything that has arrived.
    pub fn advance(&mut self, now: Duration) {
        self.host.stack.handle_timeout(now);
        while let Some(event) = self.host.stack.poll_event() {
            match event {
                Event::Accepted {
                    connection,
                    local_port,
                    ..
                } => self.accept(connection, local_port),
                Event::Readable { connection } if self.reads => self.serve(connection),
                Event::Readable { .. } => {}
                Event::PeerClosed { connection } => {
                    self.flush(connection);
                    self.host.stack.close(connection, now);
                }
                Event::Closed { connection, .. } => {
                    self.streams.remove(&connection);
                }
                Event::Connected { .. } => panic!("the origin connects to nobody"),
            }
        }
        if let Some(connection) = self.cutting
            && self.host.is_flushed(connection)
        {
            self.cutting = None;
            self.reset(connection);
        }
    }

    fn accept(&mut self, connection: ConnectionId, local_port: u16) {
        let mut stream = Stream {
            is_mount: local_port != 2049,
            ..Stream::default()
        };
        if let (Protection::Direct(new), false) = (&mut self.protection, stream.is_mount) {
            stream.tunnel = Some(new());
        }
        self.streams.insert(connection, stream);
    }

    /// Sends bytes as the connection demands.
    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        match self.streams.get_mut(&connection) {
            Some(Stream {
                tunnel: Some(tunnel),
                ..
            }) => {
                tunnel.send(bytes);
                self.flush(connection);
            }
            _ => self.host.send(connection, bytes),
        }
    }

    /// Sends what every tunnel has to say.
    pub fn flush_all(&mut self) {
        let connections: Vec<_> = self.streams.keys().copied().collect();
        for connection in connections {
            self.flush(connection);
        }
    }

    fn flush(&mut self, connection: ConnectionId) {
        if let Some(Stream {
            tunnel: Some(tunnel),
            ..
        }) = self.streams.get_mut(&connection)
        {
            let bytes = tunnel.output();
            if !bytes.is_empty() {
                self.host.send(connection, &bytes);
            }
        }
    }

    /// Closes every NFS connection, without a goodbye of its tunnel.
    pub fn close_connections(&mut self, now: Duration) {
        for (connection, stream) in &self.streams {
            if !stream.is_mount {
                self.host.stack.close(*connection, now);
            }
        }
    }

    fn reset(&mut self, connection: ConnectionId) {
        self.host.stack.abort(connection);
        self.streams.remove(&connection);
    }

    fn serve(&mut self, connection: ConnectionId) {
        let mut bytes = self.host.read(connection);
        let Some(stream) = self.streams.get_mut(&connection) else {
            return;
        };
        if let Some(tunnel) = &mut stream.tunnel {
            bytes = tunnel.receive(&bytes);
        }
        if let Some(Cut::Calls(left)) = &mut self.cut {
            bytes.truncate(*left);
            *left -= bytes.len();
        }
        stream.records.push(&bytes);
        let is_protected = stream.tunnel.is_some() || stream.is_mount;
        let whole: Vec<_> = std::iter::from_fn(|| stream.records.pop()).collect();
        self.flush(connection);
        for record in whole {
            if !is_protected && !matches!(self.protection, Protection::None) {
                self.answer_probe(connection, &record);
                continue;
            }
            let call = decode_call(&record);
            match call.program {
                nfs3::PROGRAM => {
                    self.note(call.xid, &record);
                    self.serve_nfs(connection, &call);
                    self.last_call = record;
                }
                mount::PROGRAM => {
                    let reply = self.serve_mount(&call);
                    self.send(connection, &reply);
                }
                other => panic!("program {other} is not served here"),
            }
        }
        if let Some(Cut::Calls(0)) = self.cut {
            self.cut = None;
            self.reset(connection);
        }
    }

    /// Nothing but a probe may come in clear.
    fn answer_probe(&mut self, connection: ConnectionId, record: &[u8]) {
        let xid = rpc::xid(record);
        let probe = rpc::encode_probe(xid, (nfs3::PROGRAM, nfs3::VERSION, 0));
        assert_eq!(record, &probe[4..], "a call in clear");
        match &mut self.protection {
            Protection::Probed(new) => {
                let tunnel = new();
                self.host.send(connection, &rpc::encode_starttls(xid));
                self.probes += 1;
                if let Some(stream) = self.streams.get_mut(&connection) {
                    stream.tunnel = Some(tunnel);
                }
            }
            Protection::Refused(reply) => self.host.send(connection, &reply(xid)),
            Protection::Silent => {}
            Protection::None | Protection::Direct(_) => panic!("a probe that nobody asked for"),
        }
    }

    /// Holds a call against the one that came with this xid before.
    fn note(&mut self, xid: u32, record: &[u8]) {
        let mut hasher = DefaultHasher::new();
        record.hash(&mut hasher);
        let digest = hasher.finish();
        if let Some(before) = self.digests.insert(xid, digest) {
            assert_eq!(before, digest, "another call with the xid {xid:#x}");
            self.repeated += 1;
        }
    }

    fn serve_nfs(&mut self, connection: ConnectionId, call: &Call) {
        let procedure = NFS_PROGRAM::try_from(call.procedure).expect("an NFSv3 procedure");
        *self.calls.entry(call.procedure).or_default() += 1;
        let reply = self.export.serve(call.xid, procedure, &call.arguments);
        if self.holding == Some(procedure) {
            self.held.push((connection, reply));
        } else if let Some(Cut::Reply(len)) = self.cut {
            self.cut = None;
            self.send(connection, &reply[..len.min(reply.len())]);
            self.cutting = Some(connection);
        } else {
            self.send(connection, &reply);
        }
    }

    fn serve_mount(&self, call: &Call) -> Vec<u8> {
        match MOUNT_PROGRAM::try_from(call.procedure).expect("a MOUNT procedure") {
            MOUNT_PROGRAM::MOUNTPROC3_MNT => {
                let path: mount::dirpath<'static> = decode(&call.arguments);
                assert_eq!(path.0.as_ref(), super::EXPORT.as_bytes());
                let root = self.export.root();
                let ok = mountres3_ok {
                    fhandle: fhandle3(Opaque::borrowed(root.data.as_ref())),
                    auth_flavors: vec![1],
                };
                encode_reply(call.xid, &mountres3::Ok(ok))
            }
            _ => encode_reply(call.xid, &Void),
        }
    }
}
