//! The window we offer (RFC 9293, 3.8.6.2.2; RFC 1122, 4.2.3.3).

use super::connection::Connection;
use super::receive_queue::BufferBudget;
use super::sequence::Seq;
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Gives back received bytes and notes a window update when one is worth a
    /// segment of its own. Whether anybody has to act on that.
    pub(crate) fn consume(&mut self, count: usize, budget: &mut BufferBudget) -> bool {
        self.receiving.queue.consume(count, budget);
        if matches!(self.state, State::TimeWait | State::Closed) {
            self.report_finished();
            true
        } else if self.state.may_receive() && self.is_window_update_due() {
            self.acknowledge_now();
            true
        } else {
            false
        }
    }

    /// The largest window that the field can tell.
    fn largest_window(&self) -> usize {
        usize::from(u16::MAX) << self.receiving.scale.unwrap_or(0)
    }

    /// What the memory and the field allow.
    fn possible_edge(&self) -> Seq {
        let queue = &self.receiving.queue;
        let free = if queue.is_full() {
            0
        } else {
            self.settings
                .receive_window
                .saturating_sub(queue.ready_bytes())
                .min(self.largest_window())
        };
        queue.next().advanced(free)
    }

    /// A quarter of the whole window has become free since the peer was last
    /// told and it is running short, or it can hardly send anything at all:
    /// more updates would only cost segments.
    fn is_window_update_due(&self) -> bool {
        let receiving = &self.receiving;
        let capacity = self.settings.receive_window.min(self.largest_window());
        let left = receiving.edge.since(receiving.queue.next());
        let is_short = left < capacity / 2;
        let is_out = left < usize::from(self.settings.mss);
        if !is_short && !is_out {
            return false;
        }
        let gain = self.possible_edge().since(receiving.edge);
        gain >= self.silly_window() && (is_out || gain >= capacity / 4)
    }

    /// The edge moves by no less than this, so that no small segments are asked
    /// for (silly window syndrome).
    fn silly_window(&self) -> usize {
        (self.settings.receive_window / 2).min(usize::from(self.settings.mss))
    }

    /// The window field of a segment sent now, and the edge it tells the peer.
    pub(super) fn offered_window(&self, unscaled: bool) -> (u16, Seq) {
        let receiving = &self.receiving;
        let possible = self.possible_edge();
        let edge = if possible.since(receiving.edge) >= self.silly_window() {
            possible
        } else {
            receiving.edge
        };
        let next = receiving.queue.next();
        let scale = if unscaled {
            0
        } else {
            receiving.scale.unwrap_or(0)
        };
        let field = u16::try_from(edge.since(next) >> scale).unwrap_or(u16::MAX);
        let told = next.advanced(usize::from(field) << scale);
        (field, receiving.edge.later_of(told))
    }
}
