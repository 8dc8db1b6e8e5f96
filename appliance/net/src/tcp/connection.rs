//! What a connection is: its state variables, grouped by what they are for.

use crate::nanos::Nanos;
use core::net::Ipv4Addr;

use super::congestion::Congestion;
use super::options::MAX_WINDOW_SCALE;
use super::path_mtu::PathMtu;
use super::receive_queue::{BufferBudget, ReceiveQueue};
use super::rtt::RttEstimator;
use super::sack::{Block, SackBlocks};
use super::scoreboard::Scoreboard;
use super::segment::{Endpoints, Segment};
use super::send_queue::SendQueue;
use super::sequence::Seq;
use super::state::State;
use super::tail_probe::TailProbe;
use super::timestamps::TimestampClock;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::{Config, CongestionControl};
use crate::deadline::Deadline;
use crate::event::{CloseReason, ConnectionId};
use crate::limits::{DEFAULT_PEER_MSS, MAX_FRAME_PIECES};
use crate::stats::Stats;
use crate::wire;

/// What every step of a connection may use of its surroundings.
pub(crate) struct Context<'a> {
    pub now: Nanos,
    pub stats: &'a mut Stats,
    pub budget: &'a mut BufferBudget,
}

/// What all connections of a stack share, worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The segment size we can receive: the MTU less both headers.
    pub mss: u16,
    /// Most payload bytes of one segment on its way out.
    pub max_segment: u16,
    /// Most payload bytes of one frame; more than a segment with TSO only.
    pub frame_payload: Option<usize>,
    pub frame_pieces: usize,
    pub receive_window: usize,
    pub window_scale: u8,
    pub send_buffer: usize,
    pub congestion_control: CongestionControl,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        // Config::check refuses an MTU that does not hold the headers.
        let headers = wire::ipv4::HEADER_LEN + wire::tcp::HEADER_LEN;
        let mss = config
            .mtu
            .saturating_sub(u16::try_from(headers).unwrap_or(0));
        let tso = config.offload.tso;
        let window_scale = (0..MAX_WINDOW_SCALE)
            .find(|shift| config.limits.receive_window >> shift <= usize::from(u16::MAX))
            .unwrap_or(MAX_WINDOW_SCALE);
        Self {
            mss,
            max_segment: tso.map_or(mss, |tso| tso.max_segment.min(mss)),
            frame_payload: tso.map(|tso| tso.max_payload),
            frame_pieces: tso
                .map_or(config.limits.max_pieces, |tso| tso.max_pieces)
                .min(MAX_FRAME_PIECES),
            receive_window: config.limits.receive_window,
            window_scale,
            send_buffer: config.limits.send_buffer,
            congestion_control: CongestionControl::default(),
        }
    }
}

/// Why the peer is to be asked for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Its window is closed.
    Window,
    /// It has been silent for long.
    Keepalive,
    /// The end of what was sent may be lost.
    Tail,
}

/// The sending side: RFC 9293's SND variables and what is queued.
pub(crate) struct Sending<T> {
    pub queue: SendQueue<T>,
    /// What was sent, for connections with selective acknowledgements.
    pub scoreboard: Scoreboard,
    /// ISS.
    pub initial: Seq,
    /// SND.UNA.
    pub unacknowledged: Seq,
    /// SND.NXT: goes back to `unacknowledged` when the timer fires, without
    /// selective acknowledgements.
    pub next: Seq,
    /// The highest number sent so far, plus one.
    pub highest: Seq,
    /// SND.WND in bytes.
    pub window: usize,
    /// The largest window the peer ever offered.
    pub max_window: usize,
    /// SND.WL1 and SND.WL2.
    pub window_seq: Seq,
    pub window_ack: Seq,
    pub scale: u8,
    /// Payload bytes of a full segment, options already subtracted.
    pub mss: usize,
    pub path: PathMtu,
    /// The source may have something; false after it said it has not.
    pub source_ready: bool,
    /// The application closed: FIN follows the last queued byte.
    pub fin_requested: bool,
    /// Fast retransmit asks for the first unacknowledged segment again.
    pub retransmit_first: bool,
    pub tail_probe: TailProbe,
    /// Send a window or keepalive probe.
    pub probe_due: Option<Probe>,
    /// Where recovery ends (RFC 6582's `recover`).
    pub recover: Seq,
    /// What is being timed: its end, and when it was sent (Karn: once only).
    pub timed: Option<(Seq, Nanos)>,
    pub last_sent: Nanos,
    /// When something was last sent again.
    pub retransmitted: Option<Nanos>,
    /// Time-outs in a row without progress.
    pub timeouts: u8,
    /// For the next IPv4 identification.
    pub identification: u16,
}

