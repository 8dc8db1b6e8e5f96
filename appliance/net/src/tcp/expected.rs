//! What most segments with data are: the next bytes in order, and nothing else that is news, but perhaps an acknowledgement.
//! They need few of the steps that others go through (header prediction; RFC 7323, 5.6).

use super::connection::{Connection, Context};
use super::segment::{Pieces, Segment};
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Takes `segment` if it is such a one, with the outcome of all the other steps. If not, nothing has happened.
    pub(super) fn take_expected(
        &mut self,
        segment: &Segment,
        pieces: &mut Pieces<R>,
        context: &mut Context<'_>,
    ) -> bool {
        let receiving = &mut self.receiving;
        let is_next = self.state == State::Established
            && segment.flags | Flags::PSH == Flags::ACK | Flags::PSH
            && segment.len > 0
            && segment.seq == receiving.queue.next()
            && receiving.edge.since(segment.seq) >= segment.len
            && !receiving.queue.has_gap()
            && receiving.fin.is_none()
            && receiving.queue.has_room(pieces, context.budget);
        if !is_next {
            return false;
        }
        if let Some(clock) = &mut self.timestamps {
            let Some(timestamps) = segment.options.timestamps else {
                return false;
            };
            if clock.is_old(timestamps.value, context.now) {
                return false;
            }
            // RFC 7323, 4.3 (2).
            if receiving.acknowledged == segment.seq {
                clock.remember(timestamps.value, context.now);
            }
        }
        if self.acknowledges_nothing(segment) {
            self.repeat_acknowledgement(segment);
        } else if !self.take_acknowledgement(segment, context) {
            return true;
        }
        let receiving = &mut self.receiving;
        receiving.heard = context.now;
        receiving.queue.extend(pieces, context.budget);
        receiving.note_segment(segment.len, usize::from(self.settings.mss));
        context.stats.payload_bytes_in += segment.len as u64;
        self.events.readable = true;
        self.await_more(context.now);
        true
    }

    /// Neither is more acknowledged nor has the window changed.
    fn acknowledges_nothing(&self, segment: &Segment) -> bool {
        let sending = &self.sending;
        segment.ack == sending.unacknowledged
            && usize::from(segment.window) << sending.scale == sending.window
            && segment.options.sack.is_empty()
            && sending.tail_probe.sent.is_none()
    }

    /// What is left of [`Self::take_acknowledgement`] then.
    fn repeat_acknowledgement(&mut self, segment: &Segment) {
        let sending = &mut self.sending;
        sending.timeouts = 0;
        if segment.seq.at_least(sending.window_seq) {
            sending.window_seq = segment.seq;
            sending.window_ack = segment.ack;
        }
        sending.scoreboard.begin();
        if sending.outstanding() == 0 && sending.window > 0 {
            self.deadlines.retransmit = Deadline::NEVER;
        }
    }
}
