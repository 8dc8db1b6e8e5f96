//! One machine with very many connections.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use net::{ConnectionId, Event};
use nfs3_types::nfs3::{READ3res, nfs_fh3};

use super::host::Host;
use super::operations::{READ, read_arguments};
use super::rpc::{Records, credential, decode, decode_reply, encode_call};
use super::tunnel::Tunnel;

/// A machine whose connections are numbered from 0.
pub struct Crowd {
    pub host: Host,
    server: SocketAddrV4,
    connections: Vec<ConnectionId>,
    numbers: HashMap<ConnectionId, usize>,
    streams: Vec<Records>,
    tunnels: Vec<Option<Box<dyn Tunnel>>>,
    replies: Vec<Option<Vec<u8>>>,
    pub connected: usize,
    pub closed: usize,
}

impl Crowd {
    /// `number` keeps crowds apart, from clients too.
    pub fn new(number: u8, server: SocketAddrV4, capacity: usize) -> Self {
        let mac = [2, 0, 0, 0, 1, 200 + number];
        let address = Ipv4Addr::new(10, 77, 1, 200 + number);
        Self {
            host: Host::with_connections(mac, address, capacity),
            server,
            connections: Vec::new(),
            numbers: HashMap::new(),
            streams: Vec::new(),
            tunnels: Vec::new(),
            replies: Vec::new(),
            connected: 0,
            closed: 0,
        }
    }

    /// Starts one more connection.
    pub fn connect(&mut self, now: Duration) {
        let number = self.connections.len();
        let port = 10_000 + u16::try_from(number).expect("fewer than there are ports");
        let connecting = self.host.stack.connect(self.server, port, now);
        let connection = connecting.expect("a free port");
        self.numbers.insert(connection, number);
        self.connections.push(connection);
        self.streams.push(Records::default());
        self.tunnels.push(None);
        self.replies.push(None);
    }

    /// Sends a READ on a connection.
    pub fn read(&mut self, number: usize, file: &nfs_fh3, offset: usize, count: usize) {
        let arguments = read_arguments(file, offset, count);
        let xid = u32::try_from(number).expect("few");
        let call = encode_call(xid, READ, &credential(1000), &arguments);
        match &mut self.tunnels[number] {
            Some(tunnel) => {
                tunnel.send(&call);
                self.flush(number);
            }
            None => self.host.send(self.connections[number], &call),
        }
    }

    /// A connection speaks through a tunnel from now on.
    pub fn secure(&mut self, number: usize, tunnel: impl Tunnel + 'static) {
        self.tunnels[number] = Some(Box::new(tunnel));
        self.flush(number);
    }

    /// Sends bytes that need not be a call.
    pub fn send_raw(&mut self, number: usize, bytes: &[u8]) {
        self.host.send(self.connections[number], bytes);
    }

    fn flush(&mut self, number: usize) {
        if let Some(tunnel) = &mut self.tunnels[number] {
            let bytes = tunnel.output();
            if !bytes.is_empty() {
                self.host.send(self.connections[number], &bytes);
            }
        }
    }

    /// Connections with a reply that was not taken.
    pub fn answered(&self) -> usize {
        self.replies.iter().flatten().count()
    }

    /// Whether a connection has a reply that was not taken.
    pub fn has_reply(&self, number: usize) -> bool {
        self.replies[number].is_some()
    }

    /// The bytes that a READ gave.
    pub fn take_read(&mut self, number: usize) -> Vec<u8> {
        let results = self.replies[number].take().expect("a reply");
        let read: READ3res<'static> = decode(&results);
        read.expect("READ").data.into_owned()
    }

    /// Handles timers and everything that has arrived.
    pub fn advance(&mut self, now: Duration) {
        self.host.stack.handle_timeout(now);
        while let Some(event) = self.host.stack.poll_event() {
            match event {
                Event::Connected { .. } => self.connected += 1,
                Event::Closed { .. } => self.closed += 1,
                Event::PeerClosed { connection } => self.host.stack.close(connection, now),
                Event::Readable { connection } => self.receive(connection),
                Event::Accepted { .. } => panic!("a client accepts nobody"),
            }
        }
    }

    fn receive(&mut self, connection: ConnectionId) {
        let number = self.numbers[&connection];
        let mut bytes = self.host.read(connection);
        if let Some(tunnel) = &mut self.tunnels[number] {
            bytes = tunnel.receive(&bytes);
            self.flush(number);
        }
        self.streams[number].push(&bytes);
        while let Some(record) = self.streams[number].pop() {
            let (xid, results) = decode_reply(&record);
            assert_eq!(xid as usize, number, "another connection's reply");
            let before = self.replies[number].replace(results);
            assert!(before.is_none(), "two replies to one call");
        }
    }
}