impl<T: TxBuffer> Sending<T> {
    fn new(initial: Seq, mss: usize) -> Self {
        Self {
            queue: SendQueue::new(initial.advanced(1)),
            scoreboard: Scoreboard::new(initial.advanced(1)),
            initial,
            unacknowledged: initial,
            next: initial,
            highest: initial,
            window: 0,
            max_window: 0,
            window_seq: Seq(0),
            window_ack: Seq(0),
            scale: 0,
            mss,
            path: PathMtu::new(mss),
            source_ready: false,
            fin_requested: false,
            retransmit_first: false,
            tail_probe: TailProbe::default(),
            probe_due: None,
            recover: initial,
            timed: None,
            last_sent: Nanos::ZERO,
            retransmitted: None,
            timeouts: 0,
            identification: 0,
        }
    }

    /// Sequence numbers sent since `next` last went back.
    pub(crate) fn flight(&self) -> usize {
        self.next.since(self.unacknowledged)
    }

    /// All sequence numbers that are sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> usize {
        self.highest.since(self.unacknowledged)
    }

    /// Payload bytes queued and not acknowledged.
    pub(crate) fn queued_bytes(&self) -> usize {
        let first = self.unacknowledged.later_of(self.initial.advanced(1));
        self.queue.end().since(first)
    }

    /// Whether our FIN is acknowledged.
    pub(crate) fn fin_acknowledged(&self) -> bool {
        self.fin_requested && self.unacknowledged.is_after(self.queue.end())
    }
}

/// The receiving side: RFC 9293's RCV variables and what waits to be read.
pub(crate) struct Receiving<R> {
    pub queue: ReceiveQueue<R>,
    /// IRS.
    pub initial: Seq,
    /// RCV.NXT + RCV.WND as the peer knows it; never goes back.
    pub edge: Seq,
    /// The shift of our window fields; none when the peer does not scale.
    pub scale: Option<u8>,
    /// The sequence number of the peer's FIN once seen, perhaps ahead of a gap.
    pub fin: Option<Seq>,
    /// RCV.NXT as last acknowledged.
    pub acknowledged: Seq,
    /// Acknowledgements to send now.
    pub acks_owed: u8,
    /// The largest segment seen so far: what a full one is from this peer.
    pub segment: usize,
    /// What arrived again, to be reported once (RFC 2883).
    pub duplicate: Option<Block>,
    /// When the last challenge ACK was sent.
    pub challenged: Option<Nanos>,
    /// When the last acceptable segment arrived.
    pub heard: Nanos,
}

impl<R: RxBuffer> Receiving<R> {
    /// What arrived twice first (RFC 2883, 4), then what is ahead of a gap.
    pub(crate) fn sack_blocks(&self) -> SackBlocks {
        let more = usize::from(self.acks_owed.saturating_sub(1));
        self.queue.sack_blocks(self.duplicate, more)
    }

    /// A segment with so many bytes arrived; what is more than `mss` was put together by a NIC.
    pub(crate) fn note_segment(&mut self, len: usize, mss: usize) {
        self.segment = self.segment.max(len.min(mss));
    }

    /// A segment repeats bytes that were received in order.
    pub(crate) fn note_duplicate(&mut self, segment: &Segment) {
        let next = self.queue.next();
        if segment.seq.is_before(next) && segment.len > 0 {
            self.duplicate = Some(Block {
                start: segment.seq,
                end: segment.seq.advanced(segment.len).earlier_of(next),
            });
        }
    }
}

/// When something is due.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deadlines {
    /// Retransmission or, with nothing outstanding, the next window probe.
    pub retransmit: Deadline,
    pub delayed_ack: Deadline,
    /// When the end of what was sent counts as perhaps lost.
    pub tail_probe: Deadline,
    /// When what was overtaken counts as lost.
    pub reordering: Deadline,
    /// End of TIME_WAIT or of patience in FIN_WAIT_2.
    pub linger: Deadline,
    /// When the peer's silence is looked at; early when it was heard since.
    pub keepalive: Deadline,
}

