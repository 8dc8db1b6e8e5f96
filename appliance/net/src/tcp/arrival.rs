//! The payload and FIN of an acceptable segment, and when they are acknowledged
//! (RFC 9293, 3.10.7.4, seventh and eighth; RFC 5681, 4.2).

use crate::nanos::Nanos;

use super::connection::{Connection, Context};
use super::receive_queue::Insertion;
use super::segment::{Pieces, Segment};
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::limits::{DELAYED_ACK, MAX_ACKS_OWED};
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    pub(super) fn take_arrival(
        &mut self,
        segment: &Segment,
        pieces: &mut Pieces<R>,
        context: &mut Context<'_>,
    ) {
        let occupies = segment.len > 0 || segment.has(Flags::FIN);
        if !occupies {
            return;
        }
        if !self.state.may_receive() {
            // Repeated, or sent after a FIN: nothing of it can be new.
            self.acknowledge_now();
            return;
        }
        let receiving = &mut self.receiving;
        receiving.note_duplicate(segment);
        let outcome = receiving
            .queue
            .insert(segment.seq, pieces, receiving.edge, context.budget);
        receiving.note_segment(segment.len, usize::from(self.settings.mss));
        context.stats.payload_bytes_in += outcome.in_order as u64;
        context.stats.out_of_order += u64::from(outcome.out_of_order);
        context.stats.dropped_buffers += u64::from(outcome.dropped);
        self.events.readable |= outcome.in_order > 0;
        if segment.has(Flags::FIN) {
            self.note_fin(segment);
        }
        let finished = self.receiving.fin == Some(self.receiving.queue.next());
        self.schedule_acknowledgement(&outcome, finished || segment.has(Flags::FIN), context);
        if finished {
            self.receiving.queue.skip_fin();
            self.receiving.fin = None;
            self.on_peer_fin(context);
        }
    }

    /// A FIN ahead of a gap waits for the data before it, if it lies within the
    /// window.
    fn note_fin(&mut self, segment: &Segment) {
        let fin = segment.seq.advanced(segment.len);
        if self.receiving.edge.at_least(fin) && fin.at_least(self.receiving.queue.next()) {
            self.receiving.fin = Some(fin);
        }
    }

    fn schedule_acknowledgement(&mut self, outcome: &Insertion, fin: bool, context: &Context<'_>) {
        let receiving = &mut self.receiving;
        let in_disorder = outcome.out_of_order || outcome.dropped || receiving.queue.has_gap();
        if in_disorder || (outcome.in_order == 0 && outcome.trimmed) {
            // RFC 5681, 4.2: each one at once, so that the peer can count.
            receiving.acks_owed = receiving.acks_owed.saturating_add(1).min(MAX_ACKS_OWED);
            self.output_due = true;
            return;
        }
        if fin || outcome.filled_gap || outcome.trimmed {
            self.acknowledge_now();
        } else {
            self.await_more(context.now);
        }
    }

    /// Something arrived in order: at least every second full-sized segment is acknowledged at once (RFC 5681, 4.2).
    pub(super) fn await_more(&mut self, now: Nanos) {
        let receiving = &self.receiving;
        let pending = receiving.queue.next().since(receiving.acknowledged);
        if pending >= 2 * receiving.segment {
            self.acknowledge_now();
        } else if !self.deadlines.delayed_ack.is_set() {
            self.deadlines.delayed_ack = Deadline::at(now + DELAYED_ACK);
        }
    }
}
