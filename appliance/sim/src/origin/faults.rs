//! How the origin answers: late, twice, never, or with a connection that breaks in the middle.

use std::time::Duration;

use net::ConnectionId;

use super::{Origin, Work};
use crate::nfs::rpc;

/// A reply held back for long comes within this time.
const LONG_MS: u64 = 3000;

impl Origin {
    pub(super) fn answer(&mut self, connection: ConnectionId, reply: Vec<u8>, now: Duration) {
        let options = self.options;
        if self.random.chance(options.silences) {
            return;
        }
        let takes = self.random.below(options.service + 1);
        let mut at = now + Duration::from_micros(takes);
        if self.random.chance(options.slow_replies) {
            at += Duration::from_millis(self.random.below(LONG_MS));
        }
        if self.random.chance(options.stray_replies) {
            self.answer_nobody(connection, now);
        }
        if self.random.chance(options.killed_replies) {
            let len = self.random.index(reply.len() + 1);
            let bytes = reply[..len].to_vec();
            let then_die = true;
            let send = Work::Send {
                connection,
                bytes,
                then_die,
            };
            self.schedule(at, send);
            return;
        }
        if self.random.chance(options.repeated_replies) {
            let again = at + Duration::from_micros(self.random.below(5000));
            self.send(connection, reply.clone(), again);
        }
        self.send(connection, reply, at);
    }

    fn send(&mut self, connection: ConnectionId, bytes: Vec<u8>, at: Duration) {
        let send = Work::Send {
            connection,
            bytes,
            then_die: false,
        };
        self.schedule(at, send);
    }

    /// A reply with an xid that is nobody's, or that of a call on another connection.
    fn answer_nobody(&mut self, connection: ConnectionId, now: Duration) {
        let other = self
            .streams
            .iter()
            .find(|(other, stream)| {
                **other != connection && stream.peer != self.streams[&connection].peer
            })
            .map(|(_, stream)| stream.peer);
        let foreign = other.and_then(|peer| self.replies.unanswered(peer));
        let random = u32::try_from(self.random.next() >> 32).expect("32 bits");
        let xid = self
            .awaited_elsewhere(connection)
            .or(foreign)
            .unwrap_or(random);
        // Whatever it is read as: a success with wrong bytes.
        let reply = rpc::reply(xid, &[0; 200]);
        self.send(connection, reply, now);
    }

    /// The xid of a call of the same peer on another connection that has not been carried out.
    fn awaited_elsewhere(&self, connection: ConnectionId) -> Option<u32> {
        let peer = self.streams.get(&connection)?.peer;
        self.work.values().find_map(|work| match work {
            Work::Execute {
                connection: of,
                record,
            } if *of != connection && self.streams.get(of)?.peer == peer => {
                Some(rpc::decode_call(record)?.xid)
            }
            _ => None,
        })
    }
}
