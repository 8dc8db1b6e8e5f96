//! TIME_WAIT: answering what is still under way, and making room for a new
//! connection between the same endpoints (RFC 9293, 3.6.1, 3.10.7.4; RFC 6191).

use super::acceptance::Verdict;
use super::connection::{Connection, Context};
use super::segment::Segment;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::limits::TIME_WAIT;
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    pub(super) fn on_segment_time_wait(
        &mut self,
        segment: &Segment,
        context: &mut Context<'_>,
    ) -> Verdict {
        // RFC 1337: RST does not end TIME_WAIT.
        if segment.has(Flags::RST) {
            return Verdict::Done;
        }
        if segment.has(Flags::SYN) && !segment.has(Flags::ACK) && self.is_new_incarnation(segment) {
            return Verdict::Reincarnate;
        }
        if segment.sequence_len() > 0 {
            // The peer missed our last acknowledgement.
            self.deadlines.linger = Deadline::at(context.now + TIME_WAIT);
            self.acknowledge_now();
        }
        Verdict::Done
    }

    /// RFC 6191, 2: a later timestamp, or without one a later sequence number.
    fn is_new_incarnation(&self, syn: &Segment) -> bool {
        match (&self.timestamps, syn.options.timestamps) {
            (Some(clock), Some(timestamps)) if clock.is_newer(timestamps.value) => true,
            _ => syn.seq.is_after(self.receiving.queue.next()),
        }
    }
}
