//! The application over our stack: it sends and checks the streams of a plan on
//! every connection.

use std::collections::HashMap;
use std::time::Duration;

use net::{CloseReason, ConnectionId, Event, Source, Stack};

use super::harness::buffers::{Received, Shared};
use super::streams::{Order, Plan, to_kernel, to_stack};

/// Most bytes of one buffer to send.
const CHUNK: usize = 16_384;

/// One connection's progress.
struct Connection {
    client_port: u16,
    sent: usize,
    received: usize,
    peer_closed: bool,
    closing: bool,
}

pub struct Server {
    plan: Plan,
    connections: HashMap<ConnectionId, Connection>,
    /// Connections that were closed by both sides, with nothing missing.
    pub finished: usize,
}

impl Server {
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            connections: HashMap::new(),
            finished: 0,
        }
    }

    /// A connection with a client at `client_port`, ours or the kernel's.
    pub fn add(&mut self, connection: ConnectionId, client_port: u16) {
        let progress = Connection {
            client_port,
            sent: 0,
            received: 0,
            peer_closed: false,
            closing: false,
        };
        self.connections.insert(connection, progress);
    }

    /// Reacts to everything that has happened.
    pub fn run(&mut self, stack: &mut Stack<Received, Shared>, now: Duration) {
        while let Some(event) = stack.poll_event() {
            match event {
                Event::Accepted {
                    connection, remote, ..
                } => {
                    self.add(connection, remote.port());
                    stack.wake(connection);
                }
                Event::Connected { connection } => stack.wake(connection),
                Event::Readable { connection } => self.read(stack, connection),
                Event::PeerClosed { connection } => {
                    self.connection(connection).peer_closed = true;
                    stack.wake(connection);
                }
                Event::Closed { connection, reason } => self.end(connection, reason),
            }
        }
        let plan = self.plan;
        for (id, connection) in &mut self.connections {
            let may_close = plan.order != Order::KernelFirst || connection.peer_closed;
            if may_close && connection.sent == plan.to_kernel && !connection.closing {
                connection.closing = true;
                stack.close(*id, now);
            }
        }
    }

    fn connection(&mut self, id: ConnectionId) -> &mut Connection {
        self.connections.get_mut(&id).expect("a live connection")
    }

    fn read(&mut self, stack: &mut Stack<Received, Shared>, id: ConnectionId) {
        let connection = self.connection(id);
        while let Some(bytes) = stack.peek(id) {
            to_stack(connection.client_port).check(connection.received, bytes);
            let count = bytes.len();
            connection.received += count;
            stack.consume(id, count);
        }
    }

    fn end(&mut self, id: ConnectionId, reason: CloseReason) {
        let ended = self.connections.remove(&id).expect("a live connection");
        assert_eq!(reason, CloseReason::Finished);
        assert!(ended.peer_closed);
        assert_eq!(ended.received, self.plan.to_stack);
        assert_eq!(ended.sent, self.plan.to_kernel);
        self.finished += 1;
    }
}

impl Source<Shared> for Server {
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<Shared> {
        let Plan {
            to_kernel: len,
            order,
            ..
        } = self.plan;
        let connection = self.connections.get_mut(&connection)?;
        if order == Order::KernelFirst && !connection.peer_closed {
            return None;
        }
        let count = (len - connection.sent).min(room).min(CHUNK);
        if count == 0 {
            return None;
        }
        let mut bytes = vec![0; count];
        to_kernel(connection.client_port).fill(connection.sent, &mut bytes);
        connection.sent += count;
        Some(Shared::new(&bytes))
    }
}
