//! Tail loss probes (RFC 8985, 7): when the last segments of a flight, or their
//! acknowledgement, are lost, nothing that arrives later tells. One segment
//! sent after two round trips makes the peer tell, long before the time-out.

use crate::nanos::Nanos;

use super::connection::{Connection, Context, Probe};
use super::output::Outgoing;
use super::segment::Segment;
use super::sequence::Seq;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::frame::Source;
use crate::limits::{MIN_PROBE_TIMEOUT, PEER_DELAYED_ACK};

/// A probe that was sent and what it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentProbe {
    /// The highest number sent when it went out, plus one.
    pub end: Seq,
    /// It repeated the last segment; otherwise it was new data.
    pub repeated: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TailProbe {
    pub due: bool,
    /// One segment may go out beyond the congestion window.
    pub exempt: bool,
    /// Not answered yet: there is one at a time.
    pub sent: Option<SentProbe>,
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Something was sent or acknowledged (RFC 8985, 7.2).
    pub(super) fn arm_tail_probe(&mut self, now: Nanos) {
        self.deadlines.tail_probe = Deadline::NEVER;
        if !self.may_probe_tail() {
            return;
        }
        let mut timeout = (self.rtt.smoothed() * 2).max(Nanos::of(MIN_PROBE_TIMEOUT));
        if self.sending.outstanding() <= self.sending.mss {
            // The peer may wait for a second segment before it answers.
            timeout += PEER_DELAYED_ACK;
        }
        let at = Deadline::at(now + timeout);
        if at < self.deadlines.retransmit {
            self.deadlines.tail_probe = at;
        }
    }

    /// Only while nothing is known to be lost or to have overtaken.
    fn may_probe_tail(&self) -> bool {
        self.sack
            && self.state.is_synchronised()
            && self.sending.tail_probe.sent.is_none()
            && !self.congestion.in_recovery()
            && self.sending.scoreboard.is_in_order()
            && self.sending.outstanding() > 0
    }

    pub(super) fn on_tail_probe_timeout(&mut self) {
        if self.may_probe_tail() {
            self.sending.tail_probe.due = true;
            self.output_due = true;
        }
    }

    /// RFC 8985, 7.3: a new segment if the peer's window lets it out, otherwise
    /// the last one again.
    pub(super) fn next_tail_probe(
        &mut self,
        now: Nanos,
        source: &mut impl Source<T>,
    ) -> Option<Outgoing> {
        if !core::mem::take(&mut self.sending.tail_probe.due) || !self.may_probe_tail() {
            return None;
        }
        self.sending.tail_probe.exempt = true;
        let new = self.next_data(now, source);
        self.sending.tail_probe.exempt = false;
        let segment = match new {
            Some(segment) => segment,
            None => self.last_segment()?,
        };
        Some(Outgoing {
            len: segment.len.min(self.sending.mss),
            probe: Some(Probe::Tail),
            ..segment
        })
    }

    fn last_segment(&self) -> Option<Outgoing> {
        let last = self.sending.scoreboard.last()?;
        let before = last.end.since(last.start).saturating_sub(self.sending.mss);
        let start = last.start.advanced(before);
        let payload = last.end.earlier_of(self.sending.queue.end()).since(start);
        Some(Outgoing::data(start, payload))
    }

    /// The probe went out; the time-out starts anew (RFC 8985, 7.3).
    pub(super) fn on_tail_probe_sent(&mut self, repeated: bool, context: &mut Context<'_>) {
        context.stats.tail_probes += 1;
        self.sending.tail_probe.sent = Some(SentProbe {
            end: self.sending.highest,
            repeated,
        });
        self.deadlines.tail_probe = Deadline::NEVER;
        self.deadlines.retransmit = Deadline::at(context.now + self.rtt.timeout());
    }

    /// RFC 8985, 7.4: an acknowledgement that shows what the probe did. If it
    /// repaired a loss, that calls for the same reaction as any other loss.
    /// `duplicate`: the peer says that it got something twice.
    pub(super) fn take_probe_answer(&mut self, segment: &Segment, advances: bool, duplicate: bool) {
        let Some(sent) = self.sending.tail_probe.sent else {
            return;
        };
        if !segment.ack.at_least(sent.end) {
            return;
        }
        let passed = segment.ack.is_after(sent.end);
        let nothing_lost = !sent.repeated || duplicate || (!passed && !advances);
        if nothing_lost || passed {
            self.sending.tail_probe.sent = None;
        }
        if !nothing_lost && passed {
            self.congestion.on_repaired_loss();
        }
    }
}
