//! RST for segments that belong to no connection, and for connections that the
//! application aborts (RFC 9293, 3.5.2, 3.10.5).

use crate::nanos::Nanos;

use super::Stack;
use super::bare_segment::BareSegment;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::event::{CloseReason, ConnectionId};
use crate::tcp::connection::{Context, PendingEvents};
use crate::tcp::options::Options;
use crate::tcp::segment::{Endpoints, Segment};
use crate::tcp::sequence::Seq;
use crate::tcp::state::State;
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Ends the connection at once with RST, dropping both queues. No event
    /// follows; the id is dead.
    pub fn abort(&mut self, connection: ConnectionId) {
        let Some(named) = self.connections.named_mut(connection) else {
            return;
        };
        named.detached = true;
        if named.state == State::TimeWait {
            // Nothing is left to reset; the queue goes, the state stays.
            named.receiving.queue.clear(&mut self.budget);
            named.events = PendingEvents::default();
            return self.settle(connection.index);
        }
        let tells_peer = named.state.is_synchronised() && named.state != State::Closed;
        let endpoints = named.endpoints;
        let (seq, ack) = (named.sending.highest, named.receiving.queue.next());
        let next_hop = named.next_hop;
        let mut context = Context {
            // Ending is not timed.
            now: Nanos::ZERO,
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        named.terminate(CloseReason::Reset, &mut context);
        self.settle(connection.index);
        if tells_peer && let Some(mac) = self.neighbours.last_known(next_hop) {
            self.push_reset(mac, endpoints, seq, Some(ack));
        }
    }

    /// RFC 9293, 3.5.2, group 1: with the number the peer expects, or, to a
    /// segment without ACK, acknowledging what it sent.
    pub(super) fn answer_with_reset(&mut self, source_mac: [u8; 6], segment: &Segment) {
        if segment.has(Flags::RST) {
            return;
        }
        let (seq, ack) = if segment.has(Flags::ACK) {
            (segment.ack, None)
        } else {
            (Seq(0), Some(segment.end()))
        };
        self.push_reset(source_mac, segment.endpoints, seq, ack);
    }

    fn push_reset(
        &mut self,
        destination_mac: [u8; 6],
        endpoints: Endpoints,
        seq: Seq,
        ack: Option<Seq>,
    ) {
        self.stats.resets_out += 1;
        self.push_segment(
            destination_mac,
            endpoints,
            &BareSegment {
                seq,
                ack,
                flags: Flags::RST,
                window: 0,
                options: Options::default(),
            },
        );
    }
}
