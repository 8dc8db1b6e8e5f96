//! New connections: ours, and those of SYNs to listening ports.

use crate::nanos::Nanos;
use core::net::SocketAddrV4;
use core::time::Duration;

use super::Stack;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::is_unicast;
use crate::event::{ConnectError, ConnectionId};
use crate::tcp::connection::{Connection, Context, Opening};
use crate::tcp::isn::{initial_sequence, timestamp_offset};
use crate::tcp::segment::{Endpoints, Pieces, Segment};
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Starts a connection; `Connected` or `Closed` follows.
    ///
    /// # Errors
    /// When it cannot be started; nothing was sent.
    pub fn connect(
        &mut self,
        remote: SocketAddrV4,
        local_port: u16,
        now: Duration,
    ) -> Result<ConnectionId, ConnectError> {
        let address = *remote.ip();
        let is_host = is_unicast(address)
            && address != self.config.address
            && !self.config.is_subnet_broadcast(address);
        if !is_host || remote.port() == 0 || local_port == 0 {
            return Err(ConnectError::InvalidAddress);
        }
        let endpoints = Endpoints {
            remote: address,
            remote_port: remote.port(),
            local_port,
        };
        if self.connections.find(&endpoints).is_some() {
            return Err(ConnectError::InUse);
        }
        let opening = self.opening(endpoints, Nanos::of(now))?;
        self.connections
            .insert(Connection::open_active(&opening, self.settings));
        self.settle(opening.id.index);
        Ok(opening.id)
    }

    /// A segment for a port that no connection has, with `source_mac` to answer.
    pub(super) fn handle_unmatched(
        &mut self,
        source_mac: [u8; 6],
        segment: &Segment,
        pieces: &mut Pieces<R>,
        now: Nanos,
    ) {
        let port = segment.endpoints.local_port;
        let opens = segment.has(Flags::SYN)
            && !segment.has(Flags::ACK)
            && !segment.has(Flags::RST)
            && !segment.has(Flags::FIN);
        let listening = self.listeners.is_listening(port);
        if listening && !opens && !segment.has(Flags::ACK) {
            // RFC 9293, 3.10.7.2, fourth.
            self.stats.dropped_unacceptable += 1;
            return;
        }
        if !opens || !listening {
            if !self.accept_cookie(source_mac, segment, pieces, now) {
                self.answer_with_reset(source_mac, segment);
            }
            return;
        }
        if !self.listeners.has_room(port) {
            return self.answer_with_cookie(source_mac, segment, now);
        }
        let Ok(opening) = self.opening(segment.endpoints, now) else {
            self.stats.dropped_table_full += 1;
            return;
        };
        let context = Context {
            now,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        let connection = Connection::open_passive(&opening, self.settings, segment, &context);
        self.connections.insert(connection);
        self.listeners.count(port);
        self.settle(opening.id.index);
    }

    /// Everything that must be known about a connection beforehand. A full table
    /// gives up the oldest TIME_WAIT.
    pub(super) fn opening(
        &mut self,
        endpoints: Endpoints,
        now: Nanos,
    ) -> Result<Opening, ConnectError> {
        let next_hop = self
            .config
            .next_hop(endpoints.remote)
            .ok_or(ConnectError::NoRoute)?;
        while self.connections.next_id().is_none()
            && let Some(oldest) = self.expendable.pop()
        {
            self.end_time_wait(oldest);
        }
        let id = self.connections.next_id().ok_or(ConnectError::TableFull)?;
        let secret = &self.config.secret;
        let local = self.config.address;
        Ok(Opening {
            id,
            endpoints,
            next_hop,
            initial: initial_sequence(secret, local, endpoints, now),
            timestamp_offset: timestamp_offset(secret, local, endpoints),
        })
    }

    /// Frees a slot in TIME_WAIT at once. Its application was told already.
    pub(super) fn end_time_wait(&mut self, index: u32) {
        if let Some(connection) = self.connections.at(index)
            && connection.is_expendable()
        {
            connection.receiving.queue.clear(&mut self.budget);
            self.connections.remove(index);
        }
    }
}
