//! What to send next (RFC 9293, 3.8.6.2.1, 3.10.7.4; RFC 5681, 4.1). Nothing is
//! held back for small segments (no Nagle): requests and replies are whole when
//! they are handed over.

use crate::nanos::Nanos;

use mutant::Mutant;

use super::connection::{Connection, Context, Probe};
use super::emit::Burst;
use super::sequence::Seq;
use super::state::State;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::frame::Source;
use crate::limits::{MAX_PULL, MAX_SEND_PIECES};
use crate::wire;
use crate::wire::tcp::Flags;

/// A segment, or with TSO several, that is to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub seq: Seq,
    /// Without FIN and PSH, which depend on what fits.
    pub flags: Flags,
    /// Most payload bytes.
    pub len: usize,
    pub probe: Option<Probe>,
    /// It may end with the last queued byte, and then with FIN.
    pub last: bool,
}

impl Outgoing {
    fn empty(seq: Seq, flags: Flags) -> Self {
        Self {
            seq,
            flags,
            len: 0,
            probe: None,
            last: false,
        }
    }

    /// Queued bytes from `seq` on, and FIN if it follows them.
    pub(super) fn data(seq: Seq, len: usize) -> Self {
        Self {
            len,
            last: true,
            ..Self::empty(seq, Flags::ACK)
        }
    }
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// The next thing to send, or `None`; the caller then emits it at once.
    pub(crate) fn next_outgoing(
        &mut self,
        now: Nanos,
        source: &mut impl Source<T>,
    ) -> Option<Outgoing> {
        match self.state {
            State::Closed => None,
            State::SynSent | State::SynReceived if self.sending.next == self.sending.initial => {
                let flags = if self.state == State::SynSent {
                    Flags::SYN
                } else {
                    Flags::SYN | Flags::ACK
                };
                Some(Outgoing::empty(self.sending.initial, flags))
            }
            State::SynSent => None,
            State::SynReceived | State::TimeWait => self.next_acknowledgement(),
            _ => {
                let outgoing = self
                    .next_tail_probe(now, source)
                    .or_else(|| self.next_retransmission())
                    .or_else(|| self.next_data(now, source))
                    .or_else(|| self.next_fin())
                    .or_else(|| self.next_probe())
                    .or_else(|| self.next_acknowledgement());
                if outgoing.is_none() {
                    self.await_window(now);
                }
                outgoing
            }
        }
    }

    /// Whether [`Self::next_outgoing`] finds nothing for sure. It mostly does after a frame, and this costs less.
    pub(crate) fn is_quiet(&self) -> bool {
        let sending = &self.sending;
        self.state == State::Established
            && !sending.source_ready
            && self.unsent() == 0
            && !sending.fin_requested
            && !sending.retransmit_first
            && !sending.scoreboard.has_lost()
            && !sending.tail_probe.due
            && sending.probe_due.is_none()
            && self.receiving.acks_owed == 0
    }

    fn next_retransmission(&mut self) -> Option<Outgoing> {
        if self.sack {
            return self.next_lost();
        }
        let sending = &mut self.sending;
        if !core::mem::take(&mut sending.retransmit_first) || sending.outstanding() == 0 {
            return None;
        }
        let sent = sending.queue.end().earlier_of(sending.highest);
        let len = sent.since(sending.unacknowledged).min(sending.mss);
        Some(Outgoing::data(sending.unacknowledged, len))
    }

    /// RFC 6675, 4, NextSeg rule 1: the first range that is lost, as far as the
    /// congestion window allows; the first of a recovery goes out at once.
    fn next_lost(&mut self) -> Option<Outgoing> {
        let lost = self.sending.scoreboard.next_lost()?;
        let sending = &self.sending;
        let len = lost.end.since(lost.start);
        let room = self.congestion_room();
        if room < len.min(sending.mss) && !sending.retransmit_first {
            return None;
        }
        // A peer that took its window back gets the first segment only.
        let within = lost.start.since(sending.unacknowledged) < sending.window;
        if !within && lost.start != sending.unacknowledged {
            return None;
        }
        let whole = (room - room % sending.mss).max(sending.mss);
        let payload = lost.end.earlier_of(sending.queue.end()).since(lost.start);
        let len = payload.min(whole).min(self.most_payload());
        self.sending.retransmit_first = false;
        Some(Outgoing::data(lost.start, len))
    }

