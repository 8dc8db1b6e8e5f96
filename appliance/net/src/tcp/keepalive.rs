//! A peer that vanished without a word is noticed (RFC 9293, 3.8.4), so that
//! what is held for it comes back.

use super::connection::{Connection, Context, Probe};
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::event::CloseReason;
use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES};

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// The connection is established: silence counts from now on.
    pub(super) fn watch_for_silence(&mut self, context: &Context<'_>) {
        self.receiving.heard = context.now;
        self.deadlines.keepalive = Deadline::at(context.now + KEEPALIVE_IDLE);
    }

    /// The keepalive deadline passed. It is not moved with every segment: the
    /// peer may have been heard in between.
    pub(super) fn on_silence(&mut self, context: &mut Context<'_>) {
        // The other states end by time-outs of their own.
        if !matches!(self.state, State::Established | State::CloseWait) {
            self.deadlines.keepalive = Deadline::NEVER;
            return;
        }
        let patient_until = self.receiving.heard + KEEPALIVE_IDLE;
        if context.now < patient_until {
            self.keepalive_probes = 0;
            self.deadlines.keepalive = Deadline::at(patient_until);
            return;
        }
        self.deadlines.keepalive = Deadline::at(context.now + KEEPALIVE_INTERVAL);
        if self.sending.outstanding() > 0 || self.deadlines.retransmit.is_set() {
            // Retransmissions and window probes ask already, and give up.
            return;
        }
        if self.keepalive_probes >= KEEPALIVE_PROBES {
            context.stats.connections_timed_out += 1;
            return self.terminate(CloseReason::TimedOut, context);
        }
        self.keepalive_probes += 1;
        self.sending.probe_due = Some(Probe::Keepalive);
        self.output_due = true;
    }
}