impl Deadlines {
    pub(crate) fn earliest(&self) -> Deadline {
        let recovery = self.retransmit.min(self.tail_probe).min(self.reordering);
        recovery
            .min(self.delayed_ack)
            .min(self.keepalive)
            .min(self.linger)
    }
}

/// What the application has not been told yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingEvents {
    pub opened: bool,
    pub readable: bool,
    pub peer_closed: bool,
    pub closed: Option<CloseReason>,
}

impl PendingEvents {
    pub(crate) fn any(&self) -> bool {
        self.opened || self.readable || self.peer_closed || self.closed.is_some()
    }
}

/// One connection.
pub(crate) struct Connection<R, T> {
    pub id: ConnectionId,
    pub endpoints: Endpoints,
    pub next_hop: Ipv4Addr,
    /// Where the next hop was last found in the neighbour table.
    pub neighbour: usize,
    pub state: State,
    /// Opened by the peer.
    pub passive: bool,
    /// The application knows, or will be told, that the connection exists.
    pub announced: bool,
    /// Counted in its listener's backlog.
    pub half_open: bool,
    /// The application was told that it is over, or aborted it.
    pub detached: bool,
    pub settings: Settings,
    pub sending: Sending<T>,
    pub receiving: Receiving<R>,
    pub timestamps: Option<TimestampClock>,
    /// Selective acknowledgements are permitted, both ways.
    pub sack: bool,
    pub rtt: RttEstimator,
    pub congestion: Congestion,
    pub deadlines: Deadlines,
    pub events: PendingEvents,
    /// Keepalive probes since the peer was heard.
    pub keepalive_probes: u8,
    /// Something may have to be sent.
    pub output_due: bool,
}

/// What names a new connection.
pub(crate) struct Opening {
    pub id: ConnectionId,
    pub endpoints: Endpoints,
    pub next_hop: Ipv4Addr,
    pub initial: Seq,
    pub timestamp_offset: u32,
}

impl<R: RxBuffer, T: TxBuffer> Connection<R, T> {
    pub(super) fn new(opening: &Opening, settings: Settings, state: State) -> Self {
        let mss = usize::from(DEFAULT_PEER_MSS.min(settings.max_segment));
        Self {
            id: opening.id,
            endpoints: opening.endpoints,
            next_hop: opening.next_hop,
            neighbour: 0,
            state,
            passive: state == State::SynReceived,
            announced: state == State::SynSent,
            half_open: state == State::SynReceived,
            detached: false,
            settings,
            sending: Sending::new(opening.initial, mss),
            receiving: Receiving {
                queue: ReceiveQueue::new(Seq(0)),
                initial: Seq(0),
                edge: Seq(0),
                scale: Some(settings.window_scale),
                fin: None,
                acknowledged: Seq(0),
                acks_owed: 0,
                segment: 0,
                duplicate: None,
                challenged: None,
                heard: Nanos::ZERO,
            },
            timestamps: Some(TimestampClock::new(opening.timestamp_offset)),
            sack: true,
            rtt: RttEstimator::default(),
            congestion: Congestion::new(mss, false, settings.congestion_control),
            deadlines: Deadlines::default(),
            events: PendingEvents::default(),
            keepalive_probes: 0,
            output_due: true,
        }
    }

    /// Ends the connection and lets go of all memory at once (nothing that was
    /// received can be read any more, as RFC 9293, 3.10.7.4 has it for RST).
    pub(crate) fn terminate(&mut self, reason: CloseReason, context: &mut Context<'_>) {
        self.state = State::Closed;
        self.sending.queue.clear();
        self.sending.scoreboard.clear();
        self.receiving.queue.clear(context.budget);
        self.deadlines = Deadlines::default();
        self.output_due = false;
        self.receiving.acks_owed = 0;
        self.events.readable = false;
        self.events.peer_closed = false;
        if self.announced && !self.detached {
            self.events.closed = Some(reason);
        }
    }

    /// Whether nobody needs the connection any more.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.state == State::Closed && (self.detached || !self.announced)
    }

    /// Whether it only waits in TIME_WAIT, and may give way to a new one.
    pub(crate) fn is_expendable(&self) -> bool {
        self.state == State::TimeWait && self.detached
    }

    /// An acknowledgement shall go out with the next poll.
    pub(crate) fn acknowledge_now(&mut self) {
        self.receiving.acks_owed = self.receiving.acks_owed.max(1);
        self.output_due = true;
    }
}
