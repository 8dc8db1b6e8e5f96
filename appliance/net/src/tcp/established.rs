//! Segments in the synchronised states, from ESTABLISHED to LAST_ACK (RFC 9293,
//! 3.10.7.4).

use super::acceptance::Verdict;
use super::connection::{Connection, Context};
use super::segment::{Pieces, Segment};
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::limits::FIN_WAIT_2_IDLE;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Processes one segment in whatever state the connection is.
    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment,
        pieces: &mut Pieces<R>,
        context: &mut Context<'_>,
    ) -> Verdict {
        if self.take_expected(segment, pieces, context) {
            return Verdict::Done;
        }
        match self.state {
            State::SynSent => self.on_segment_syn_sent(segment, context),
            State::SynReceived => self.on_segment_syn_received(segment, pieces, context),
            State::TimeWait => self.on_segment_time_wait(segment, context),
            State::Closed => Verdict::AnswerWithReset,
            _ => {
                if self.is_acceptable(segment, context) {
                    self.on_segment_synchronised(segment, pieces, context)
                } else {
                    Verdict::Done
                }
            }
        }
    }

    /// ACK, data and FIN of an acceptable segment.
    pub(super) fn on_segment_synchronised(
        &mut self,
        segment: &Segment,
        pieces: &mut Pieces<R>,
        context: &mut Context<'_>,
    ) -> Verdict {
        if !self.take_acknowledgement(segment, context) {
            return Verdict::Done;
        }
        self.receiving.heard = context.now;
        if self.sending.fin_acknowledged() {
            self.on_fin_acknowledged(context);
        }
        if self.state == State::Closed {
            return Verdict::Done;
        }
        self.take_arrival(segment, pieces, context);
        if self.state == State::FinWait2 {
            self.deadlines.linger = Deadline::at(context.now + FIN_WAIT_2_IDLE);
        }
        Verdict::Done
    }
}
