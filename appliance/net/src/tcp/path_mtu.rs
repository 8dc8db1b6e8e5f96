//! The segment size a path carries: lowered when a router says so (RFC 1191,
//! with the checks of RFC 5927), or when full segments vanish without a word
//! (RFC 4821, 7.7), and raised again after a while.

use crate::nanos::Nanos;

use super::connection::{Connection, Context};
use super::sequence::Seq;
use super::tail_probe::TailProbe;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::deadline::Deadline;
use crate::limits::{
    BLACK_HOLE_PATIENCE, BLACK_HOLE_TIMEOUTS, MIN_MSS, MIN_PATH_MTU, PATH_MTU_LIFETIME,
};
use crate::wire;

/// MTUs of links in use (RFC 1191, table 7-1), largest first.
const PLATEAUS: [u16; 9] = [
    32_000,
    17_914,
    8166,
    4352,
    2002,
    1492,
    1006,
    508,
    MIN_PATH_MTU,
];

/// Where the size goes when nothing tells what a path carries: the links most
/// often met, tunnels, and what every host must take.
const BLACK_HOLE_PLATEAUS: [u16; 3] = [1492, 1006, 508];

/// The largest packet that one of `size` bytes may have been too big for.
pub(crate) fn next_plateau(size: u16) -> u16 {
    let lower = PLATEAUS.into_iter().find(|mtu| *mtu < size);
    lower.unwrap_or(MIN_PATH_MTU)
}

/// What is known of a connection's path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathMtu {
    /// The segment size agreed with the peer.
    full: usize,
    /// When the full size is tried again.
    restore: Option<Nanos>,
    /// Time-outs of a full segment since something was acknowledged.
    timeouts: u8,
    /// How long the next black hole is believed in.
    patience: Nanos,
}

impl PathMtu {
    pub(super) fn new(full: usize) -> Self {
        Self {
            full,
            restore: None,
            timeouts: 0,
            patience: Nanos::of(BLACK_HOLE_PATIENCE),
        }
    }

    /// Something was acknowledged.
    pub(super) fn on_progress(&mut self) {
        self.timeouts = 0;
    }
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    /// A router dropped the packet that began with `seq`, as only `mtu` bytes
    /// would have passed. Believed of what is in flight, and if it lowers the
    /// size (RFC 5927, 7.2).
    pub(crate) fn on_packet_too_big(&mut self, seq: Seq, mtu: u16, context: &mut Context<'_>) {
        let sending = &self.sending;
        let in_flight = seq.at_least(sending.unacknowledged) && seq.is_before(sending.highest);
        let mss = self.segment_size(mtu);
        if !self.state.is_synchronised() || !in_flight || mss >= sending.mss {
            return;
        }
        context.stats.path_mtu_lowered += 1;
        self.set_segment_size(mss);
        self.sending.path.restore = Some(context.now + PATH_MTU_LIFETIME);
        self.repeat_too_big(context.now);
    }

    /// What was in flight is cut anew and sent again. It was not congestion that
    /// dropped it, so the window stays (RFC 1191, 6.4).
    fn repeat_too_big(&mut self, now: Nanos) {
        let sending = &mut self.sending;
        if self.sack {
            sending.scoreboard.on_too_big(sending.mss);
            sending.retransmit_first = true;
        } else {
            sending.next = sending.unacknowledged;
            sending.recover = sending.highest;
            sending.retransmit_first = false;
        }
        sending.timed = None;
        sending.tail_probe = TailProbe::default();
        self.deadlines.tail_probe = Deadline::NEVER;
        self.deadlines.reordering = Deadline::NEVER;
        self.deadlines.retransmit = Deadline::at(now + self.rtt.timeout());
        self.output_due = true;
    }

    /// The retransmission timer fired with something outstanding.
    pub(super) fn look_for_black_hole(&mut self, context: &mut Context<'_>) {
        let sending = &mut self.sending;
        let waiting = sending.queue.end().since(sending.unacknowledged);
        // A peer that reports a segment's worth got at least one of them.
        if waiting < sending.mss || sending.scoreboard.sacked() >= sending.mss {
            return;
        }
        sending.path.timeouts = sending.path.timeouts.saturating_add(1);
        if sending.path.timeouts < BLACK_HOLE_TIMEOUTS {
            return;
        }
        let before = self.sending.mss;
        let lower = BLACK_HOLE_PLATEAUS
            .into_iter()
            .map(|mtu| self.segment_size(mtu))
            .find(|mss| *mss < before);
        let Some(mss) = lower else {
            return;
        };
        self.set_segment_size(mss);
        let path = &mut self.sending.path;
        let first_step = path.timeouts == BLACK_HOLE_TIMEOUTS;
        path.restore = Some(context.now + path.patience);
        if first_step {
            context.stats.black_holes += 1;
            path.patience = (path.patience * 2).min(Nanos::of(PATH_MTU_LIFETIME));
        }
    }

    /// Before new data: the path may have changed for the better.
    pub(super) fn restore_segment_size(&mut self, now: Nanos) {
        let path = &mut self.sending.path;
        if path.restore.is_some_and(|at| at <= now) {
            path.restore = None;
            let full = path.full;
            self.set_segment_size(full);
        }
    }

    /// Payload bytes of a packet of `mtu` bytes.
    fn segment_size(&self, mtu: u16) -> usize {
        let headers = wire::ipv4::HEADER_LEN + wire::tcp::HEADER_LEN + self.options_len();
        usize::from(mtu.max(MIN_PATH_MTU))
            .saturating_sub(headers)
            .max(usize::from(MIN_MSS))
    }

    fn set_segment_size(&mut self, mss: usize) {
        self.sending.mss = mss;
        self.congestion.set_mss(mss);
    }
}