    pub(super) fn next_data(
        &mut self,
        now: Nanos,
        source: &mut impl Source<T>,
    ) -> Option<Outgoing> {
        if self.sending.next.is_after(self.sending.queue.end()) {
            return None;
        }
        if self.sending.outstanding() == 0
            && now.saturating_sub(self.sending.last_sent) > self.rtt.timeout()
        {
            self.congestion.on_idle();
        }
        if self.sending.scoreboard.is_full() {
            return None;
        }
        self.restore_segment_size(now);
        let flight = self.sending.flight();
        let window = match self.sending.window {
            0 if mutant::is_on(Mutant::ZeroWindowIgnored) => self.sending.max_window,
            window => window,
        };
        let usable = self.congestion_room().min(window.saturating_sub(flight));
        let mss = self.sending.mss;
        // Sender's silly window avoidance, RFC 9293, 3.8.6.2.1.
        let worthwhile =
            |len: usize| len >= mss || flight == 0 || len >= (self.sending.max_window / 2).max(1);
        let most = self.most_payload();
        if worthwhile(usable) {
            self.pull(usable, most, source);
        }
        let unsent = self.unsent();
        let more = self.sending.source_ready;
        let mut len = unsent.min(usable).min(most);
        if len > mss && (len < unsent || more) {
            len -= len % mss;
        }
        let worthwhile = len >= mss
            || flight == 0
            || (len == unsent && !more)
            || len >= (self.sending.max_window / 2).max(1);
        (len > 0 && worthwhile).then(|| Outgoing::data(self.sending.next, len))
    }

    /// Bytes that the congestion window lets out now.
    fn congestion_room(&self) -> usize {
        let in_flight = if self.sack {
            self.sending.scoreboard.in_flight()
        } else {
            self.sending.flight()
        };
        let exempt = if self.sending.tail_probe.exempt {
            self.sending.mss
        } else {
            0
        };
        (self.congestion.window() + exempt).saturating_sub(in_flight)
    }

    /// Bytes queued from `next` on.
    fn unsent(&self) -> usize {
        self.sending.queue.end().since(self.sending.next)
    }

    /// Most payload bytes of one frame: a segment, or whole segments that one
    /// IPv4 packet holds.
    fn most_payload(&self) -> usize {
        let mss = self.sending.mss;
        let Some(payload) = self.settings.frame_payload else {
            return mss;
        };
        let headers = wire::ipv4::HEADER_LEN + wire::tcp::HEADER_LEN + self.options_len();
        let most = payload.min(usize::from(u16::MAX) - headers);
        (most - most % mss).max(mss)
    }

    /// Bytes of options in every segment but the SYN.
    pub(super) fn options_len(&self) -> usize {
        if self.timestamps.is_some() {
            usize::from(super::options::TIMESTAMPS_LEN)
        } else {
            0
        }
    }

    /// Asks the source until one frame is full or the window is.
    fn pull(&mut self, usable: usize, most: usize, source: &mut impl Source<T>) {
        if !self.state.may_send() {
            return;
        }
        let target = usable.min(most);
        loop {
            let unsent = self.unsent();
            let sending = &mut self.sending;
            if !sending.source_ready
                || unsent >= target
                || sending.queue.buffers() >= MAX_SEND_PIECES
            {
                return;
            }
            let room = (usable - unsent).min(MAX_PULL).min(
                self.settings
                    .send_buffer
                    .saturating_sub(sending.queued_bytes()),
            );
            if room == 0 {
                return;
            }
            match source.pull(self.id, room) {
                Some(buffer) if !buffer.is_empty() => sending.queue.push(buffer),
                _ => sending.source_ready = false,
            }
        }
    }

    fn next_fin(&mut self) -> Option<Outgoing> {
        let sending = &self.sending;
        let due = sending.fin_requested
            && sending.next == sending.queue.end()
            && self.may_send_fin(sending.flight());
        due.then(|| Outgoing::data(sending.next, 0))
    }

