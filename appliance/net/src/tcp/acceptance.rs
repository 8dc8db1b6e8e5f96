//! Whether a segment may be processed at all: the window test, PAWS, and RST
//! and SYN in synchronised states (RFC 9293, 3.10.7.4; RFC 5961; RFC 7323, 5).

use super::connection::{Connection, Context};
use super::segment::Segment;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::event::CloseReason;
use crate::limits::CHALLENGE_INTERVAL;
use crate::wire::tcp::Flags;

/// What the stack has to do after a segment was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing beyond what the connection itself notes down.
    Done,
    /// The segment is answered with RST.
    AnswerWithReset,
    /// TIME_WAIT ends for the sake of this SYN, which goes to the listener.
    Reincarnate,
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// Runs all checks up to and including the ACK bit. False: the segment is
    /// dealt with (dropped, answered, or it ended the connection).
    pub(super) fn is_acceptable(&mut self, segment: &Segment, context: &mut Context<'_>) -> bool {
        if !segment.has(Flags::RST) && !self.passes_paws(segment, context) {
            return false;
        }
        if !self.is_in_window(segment) {
            context.stats.dropped_unacceptable += 1;
            if !segment.has(Flags::RST) {
                self.answer_unacceptable(segment, context);
            }
            return false;
        }
        if segment.has(Flags::RST) {
            self.on_reset(segment, context);
            return false;
        }
        if segment.has(Flags::SYN) {
            // RFC 5961, 4.2.
            self.challenge(context);
            return false;
        }
        if !segment.has(Flags::ACK) {
            context.stats.dropped_unacceptable += 1;
            return false;
        }
        true
    }

    fn passes_paws(&mut self, segment: &Segment, context: &mut Context<'_>) -> bool {
        let Some(clock) = &mut self.timestamps else {
            return true;
        };
        let Some(timestamps) = segment.options.timestamps else {
            // RFC 7323, 3.2: once negotiated, every segment must have them.
            context.stats.dropped_unacceptable += 1;
            return false;
        };
        if clock.is_old(timestamps.value, context.now) {
            context.stats.dropped_unacceptable += 1;
            self.answer_unacceptable(segment, context);
            return false;
        }
        // RFC 7323, 4.3 (2): not of what lies ahead of a gap. A repetition of
        // what was received counts too, although RFC 7323 drops it before this
        // step: its sender measures from our answer to it. It must be recent,
        // so that this takes no less guessing than a segment in the window.
        let next = self.receiving.queue.next();
        if self.receiving.acknowledged.at_least(segment.seq)
            && next.since(segment.seq) <= self.settings.receive_window
        {
            clock.remember(timestamps.value, context.now);
        }
        true
    }

    /// RFC 9293, table 6, with two widenings: an empty segment may lie on the
    /// edge (a peer that has filled the window acknowledges from there), and in
    /// a closed window the next byte is let through for its ACK; its data is
    /// cut off later.
    fn is_in_window(&self, segment: &Segment) -> bool {
        let next = self.receiving.queue.next();
        let edge = self.receiving.edge;
        if segment.seq == next {
            true
        } else if segment.sequence_len() == 0 {
            segment.seq.is_after(next) && edge.at_least(segment.seq)
        } else {
            segment.seq.is_before(edge) && segment.end().is_after(next)
        }
    }

    /// Something that occupies sequence numbers is always answered (it may be a
    /// repetition because our ACK was lost); empty segments now and then only,
    /// lest two peers answer each other for ever.
    fn answer_unacceptable(&mut self, segment: &Segment, context: &mut Context<'_>) {
        if segment.len > 0 || segment.has(Flags::FIN) {
            let next = self.receiving.queue.next();
            if next.since(segment.seq) <= self.settings.receive_window {
                self.receiving.note_duplicate(segment);
            }
            self.acknowledge_now();
        } else {
            self.challenge(context);
        }
    }

    /// RFC 5961, 3.2: only the exact sequence number resets.
    fn on_reset(&mut self, segment: &Segment, context: &mut Context<'_>) {
        if segment.seq == self.receiving.queue.next() {
            context.stats.resets_in += 1;
            let reason = if self.events.opened || self.state.is_synchronised() {
                CloseReason::Reset
            } else {
                CloseReason::Refused
            };
            self.terminate(reason, context);
        } else {
            self.challenge(context);
        }
    }

    pub(super) fn challenge(&mut self, context: &mut Context<'_>) {
        let due = self
            .receiving
            .challenged
            .is_none_or(|last| context.now.saturating_sub(last) >= CHALLENGE_INTERVAL);
        if due {
            self.receiving.challenged = Some(context.now);
            context.stats.challenge_acks += 1;
            self.acknowledge_now();
        }
    }
}
