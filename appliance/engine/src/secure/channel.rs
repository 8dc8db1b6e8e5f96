//! How a connection's bytes travel.

use core::time::Duration;

/// How a connection's bytes travel.
pub(crate) enum Channel {
    /// A client's, before its first byte says which.
    Undecided,
    /// As they are.
    Clear,
    /// TLS was agreed upon in clear: a handshake has to follow, and nothing else may.
    Agreed {
        /// By its first byte, without a probe.
        direct: bool,
        /// When.
        since: Duration,
    },
    /// TLS is being set up.
    Handshake(Box<Handshaking>),
    /// As TLS records.
    Secure(Box<Secure>),
    /// TLS has failed: what is still to be sent is the alert; nothing is read any more.
    Failed,
}

impl Channel {
    /// The connection has said that it will speak TLS and does not yet.
    pub(crate) fn is_opening(&self) -> bool {
        self.opening_since().is_some()
    }

    /// Since when that is so.
    pub(crate) fn opening_since(&self) -> Option<Duration> {
        match self {
            Self::Agreed { since, .. } => Some(*since),
            Self::Handshake(state) => Some(state.since),
            _ => None,
        }
    }
}

/// A connection on its way to TLS.
pub(crate) struct Handshaking {
    pub(crate) handshake: tls::Handshake,
    /// It began with its first byte, without a probe.
    pub(crate) direct: bool,
    /// When TLS was agreed upon.
    pub(crate) since: Duration,
    /// What it is judged under.
    pub(crate) version: u64,
}

/// A connection that speaks TLS.
pub(crate) struct Secure {
    pub(crate) session: tls::Session,
    /// Bytes of the next record's content that the gateway has taken already, because it had no room for
    /// the rest: the record is opened once more then.
    pub(crate) delivered: usize,
    /// Keys are renewed by a KeyUpdate and not by a new connection.
    pub(crate) updates_keys: bool,
    /// Its keys are being renewed.
    pub(crate) renewing: bool,
    /// It is being replaced by a new connection: nothing more is read from it.
    pub(crate) retiring: bool,
    /// It began with its first byte, without a probe.
    pub(crate) direct: bool,
    /// Who is at the other end, as its certificate says.
    pub(crate) peer: Option<tls::PeerIdentity>,
    /// What it was judged under, see [`Judgements`](super::Judgements).
    pub(crate) version: u64,
    /// For what it has asked to be judged under before others.
    pub(crate) asked_in: u64,
}

impl Secure {
    /// Whether its keys should be renewed now; once for each set of keys.
    pub(crate) fn wears_out(&mut self) -> bool {
        let is_due = self.session.needs_rekey() && !self.renewing;
        self.renewing |= is_due;
        is_due
    }
}
