//! SYN_SENT and SYN_RECEIVED (RFC 9293, 3.5, 3.10.7.2 to 3.10.7.4).

use super::acceptance::Verdict;
use super::congestion::Congestion;
use super::connection::{Connection, Context, Opening, Settings};
use super::options::{Options, TIMESTAMPS_LEN};
use super::path_mtu::PathMtu;
use super::receive_queue::ReceiveQueue;
use super::segment::{Pieces, Segment};
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::event::CloseReason;
use crate::limits::{DEFAULT_PEER_MSS, MIN_MSS};
use crate::wire::tcp::Flags;

/// The largest window a SYN can offer, as it is never scaled.
pub(crate) const MAX_UNSCALED_WINDOW: usize = 65_535;

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// A connection we open; its SYN is due.
    pub(crate) fn open_active(opening: &Opening, settings: Settings) -> Self {
        Self::new(opening, settings, State::SynSent)
    }

    /// A connection opened by `syn`; its SYN-ACK is due.
    pub(crate) fn open_passive(
        opening: &Opening,
        settings: Settings,
        syn: &Segment,
        context: &Context<'_>,
    ) -> Self {
        let mut connection = Self::new(opening, settings, State::SynReceived);
        connection.take_syn(syn, context);
        connection
    }

    /// As `open_passive`, after our SYN-ACK went out with a cookie for its number.
    pub(crate) fn open_answered(
        opening: &Opening,
        settings: Settings,
        syn: &Segment,
        context: &Context<'_>,
    ) -> Self {
        let mut connection = Self::open_passive(opening, settings, syn, context);
        connection.half_open = false;
        connection.output_due = false;
        let sending = &mut connection.sending;
        sending.next = opening.initial.advanced(1);
        sending.highest = sending.next;
        // The timestamp that comes back is not quite the time it was sent.
        sending.retransmitted = Some(context.now);
        connection
    }

    /// Takes the peer's initial sequence number and options.
    fn take_syn(&mut self, syn: &Segment, context: &Context<'_>) {
        let receiving = &mut self.receiving;
        receiving.initial = syn.seq;
        receiving.queue = ReceiveQueue::new(syn.seq.advanced(1));
        receiving.acknowledged = syn.seq.advanced(1);
        receiving.edge = syn
            .seq
            .advanced(1 + self.settings.receive_window.min(MAX_UNSCALED_WINDOW));
        self.negotiate(&syn.options, context);
        // The window field of a SYN is never scaled (RFC 7323, 2.2).
        self.sending.window = usize::from(syn.window);
        self.sending.max_window = self.sending.window;
        self.sending.window_seq = syn.seq;
        self.sending.window_ack = syn.ack;
    }

    fn negotiate(&mut self, options: &Options, context: &Context<'_>) {
        match options.window_scale {
            Some(shift) => self.sending.scale = shift,
            None => self.receiving.scale = None,
        }
        let mut reserved = 0;
        match (&mut self.timestamps, options.timestamps) {
            (Some(clock), Some(timestamps)) => {
                clock.remember(timestamps.value, context.now);
                reserved = TIMESTAMPS_LEN;
            }
            (clock, _) => *clock = None,
        }
        // RFC 2018, 2.
        self.sack &= options.sack_permitted;
        // RFC 6691: the option counts no TCP options, so they come off here.
        let peer = options.mss.unwrap_or(DEFAULT_PEER_MSS).max(MIN_MSS);
        let mss = (peer.min(self.settings.mss) - reserved).min(self.settings.max_segment);
        self.sending.mss = usize::from(mss);
        self.sending.path = PathMtu::new(self.sending.mss);
        self.congestion = Congestion::new(
            usize::from(mss),
            self.sack,
            self.settings.congestion_control,
        );
    }

    /// RFC 9293, 3.10.7.3.
    pub(crate) fn on_segment_syn_sent(
        &mut self,
        segment: &Segment,
        context: &mut Context<'_>,
    ) -> Verdict {
        let acknowledges = segment.has(Flags::ACK);
        if acknowledges
            && !(segment.ack.is_after(self.sending.unacknowledged)
                && self.sending.highest.at_least(segment.ack))
        {
            context.stats.dropped_unacceptable += 1;
            return if segment.has(Flags::RST) {
                Verdict::Done
            } else {
                Verdict::AnswerWithReset
            };
        }
        if segment.has(Flags::RST) {
            if acknowledges {
                context.stats.resets_in += 1;
                self.terminate(CloseReason::Refused, context);
            }
            return Verdict::Done;
        }
        if !segment.has(Flags::SYN) {
            context.stats.dropped_unacceptable += 1;
            return Verdict::Done;
        }
        self.take_syn(segment, context);
        if acknowledges {
            self.take_acknowledgement_of_syn(segment, context);
            self.establish(context);
            self.acknowledge_now();
        } else {
            // Simultaneous open: our SYN goes out again, with ACK.
            self.state = State::SynReceived;
            self.sending.next = self.sending.initial;
            self.output_due = true;
        }
        Verdict::Done
    }

    /// SYN_RECEIVED: everything but the peer's repeated SYN and the first
    /// acknowledgement is as in the synchronised states.
    pub(crate) fn on_segment_syn_received(
        &mut self,
        segment: &Segment,
        pieces: &mut Pieces<R>,
        context: &mut Context<'_>,
    ) -> Verdict {
        let repeated_syn = segment.has(Flags::SYN)
            && !segment.has(Flags::RST)
            && segment.seq == self.receiving.initial;
        if repeated_syn && !segment.has(Flags::ACK) {
            // Our SYN-ACK was lost: send it again.
            self.sending.next = self.sending.initial;
            self.output_due = true;
            return Verdict::Done;
        }
        // In a simultaneous open the peer's SYN-ACK repeats its SYN; only the
        // acknowledgement in it is news.
        if !repeated_syn && !self.is_acceptable(segment, context) {
            return Verdict::Done;
        }
        if !(segment.ack.is_after(self.sending.unacknowledged)
            && self.sending.highest.at_least(segment.ack))
        {
            context.stats.dropped_unacceptable += 1;
            return Verdict::AnswerWithReset;
        }
        self.take_acknowledgement_of_syn(segment, context);
        self.establish(context);
        if repeated_syn {
            self.sending.window = usize::from(segment.window);
            self.acknowledge_now();
            return Verdict::Done;
        }
        self.set_send_window(segment);
        self.on_segment_synchronised(segment, pieces, context)
    }

    fn take_acknowledgement_of_syn(&mut self, segment: &Segment, context: &mut Context<'_>) {
        let sending = &mut self.sending;
        sending.unacknowledged = sending.initial.advanced(1);
        sending.next = sending.unacknowledged.later_of(sending.next);
        if let Some((_, sent)) = sending.timed.take() {
            self.rtt.sample(context.now.saturating_sub(sent));
        } else if let (Some(clock), Some(timestamps)) =
            (&self.timestamps, segment.options.timestamps)
            && let Some(rtt) =
                clock.round_trip(timestamps.echo, self.sending.retransmitted, context.now)
        {
            self.rtt.sample(rtt);
        }
        self.sending.timeouts = 0;
        self.deadlines.retransmit = Deadline::NEVER;
    }

    fn establish(&mut self, context: &mut Context<'_>) {
        self.state = if self.sending.fin_requested {
            State::FinWait1
        } else {
            State::Established
        };
        self.sending.source_ready = !self.sending.fin_requested;
        self.sending.recover = self.sending.initial;
        self.announced = true;
        self.events.opened = true;
        self.watch_for_silence(context);
        self.output_due = true;
        if self.passive {
            context.stats.connections_accepted += 1;
        } else {
            context.stats.connections_opened += 1;
        }
    }
}
