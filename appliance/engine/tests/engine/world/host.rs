//! A machine on a link: one TCP stack and what its application sends.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use net::{ConnectionId, FrameSink, RxChecksums, Source, Stack, TxBuffer, TxFrame};

use super::segment::{Bytes, HeapSegment, segments};

/// A simulated machine.
pub struct Host {
    pub stack: Stack<HeapSegment, Bytes>,
    pub mac: [u8; 6],
    pub address: Ipv4Addr,
    output: Output,
}

impl Host {
    pub fn new(mac: [u8; 6], address: Ipv4Addr) -> Self {
        Self::with_connections(mac, address, 64)
    }

    /// A machine with room for so many connections.
    pub fn with_connections(mac: [u8; 6], address: Ipv4Addr, connections: usize) -> Self {
        let config = net::Config {
            mac,
            address,
            prefix_len: 24,
            gateway: None,
            mtu: 1500,
            offload: net::Offload::default(),
            secret: [mac[5]; 16],
            limits: net::Limits {
                connections,
                ..net::Limits::default()
            },
        };
        Self {
            stack: Stack::new(config).expect("a valid configuration"),
            mac,
            address,
            output: Output::default(),
        }
    }

    /// Whether a frame is addressed to this machine.
    pub fn takes(&self, frame: &[u8]) -> bool {
        frame[..6] == self.mac || frame[0] & 1 == 1
    }

    pub fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let queue = self.output.queues.entry(connection).or_default();
        queue.push_back(Bytes::new(bytes));
        self.stack.wake(connection);
    }

    /// Whether everything sent has arrived.
    pub fn is_flushed(&self, connection: ConnectionId) -> bool {
        let queue = self.output.queues.get(&connection);
        queue.is_none_or(VecDeque::is_empty) && self.stack.unacknowledged(connection) == 0
    }

    /// Everything that has arrived in order.
    pub fn read(&mut self, connection: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.stack.peek(connection) {
            all.extend_from_slice(bytes);
            let len = bytes.len();
            self.stack.consume(connection, len);
        }
        all
    }

    pub fn handle_frame(&mut self, frame: &[u8], checksums: RxChecksums, now: Duration) {
        let (head, tail) = segments(frame);
        self.stack
            .handle_frame(head, tail.into_iter(), checksums, now);
    }

    /// The frames due now.
    pub fn transmit(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        self.stack.poll_transmit(now, &mut self.output, &mut frames);
        frames.0
    }
}

#[derive(Default)]
struct Output {
    queues: HashMap<ConnectionId, VecDeque<Bytes>>,
}

impl Source<Bytes> for Output {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<Bytes> {
        let queue = self.queues.get_mut(&connection)?;
        let first = queue.pop_front()?;
        if first.len() <= room {
            return Some(first);
        }
        queue.push_front(first.share(room..first.len()));
        Some(first.share(0..room))
    }
}

#[derive(Default)]
struct Frames(Vec<Vec<u8>>);

impl FrameSink<Bytes> for Frames {
    fn has_room(&self) -> bool {
        true
    }

    fn emit(&mut self, frame: TxFrame<'_, Bytes>) {
        let mut bytes = frame.header.to_vec();
        for piece in frame.payload {
            bytes.extend_from_slice(&piece.buffer.bytes()[piece.range.clone()]);
        }
        self.0.push(bytes);
    }
}
