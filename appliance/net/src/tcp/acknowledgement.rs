//! The ACK field and the window of a segment (RFC 9293, 3.10.7.4, fifth; RFC
//! 5681, 6298, 6582).

use super::congestion::{Acked, Reaction};
use super::connection::{Connection, Context};
use super::segment::Segment;
use super::sequence::Seq;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::wire::tcp::Flags;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Processes the ACK field. False: the segment must be dropped.
    pub(super) fn take_acknowledgement(
        &mut self,
        segment: &Segment,
        context: &mut Context<'_>,
    ) -> bool {
        if segment.ack.is_after(self.sending.highest) {
            // Acknowledges something not sent yet.
            context.stats.dropped_unacceptable += 1;
            self.challenge(context);
            return false;
        }
        if segment.ack.is_before(self.sending.unacknowledged) {
            let age = self.sending.unacknowledged.since(segment.ack);
            if age > self.sending.max_window {
                // RFC 5961, 5.2: too old to be the peer's.
                context.stats.dropped_unacceptable += 1;
                self.challenge(context);
                return false;
            }
            return true;
        }
        let window_before = self.sending.window;
        self.update_send_window(segment);
        let window_changed = self.sending.window != window_before;
        self.sending.timeouts = 0;
        let advances = segment.ack.is_after(self.sending.unacknowledged);
        self.sending.scoreboard.begin();
        if advances {
            self.advance(segment, context);
        }
        if self.sack {
            self.take_sack(segment, advances, context);
        } else if !advances && self.sending.outstanding() > 0 {
            let duplicate = segment.len == 0 && !segment.has(Flags::FIN) && !window_changed;
            if duplicate {
                self.take_duplicate(context);
            }
        }
        if self.sending.outstanding() == 0 && self.sending.window > 0 {
            self.deadlines.retransmit = Deadline::NEVER;
        }
        self.output_due |= window_changed;
        true
    }

    /// RFC 9293 asks for the sequence number first, and so does not take the window of what the peer sends again
    /// or what comes late, even if it acknowledges more. The old window would begin at the new place then, and
    /// reach further than the peer has ever offered.
    fn update_send_window(&mut self, segment: &Segment) {
        let sending = &self.sending;
        let newer = segment.ack.is_after(sending.unacknowledged)
            || segment.seq.is_after(sending.window_seq)
            || (segment.seq == sending.window_seq && segment.ack.at_least(sending.window_ack));
        if newer {
            self.set_send_window(segment);
        }
    }

    pub(super) fn set_send_window(&mut self, segment: &Segment) {
        let sending = &mut self.sending;
        sending.window = usize::from(segment.window) << sending.scale;
        sending.max_window = sending.max_window.max(sending.window);
        sending.window_seq = segment.seq.later_of(sending.window_seq);
        sending.window_ack = segment.ack;
    }

    /// New data is acknowledged.
    fn advance(&mut self, segment: &Segment, context: &mut Context<'_>) {
        let outstanding = self.sending.outstanding();
        let acked = segment.ack.since(self.sending.unacknowledged);
        self.sample_round_trip(segment, context);
        let sending = &mut self.sending;
        sending.unacknowledged = segment.ack;
        sending.path.on_progress();
        sending.queue.release(segment.ack);
        sending.scoreboard.acknowledge(segment.ack, context.now);
        // After a time-out the peer may already have what comes after the gap.
        sending.next = sending.next.later_of(segment.ack);
        let limited = outstanding * 2 >= self.congestion.window();
        let everything = segment.ack.at_least(sending.recover);
        let flight = sending.outstanding();
        let reaction = self.congestion.on_acked(&Acked {
            bytes: acked,
            flight,
            everything,
            limited,
            now: context.now,
            round_trip: self.rtt.smoothed(),
        });
        self.react(reaction);
        // RFC 6298, 5.2 and 5.3.
        self.deadlines.retransmit = match self.sending.outstanding() {
            0 => Deadline::NEVER,
            _ => Deadline::at(context.now + self.rtt.timeout()),
        };
        self.output_due = true;
    }

    fn take_duplicate(&mut self, context: &mut Context<'_>) {
        let may_recover = self.sending.unacknowledged.is_after(self.sending.recover);
        let flight = self.sending.outstanding();
        let was_in_recovery = self.congestion.in_recovery();
        let reaction = self.congestion.on_duplicate(flight, may_recover);
        if self.congestion.in_recovery() && !was_in_recovery {
            context.stats.fast_retransmits += 1;
            self.sending.recover = self.sending.highest;
        }
        self.react(reaction);
        self.output_due = true;
    }

    fn react(&mut self, reaction: Reaction) {
        if reaction == Reaction::RetransmitFirst && self.sending.outstanding() > 0 {
            self.sending.retransmit_first = true;
            // Karn: what is timed may be what was lost.
            self.sending.timed = None;
        }
    }

    /// RFC 6298, 3; RFC 7323, 4.1: by our own clock for what was sent once, by
    /// timestamps otherwise.
    fn sample_round_trip(&mut self, segment: &Segment, context: &Context<'_>) {
        let timed: Option<(Seq, _)> = self.sending.timed;
        if let Some((end, sent)) = timed {
            if segment.ack.at_least(end) {
                self.rtt.sample(context.now.saturating_sub(sent));
                self.sending.timed = None;
            }
        } else if let (Some(clock), Some(timestamps)) =
            (&self.timestamps, segment.options.timestamps)
            && let Some(rtt) =
                clock.round_trip(timestamps.echo, self.sending.retransmitted, context.now)
        {
            self.rtt.sample(rtt);
        }
    }
}
