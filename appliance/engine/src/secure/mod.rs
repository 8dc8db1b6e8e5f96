//! TLS on the engine's connections: who speaks it, and where its records lie.
//!
//! ```text
//!   Undecided ──first byte 0x16──▶ Handshake ──▶ Secure
//!       │                              ▲
//!       └─▶ Clear ──STARTTLS──▶ Agreed ┘
//! ```
//!
//! Sending: TCP asks for bytes when its window and the ring have room, and only then the
//! next record is sealed, from the cache block straight into a slot of transmit memory.
//! Receiving: a record is opened when all of it has arrived, into the cache block if its
//! data belongs there, into scratch memory of the engine otherwise.

pub(crate) mod channel;
mod handshake;
mod handshakes;
mod judgements;
mod receive;
pub(crate) mod records;
mod reload;
mod retire;

pub(crate) use channel::{Channel, Secure};
use handshakes::Handshakes;
use judgements::Judgements;
pub(crate) use records::Records;
pub use reload::{Policy, Trust};

use core::time::Duration;

use cache::Slots;
use gateway::{Admitted, ClientSecurity, UidRanges};
use net::RxBuffer;

use crate::engine::Engine;
use crate::limits::SLOT_RETRY;
use crate::stats::SecurityStats;

/// What an engine needs to speak TLS.
#[derive(Debug)]
pub struct Security {
    /// Toward clients; `None` offers no TLS.
    pub server: Option<tls::ServerConfig>,
    /// Toward the origin; `None` when the origin is not asked for it.
    pub origin: Option<OriginTls>,
    /// Which certificates may use which export, in the exports' order.
    pub admission: Vec<Admission>,
    /// Transmit memory; its slots are at least [`SLOT_SIZE`](crate::limits::SLOT_SIZE) long.
    pub slots: Slots,
    /// What to do when keys have protected as many records as they should.
    pub rekey: RekeyPolicy,
    /// How file data gets into a record.
    pub sealing: Sealing,
}

/// How the origin is reached.
#[derive(Debug, Clone)]
pub struct OriginTls {
    /// With what we prove who we are, and whom we trust.
    pub config: tls::ClientConfig,
    /// Who it has to prove to be.
    pub name: tls::ServerName,
}

/// Which client certificates may use an export. Empty: every one that verifies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// The first one that matches decides.
    pub rules: Vec<AdmissionRule>,
}

/// One kind of certificate that may use an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionRule {
    /// A subject alternative name that it must have.
    pub san: tls::SanPattern,
    /// As which users its owner may act.
    pub uids: UidRanges,
}

/// What to do before keys are worn out (RFC 8446, 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RekeyPolicy {
    /// Toward clients.
    pub clients: Rekey,
    /// Toward the origin.
    pub origin: Rekey,
}

/// How keys are renewed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rekey {
    /// By a KeyUpdate when the peer has offered the application protocol "sunrpc", which those that know
    /// RFC 9289 to the letter do; by a new connection otherwise.
    #[default]
    Auto,
    /// By a KeyUpdate.
    Update,
    /// By a new connection, when the calls that are under way are finished. For peers that do not cope with
    /// a KeyUpdate: Linux's nfsd hangs for ever on one.
    Reconnect,
}

/// How file data gets into a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sealing {
    /// The cipher reads the cache block and writes the record: one pass.
    #[default]
    OutOfPlace,
    /// Copied into the record and sealed there, for comparison.
    CopyThenInPlace,
}

impl Admission {
    /// What a certificate is good for.
    pub(crate) fn judge(&self, peer: &tls::PeerIdentity) -> Admitted {
        if self.rules.is_empty() {
            return Admitted::As(UidRanges::default());
        }
        self.rules
            .iter()
            .find(|rule| peer.matches(&rule.san))
            .map_or(Admitted::Refused, |rule| Admitted::As(rule.uids.clone()))
    }
}

/// What the exports have to say about a client that has proved who it is, or has not.
pub(crate) fn client_security(
    admission: &[Admission],
    certificate: Option<&tls::PeerIdentity>,
    direct: bool,
) -> ClientSecurity {
    ClientSecurity::Tls {
        direct,
        admitted: certificate.map(|certificate| {
            admission
                .iter()
                .map(|rules| rules.judge(certificate))
                .collect()
        }),
    }
}

/// All that an engine has for TLS.
pub(crate) struct Tls {
    pub(crate) server: Option<tls::ServerConfig>,
    pub(crate) origin: Option<OriginTls>,
    pub(crate) admission: Vec<Admission>,
    pub(crate) rekey: RekeyPolicy,
    pub(crate) records: Records,
    pub(crate) handshakes: Handshakes,
    pub(crate) judgements: Judgements,
    /// When those that found no slot try again.
    retry_at: Option<Duration>,
    /// When somebody last found none.
    starved_at: Option<Duration>,
}

impl Tls {
    pub(crate) fn new(security: Security) -> Self {
        Self {
            server: security.server,
            origin: security.origin,
            admission: security.admission,
            rekey: security.rekey,
            records: Records::new(security.slots, security.sealing),
            handshakes: Handshakes::default(),
            judgements: Judgements::default(),
            retry_at: None,
            starved_at: None,
        }
    }

    /// Whether somebody has found no slot since `time`.
    pub(crate) fn was_starved_since(&self, time: Duration) -> bool {
        self.starved_at.is_some_and(|at| at >= time)
    }

    /// When something is due even if nothing arrives.
    pub(crate) fn timeout(&self) -> Duration {
        if self.judgements.is_due() {
            return Duration::ZERO;
        }
        let handshakes = self.handshakes.timeout();
        self.retry_at.map_or(handshakes, |at| at.min(handshakes))
    }
}

impl<R: RxBuffer> Engine<R> {
    /// Connections that found no slot of transmit memory try again soon: slots come back without a word.
    pub(crate) fn note_starved(&mut self, now: Duration) {
        if let Some(tls) = &mut self.tls
            && !tls.records.starved.is_empty()
        {
            tls.retry_at.get_or_insert(now.saturating_add(SLOT_RETRY));
            tls.starved_at = Some(now);
        }
    }

    /// Wakes the connections that found no slot, when it is time.
    pub(crate) fn wake_starved(&mut self, now: Duration) {
        let Some(tls) = &mut self.tls else {
            return;
        };
        if tls.retry_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        for _ in 0..tls.records.starved.len() {
            if let Some((port, connection)) = tls.records.starved.pop_front() {
                self.ports[port].stack.wake(connection);
            }
        }
    }

    pub(crate) fn security_stats(&self) -> SecurityStats {
        let Some(tls) = &self.tls else {
            return self.counters;
        };
        SecurityStats {
            handshakes_under_way: tls.handshakes.under_way(),
            sessions_unjudged: self.unjudged_sessions(),
            sealed_bytes: tls.records.sealed_bytes,
            copied_bytes: tls.records.copied_bytes,
            slots_in_use: tls.records.slots().pinned(),
            slot_wire_references: tls.records.slots().wire_references(),
            ..self.counters
        }
    }
}
