//! A simulated machine: one TCP stack, and what its application sends.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use net::{
    ConnectionId, Event, FrameSink, RxBuffer, RxChecksums, Source, Stack, TxBuffer, TxFrame,
};

use crate::options::Options;

/// Bytes of a received frame.
#[derive(Debug)]
pub(crate) struct Received(Vec<u8>);

impl RxBuffer for Received {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes to send.
#[derive(Debug)]
pub(crate) struct Bytes {
    memory: Rc<[u8]>,
    range: Range<usize>,
}

impl TxBuffer for Bytes {
    fn len(&self) -> usize {
        self.range.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.range.clone()]
    }

    fn share(&self, range: Range<usize>) -> Self {
        let start = self.range.start;
        Self {
            memory: Rc::clone(&self.memory),
            range: start + range.start..start + range.end,
        }
    }
}

/// A machine.
pub(crate) struct Host {
    stack: Stack<Received, Bytes>,
    output: Output,
}

impl Host {
    pub(crate) fn new(
        mac: [u8; 6],
        address: Ipv4Addr,
        options: &Options,
        secret: [u8; 16],
    ) -> Self {
        let window = usize::try_from(options.peer_window * 1024).expect("a small window");
        let config = net::Config {
            mac,
            address,
            prefix_len: 24,
            gateway: None,
            mtu: 1500,
            offload: net::Offload::default(),
            secret,
            limits: net::Limits {
                connections: 256,
                receive_window: window,
                ..net::Limits::default()
            },
        };
        Self {
            stack: Stack::new(config).expect("a valid configuration"),
            output: Output::default(),
        }
    }

    pub(crate) fn listen(&mut self, port: u16) {
        assert!(self.stack.listen(port), "few ports");
    }

    pub(crate) fn unlisten(&mut self, port: u16) {
        self.stack.unlisten(port);
    }

    /// `None` while there is no room for it.
    pub(crate) fn connect(
        &mut self,
        to: SocketAddrV4,
        port: u16,
        now: Duration,
    ) -> Option<ConnectionId> {
        self.stack.connect(to, port, now).ok()
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let bytes = Bytes {
            memory: bytes.into(),
            range: 0..bytes.len(),
        };
        let queue = self.output.0.entry(connection).or_default();
        queue.push_back(bytes);
        self.stack.wake(connection);
    }

    /// Whether everything sent has arrived.
    pub(crate) fn is_flushed(&self, connection: ConnectionId) -> bool {
        let queue = self.output.0.get(&connection);
        queue.is_none_or(VecDeque::is_empty) && self.stack.unacknowledged(connection) == 0
    }

    /// Everything that has arrived in order.
    pub(crate) fn read(&mut self, connection: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.stack.peek(connection) {
            all.extend_from_slice(bytes);
            let len = bytes.len();
            self.stack.consume(connection, len);
        }
        all
    }

    pub(crate) fn close(&mut self, connection: ConnectionId, now: Duration) {
        self.stack.close(connection, now);
    }

    pub(crate) fn abort(&mut self, connection: ConnectionId) {
        self.output.0.remove(&connection);
        self.stack.abort(connection);
    }

    pub(crate) fn handle_frame(&mut self, frame: Vec<u8>, now: Duration) {
        let checksums = RxChecksums::default();
        self.stack
            .handle_frame(Received(frame), std::iter::empty(), checksums, now);
    }

    /// What has happened, timers included.
    pub(crate) fn poll_event(&mut self, now: Duration) -> Option<Event> {
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now);
        }
        let event = self.stack.poll_event();
        if let Some(Event::Closed { connection, .. }) = event {
            self.output.0.remove(&connection);
        }
        event
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.stack.poll_timeout()
    }

    /// The frames due now.
    pub(crate) fn transmit(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        self.stack.poll_transmit(now, &mut self.output, &mut frames);
        frames.0
    }
}

#[derive(Default)]
struct Output(BTreeMap<ConnectionId, VecDeque<Bytes>>);

impl Source<Bytes> for Output {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<Bytes> {
        let queue = self.0.get_mut(&connection)?;
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
