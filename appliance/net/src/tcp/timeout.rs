//! What happens when a connection's deadlines pass (RFC 6298, 5.4 to 5.7; RFC
//! 9293, 3.8.6.1).

use super::connection::{Connection, Context, Probe};
use super::state::State;
use super::tail_probe::TailProbe;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::event::CloseReason;
use crate::limits::{MAX_RETRANSMITS, MAX_SYN_RETRANSMITS};

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    pub(crate) fn on_timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let is_due = |deadline: Deadline| deadline.is_due(now);
        if is_due(self.deadlines.linger) {
            let reason = if matches!(self.state, State::TimeWait | State::Closed) {
                CloseReason::Finished
            } else {
                context.stats.connections_timed_out += 1;
                CloseReason::TimedOut
            };
            return self.terminate(reason, context);
        }
        if is_due(self.deadlines.delayed_ack) {
            self.deadlines.delayed_ack = Deadline::NEVER;
            self.acknowledge_now();
        }
        if is_due(self.deadlines.retransmit) {
            self.on_retransmission_timeout(context);
        }
        if is_due(self.deadlines.tail_probe) {
            self.deadlines.tail_probe = Deadline::NEVER;
            self.on_tail_probe_timeout();
        }
        if is_due(self.deadlines.reordering) {
            self.deadlines.reordering = Deadline::NEVER;
            self.find_losses(context);
        }
        if is_due(self.deadlines.keepalive) {
            self.on_silence(context);
        }
    }

    fn on_retransmission_timeout(&mut self, context: &mut Context<'_>) {
        let handshaking = !self.state.is_synchronised();
        let allowed = if handshaking {
            MAX_SYN_RETRANSMITS
        } else {
            MAX_RETRANSMITS
        };
        if self.sending.timeouts >= allowed {
            context.stats.connections_timed_out += 1;
            return self.terminate(CloseReason::TimedOut, context);
        }
        let repeated = self.sending.timeouts > 0;
        self.sending.timeouts += 1;
        self.rtt.back_off();
        self.deadlines.retransmit = Deadline::at(context.now + self.rtt.timeout());
        self.output_due = true;
        let sending = &mut self.sending;
        if !handshaking && sending.window == 0 && sending.flight() == 0 {
            // Nothing may be sent but a probe.
            sending.probe_due = Some(Probe::Window);
            return;
        }
        if sending.outstanding() == 0 {
            // Only waiting for the next hop's address.
            return;
        }
        context.stats.timeouts += 1;
        if !handshaking {
            self.look_for_black_hole(context);
        }
        let sending = &mut self.sending;
        // Go back to the first unacknowledged byte; acknowledgements move
        // `next` past whatever the peer holds already. With the scoreboard only
        // what the peer did not report is sent again.
        let outstanding = sending.outstanding();
        if self.sack && !handshaking {
            let smoothed = self.rtt.smoothed();
            sending
                .scoreboard
                .on_timeout(repeated, smoothed, context.now);
        } else {
            sending.next = sending.unacknowledged;
        }
        sending.tail_probe = TailProbe::default();
        self.deadlines.reordering = Deadline::NEVER;
        self.deadlines.tail_probe = Deadline::NEVER;
        sending.recover = sending.highest;
        sending.retransmit_first = false;
        sending.timed = None;
        if !handshaking {
            self.congestion.on_timeout(outstanding, repeated);
        }
    }
}