    /// Whether a FIN after `flight` bytes fits. With nothing in flight it goes
    /// out even into a closed window, where it serves as the probe.
    pub(super) fn may_send_fin(&self, flight: usize) -> bool {
        self.sending.fin_requested && (flight < self.sending.window || flight == 0)
    }

    /// One number before what is unacknowledged, and empty: unacceptable, so the
    /// peer answers with its window, and no byte need be sent that may not.
    fn next_probe(&mut self) -> Option<Outgoing> {
        let probe = self.sending.probe_due.take()?;
        Some(Outgoing {
            probe: Some(probe),
            ..Outgoing::empty(self.sending.unacknowledged.preceding(), Flags::ACK)
        })
    }

    /// The number is the highest sent, even after `next` went back: a lower one
    /// would not be acceptable to the peer.
    fn next_acknowledgement(&mut self) -> Option<Outgoing> {
        (self.receiving.acks_owed > 0).then(|| Outgoing::empty(self.sending.highest, Flags::ACK))
    }

    /// Starts probing when the peer's window keeps something back and nothing
    /// in flight would bring news of it (RFC 9293, 3.8.6.1).
    fn await_window(&mut self, now: Nanos) {
        let sending = &self.sending;
        let waiting = self.unsent() > 0 || (sending.source_ready && self.state.may_send());
        if waiting
            && sending.window == 0
            && sending.flight() == 0
            && !self.deadlines.retransmit.is_set()
        {
            self.deadlines.retransmit = Deadline::at(now + self.rtt.timeout());
        }
    }

    /// The next hop's address is not known: time runs all the same.
    pub(crate) fn await_neighbour(&mut self, now: Nanos) {
        if !self.deadlines.retransmit.is_set() && self.state != State::TimeWait {
            self.deadlines.retransmit = Deadline::at(now + self.rtt.timeout());
        }
    }

    /// Notes that `outgoing` went out with `len` payload bytes and `flags`.
    pub(super) fn on_sent(
        &mut self,
        outgoing: &Outgoing,
        len: usize,
        flags: Flags,
        edge: Seq,
        burst: &mut Burst,
        context: &mut Context<'_>,
    ) {
        let now = context.now;
        let occupied =
            len + usize::from(flags.has(Flags::SYN)) + usize::from(flags.has(Flags::FIN));
        let sending = &mut self.sending;
        let end = outgoing.seq.advanced(occupied);
        context.stats.window_probes += u64::from(outgoing.probe == Some(Probe::Window));
        context.stats.keepalive_probes += u64::from(outgoing.probe == Some(Probe::Keepalive));
        context.stats.payload_bytes_out += len as u64;
        if occupied > 0 {
            let again = outgoing.seq.is_before(sending.highest);
            if again {
                context.stats.retransmitted_frames += 1;
                sending.retransmitted = Some(now);
                // Karn: what is timed may be what was lost.
                sending.timed = None;
            } else if sending.timed.is_none() {
                sending.timed = Some((end, now));
            }
            if outgoing.seq == sending.next {
                sending.next = end;
            }
            sending.highest = sending.highest.later_of(end);
            if self.sack && !flags.has(Flags::SYN) {
                sending.scoreboard.on_sent(outgoing.seq, end, now);
            }
            sending.last_sent = now;
            if !self.deadlines.retransmit.is_set() {
                self.deadlines.retransmit = Deadline::at(now + self.rtt.timeout());
            }
            if outgoing.probe == Some(Probe::Tail) {
                self.on_tail_probe_sent(again, context);
            }
            burst.occupied = true;
        }
        if flags.has(Flags::ACK) {
            let receiving = &mut self.receiving;
            if len == 0 {
                receiving.duplicate = None;
            }
            if occupied == 0 {
                receiving.acks_owed = receiving.acks_owed.saturating_sub(1);
            } else if !receiving.queue.has_gap() {
                receiving.acks_owed = 0;
            }
            // Else data went out; only empty segments count as duplicates and
            // have room for selective acknowledgements.
            receiving.acknowledged = receiving.queue.next();
            receiving.edge = edge;
            self.deadlines.delayed_ack = Deadline::NEVER;
        }
    }
}
