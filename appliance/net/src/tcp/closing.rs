//! The ways out of ESTABLISHED: our close, the peer's FIN, and the
//! acknowledgement of ours (RFC 9293, 3.6).

use super::connection::{Connection, Context, Deadlines};
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::event::CloseReason;
use crate::limits::TIME_WAIT;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// The application will send no more than what was pulled already.
    pub(crate) fn close(&mut self, context: &mut Context<'_>) {
        match self.state {
            State::SynSent => return self.terminate(CloseReason::Finished, context),
            // FIN_WAIT_1 follows as soon as the handshake is complete.
            State::SynReceived => {}
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.sending.fin_requested = true;
        self.sending.source_ready = false;
        self.output_due = true;
    }

    /// The peer's FIN is in order.
    pub(super) fn on_peer_fin(&mut self, context: &mut Context<'_>) {
        self.events.peer_closed = true;
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(context),
            _ => {}
        }
    }

    /// The peer has everything we sent, FIN included.
    pub(super) fn on_fin_acknowledged(&mut self, context: &mut Context<'_>) {
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.enter_time_wait(context),
            State::LastAck => self.finish(context),
            _ => {}
        }
    }

    /// CLOSED without TIME_WAIT, once everything received is read.
    fn finish(&mut self, context: &mut Context<'_>) {
        self.state = State::Closed;
        self.linger(context);
    }

    fn enter_time_wait(&mut self, context: &mut Context<'_>) {
        self.state = State::TimeWait;
        self.linger(context);
    }

    /// Nothing is left to send; an application that never reads the rest is not
    /// waited for longer than TIME_WAIT.
    fn linger(&mut self, context: &mut Context<'_>) {
        self.sending.queue.clear();
        self.deadlines = Deadlines {
            linger: Deadline::at(context.now + TIME_WAIT),
            ..Deadlines::default()
        };
        self.report_finished();
    }

    /// With both directions closed, the application is told once it has read
    /// everything.
    pub(crate) fn report_finished(&mut self) {
        if matches!(self.state, State::TimeWait | State::Closed)
            && !self.detached
            && self.receiving.queue.ready_bytes() == 0
        {
            self.events.closed = Some(CloseReason::Finished);
        }
    }
}
