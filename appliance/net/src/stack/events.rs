//! Telling the application.

use core::net::SocketAddrV4;

use super::Stack;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::event::Event;
use crate::tcp::connection::Connection;

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// The next event, or `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            let index = self.eventful.front()?;
            let event = self.connections.at(index).and_then(Connection::next_event);
            let Some(event) = event else {
                self.eventful.pop();
                continue;
            };
            if let Event::Closed { connection, .. } = event {
                self.eventful.pop();
                if let Some(connection) = self.connections.at(connection.index) {
                    connection.detached = true;
                }
                self.settle(connection.index);
            }
            return Some(event);
        }
    }
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Takes the next event in the order that [`Event`] promises.
    fn next_event(&mut self) -> Option<Event> {
        let connection = self.id;
        let events = &mut self.events;
        if core::mem::take(&mut events.opened) {
            return Some(if self.passive {
                Event::Accepted {
                    connection,
                    local_port: self.endpoints.local_port,
                    remote: SocketAddrV4::new(self.endpoints.remote, self.endpoints.remote_port),
                }
            } else {
                Event::Connected { connection }
            });
        }
        if core::mem::take(&mut events.readable) {
            return Some(Event::Readable { connection });
        }
        if core::mem::take(&mut events.peer_closed) {
            return Some(Event::PeerClosed { connection });
        }
        let reason = events.closed.take()?;
        Some(Event::Closed { connection, reason })
    }
}
