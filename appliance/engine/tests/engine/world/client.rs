//! An NFS client that does what a test tells it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use net::{CloseReason, ConnectionId, Event};
use nfs3_types::rpc::opaque_auth;
use nfs3_types::xdr_codec::Pack;

use super::host::Host;
use super::rpc::{Records, credential, decode_reply, encode_call, encode_probe, xid};
use super::tunnel::Tunnel;

/// One client machine with one connection to the appliance.
pub struct Client {
    pub host: Host,
    pub connection: ConnectionId,
    pub connected: bool,
    pub closed: Option<CloseReason>,
    /// Its cable is pulled: no frame reaches or leaves it.
    pub unplugged: bool,
    /// Other clients have the same address, and only what is for its port is for it.
    pub shares_address: bool,
    /// Whether the application takes what has arrived; else the window closes.
    pub reads: bool,
    /// Who it says it is.
    pub credential: opaque_auth<'static>,
    tunnel: Option<Box<dyn Tunnel>>,
    records: Records,
    /// Whole records, by xid.
    replies: HashMap<u32, Vec<u8>>,
    last_xid: u32,
    last_call: Vec<u8>,
    server: SocketAddrV4,
    port: u16,
}

impl Client {
    /// Starts connecting; `number` keeps clients apart.
    pub fn connect(number: u8, server: SocketAddrV4, now: Duration) -> Self {
        Self::connect_from(number, number, server, now)
    }

    /// Starts connecting from the address of client `twin`.
    pub fn connect_from(number: u8, twin: u8, server: SocketAddrV4, now: Duration) -> Self {
        let mac = [2, 0, 0, 0, 1, 10 + twin];
        let address = Ipv4Addr::new(10, 77, 1, 10 + twin);
        let mut host = Host::new(mac, address);
        let port = 700 + u16::from(number);
        let connecting = host.stack.connect(server, port, now);
        let connection = connecting.expect("a free port");
        Self {
            host,
            connection,
            connected: false,
            closed: None,
            unplugged: false,
            shares_address: false,
            reads: true,
            credential: credential(1000),
            tunnel: None,
            records: Records::default(),
            replies: HashMap::new(),
            last_xid: u32::from(number) << 24,
            last_call: Vec::new(),
            server,
            port,
        }
    }

    /// Whether a frame is for this client.
    pub fn takes(&self, frame: &[u8]) -> bool {
        let is_tcp = frame[12..14] == [8, 0] && frame[23] == 6;
        let is_for_port = !is_tcp || frame[36..38] == self.port.to_be_bytes();
        self.host.takes(frame) && (is_for_port || !self.shares_address)
    }

    /// Its end of the connection.
    pub fn endpoint(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.host.stack.config().address, self.port)
    }

    /// Connects anew from another port, its last connection being over.
    pub fn reconnect(&mut self, now: Duration) {
        self.port += 100;
        let connecting = self.host.stack.connect(self.server, self.port, now);
        self.connection = connecting.expect("a free port");
        self.connected = false;
        self.closed = None;
        self.tunnel = None;
        self.records = Records::default();
    }

    /// Speaks through a tunnel from now on.
    pub fn secure(&mut self, tunnel: impl Tunnel + 'static) {
        self.tunnel = Some(Box::new(tunnel));
        self.flush();
    }

    /// Sends what the tunnel has to say.
    pub fn flush(&mut self) {
        if let Some(tunnel) = &mut self.tunnel {
            let bytes = tunnel.output();
            if !bytes.is_empty() {
                self.host.send(self.connection, &bytes);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let Some(tunnel) = &mut self.tunnel else {
            return self.host.send(self.connection, bytes);
        };
        tunnel.send(bytes);
        self.flush();
    }

    /// Sends a call and returns its xid.
    pub fn call(&mut self, procedure: (u32, u32, u32), arguments: &impl Pack) -> u32 {
        self.last_xid += 1;
        self.last_call = encode_call(self.last_xid, procedure, &self.credential, arguments);
        self.repeat_call();
        self.last_xid
    }

    /// Sends a call whose credential asks for TLS (RFC 9289, 4.1); its xid.
    pub fn probe(&mut self, procedure: (u32, u32, u32)) -> u32 {
        self.last_xid += 1;
        self.last_call = encode_probe(self.last_xid, procedure);
        self.repeat_call();
        self.last_xid
    }

    /// Sends the last call once more, as it was.
    pub fn repeat_call(&mut self) {
        let call = self.last_call.clone();
        self.send(&call);
    }

    /// Sends the first `len` bytes of a call whose rest never comes.
    pub fn call_partly(&mut self, procedure: (u32, u32, u32), arguments: &impl Pack, len: usize) {
        self.last_xid += 1;
        let call = encode_call(self.last_xid, procedure, &self.credential, arguments);
        self.send(&call[..len]);
    }

    /// The results in the reply to `xid`, which must be a success; once.
    pub fn take_reply(&mut self, xid: u32) -> Option<Vec<u8>> {
        let record = self.take_record(xid)?;
        Some(decode_reply(&record).1)
    }

    /// The reply to `xid` as it came, once.
    pub fn take_record(&mut self, xid: u32) -> Option<Vec<u8>> {
        self.replies.remove(&xid)
    }

    pub fn has_reply(&self, xid: u32) -> bool {
        self.replies.contains_key(&xid)
    }

    /// Bytes of a reply that has begun to arrive.
    pub fn partial_reply(&self) -> usize {
        self.records.partial()
    }

    /// Handles timers and everything that has arrived.
    pub fn advance(&mut self, now: Duration) {
        self.host.stack.handle_timeout(now);
        while let Some(event) = self.host.stack.poll_event() {
            match event {
                Event::Connected { .. } => self.connected = true,
                Event::Closed { reason, .. } => self.closed = Some(reason),
                Event::PeerClosed { connection } => self.host.stack.close(connection, now),
                _ => {}
            }
        }
        if !self.reads {
            return;
        }
        let mut bytes = self.host.read(self.connection);
        if let Some(tunnel) = &mut self.tunnel {
            bytes = tunnel.receive(&bytes);
            self.flush();
        }
        self.records.push(&bytes);
        while let Some(record) = self.records.pop() {
            let before = self.replies.insert(xid(&record), record);
            assert!(before.is_none(), "two replies to one call");
        }
    }
}
