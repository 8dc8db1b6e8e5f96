//! Connections of an earlier run of this host, which ended without closing them.
//!
//! A peer that has nothing unacknowledged and waits to be sent something never learns that we have forgotten
//! its connection. RFC 9293, 3.5.1 discovers such half-open connections as soon as the peer sends: it is
//! answered with RST (3.10.7.1). So each peer is sent a segment that it must answer (3.10.7.4: to an
//! unacceptable one with an ACK), and the rest is what happens anyway.

use crate::nanos::Nanos;
use core::net::SocketAddrV4;
use core::time::Duration;

use super::Stack;
use super::bare_segment::BareSegment;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::is_unicast;
use crate::deadline::Deadline;
use crate::limits::{
    FORGOTTEN_PROBE_PACE, FORGOTTEN_PROBE_WAIT, FORGOTTEN_PROBES, FORGOTTEN_PROBES_AT_ONCE,
};
use crate::neighbour::Resolution;
use crate::tcp::isn::initial_sequence;
use crate::tcp::options::{Options, Timestamps};
use crate::tcp::segment::Endpoints;
use crate::tcp::sequence::Seq;
use crate::wire::tcp::Flags;

/// Sequence numbers of two probes differ by a quarter of all there are: they cannot both lie in one window.
const PROBE_STRIDE: u32 = 1 << 30;

/// The peers still to be probed, all of them once a round.
pub(super) struct ForgottenPeers {
    peers: Vec<Endpoints>,
    capacity: usize,
    /// Whose turn it is in this round.
    next: usize,
    round: u32,
    due: Option<Nanos>,
}

impl ForgottenPeers {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            peers: Vec::new(),
            capacity,
            next: 0,
            round: 0,
            due: None,
        }
    }

    pub(super) fn next_deadline(&self) -> Deadline {
        self.due.into()
    }

    /// After a batch: when the next one is due, in this round or, twice as long after the last, in the next.
    fn schedule(&mut self, now: Nanos) {
        if self.next < self.peers.len() {
            self.due = Some(now + FORGOTTEN_PROBE_PACE);
            return;
        }
        self.next = 0;
        self.due = Some(now + Nanos::of(FORGOTTEN_PROBE_WAIT) * (1 << self.round));
        self.round += 1;
        if self.round >= FORGOTTEN_PROBES {
            // This run is not going to need the memory again.
            *self = Self::new(self.capacity);
        }
    }
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Makes the peer of a connection that an earlier run of this host had, and this one does not have, find
    /// out: a few empty segments are sent to it in the next seconds, and its answers answered with RST. For
    /// the start of a run: peers named while others are being probed join the round that is under way.
    ///
    /// False when nothing will be sent: the address cannot be a peer's, there is no route to it, or more are
    /// probed already than a stack has connections.
    pub fn probe_forgotten(
        &mut self,
        remote: SocketAddrV4,
        local_port: u16,
        now: Duration,
    ) -> bool {
        let address = *remote.ip();
        let is_peer = is_unicast(address)
            && address != self.config.address
            && !self.config.is_subnet_broadcast(address)
            && self.config.next_hop(address).is_some()
            && remote.port() != 0
            && local_port != 0;
        if !is_peer || self.forgotten.peers.len() >= self.forgotten.capacity {
            return false;
        }
        self.forgotten.peers.push(Endpoints {
            remote: address,
            remote_port: remote.port(),
            local_port,
        });
        self.forgotten.due.get_or_insert(Nanos::of(now));
        true
    }

    /// Whether probes of forgotten connections are still to be sent.
    #[must_use]
    pub fn is_probing_forgotten(&self) -> bool {
        self.forgotten.due.is_some()
    }

    pub(super) fn handle_forgotten_timeout(&mut self, now: Nanos) {
        if self.forgotten.due.is_none_or(|due| due > now) {
            return;
        }
        for _ in 0..FORGOTTEN_PROBES_AT_ONCE {
            let Some(&endpoints) = self.forgotten.peers.get(self.forgotten.next) else {
                break;
            };
            self.forgotten.next += 1;
            self.send_forgotten_probe(endpoints, now);
        }
        self.forgotten.schedule(now);
    }

    fn send_forgotten_probe(&mut self, endpoints: Endpoints, now: Nanos) {
        // A peer that has come back from the same port has found out.
        if self.connections.find(&endpoints).is_some() {
            return;
        }
        let Some(next_hop) = self.config.next_hop(endpoints.remote) else {
            return;
        };
        let mac = match self.neighbours.resolve(next_hop, usize::MAX, now) {
            Resolution::Known { mac, ask, .. } => {
                if ask {
                    self.request_address(next_hop);
                }
                mac
            }
            Resolution::Pending { ask } => {
                // Its turn comes again in the next round.
                if ask {
                    self.request_address(next_hop);
                }
                return;
            }
        };
        let first = initial_sequence(&self.config.secret, self.config.address, endpoints, now);
        let seq = Seq(first
            .0
            .wrapping_add(PROBE_STRIDE.wrapping_mul(self.forgotten.round)));
        let segment = BareSegment {
            seq,
            ack: Some(Seq(0)),
            flags: Flags::default(),
            window: 0,
            // On a connection with timestamps a segment without is dropped unanswered (RFC 7323, 3.2).
            options: Options {
                timestamps: Some(Timestamps { value: 0, echo: 0 }),
                ..Options::default()
            },
        };
        self.stats.forgotten_probes += 1;
        self.push_segment(mac, endpoints, &segment);
    }
}
