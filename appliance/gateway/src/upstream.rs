//! Our calls at the origin, by xid.

use core::time::Duration;
use std::collections::HashMap;

use mutant::Mutant;

use crate::call::CallId;
use crate::exports::ExportIndex;
use crate::fills::FillId;
use crate::hash::SeededHash;
use crate::limits::{ANSWER_PATIENCE, ANSWER_PATIENCE_MAX};
use crate::message::Message;
use crate::verdicts::QuestionId;

/// Index of a connection to the origin, whichever TCP connection it is made of at the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkIndex(pub(crate) usize);

/// What a call is for, and so what to do with its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A client's call, passed on.
    Forward(CallId),
    /// READ of a block.
    Fill(FillId),
    /// ACCESS for READs that wait for it.
    Question(QuestionId),
    /// GETATTR of a handle whose export is not known.
    Identify(CallId),
    /// MNT of an export for ourselves.
    MountExport(ExportIndex),
    /// GETATTR of an export's root.
    ExamineExport(ExportIndex),
    /// GETPORT of MOUNT.
    MountPort,
}

/// One call at the origin.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) link: LinkIndex,
    pub(crate) purpose: Purpose,
    /// The very bytes, kept until the reply in case they must be sent again (I6). This is what pins the
    /// blocks of a WRITE (I1).
    pub(crate) message: Message,
    /// Sending order.
    pub(crate) sequence: u64,
    /// When it was sent on the connection it is on now.
    pub(crate) sent_at: Duration,
    /// Connections that were given up because its answer did not come.
    pub(crate) silences: u32,
    /// Connections it was on that the origin made unreadable.
    pub(crate) broken_connections: u32,
}

impl Upstream {
    /// Whether it has waited for its answer so long that it should be sent again. `settled` is the call of
    /// its connection that was settled last: after one from before it, its own turn may just have come.
    pub(crate) fn is_overdue(&self, settled: (u64, Duration), now: Duration) -> bool {
        let (sequence, at) = settled;
        let since = if sequence < self.sequence {
            self.sent_at.max(at)
        } else {
            self.sent_at
        };
        let patience = ANSWER_PATIENCE
            .saturating_mul(1 << self.silences.min(16))
            .min(ANSWER_PATIENCE_MAX);
        since.saturating_add(patience) <= now
    }
}

/// All our calls at the origin.
#[derive(Debug)]
pub(crate) struct UpstreamCalls {
    calls: HashMap<u32, Upstream, SeededHash>,
    next_xid: u32,
    next_sequence: u64,
}

impl UpstreamCalls {
    pub(crate) fn new(bound: usize, first_xid: u32, hash: SeededHash) -> Self {
        Self {
            calls: HashMap::with_capacity_and_hasher(bound, hash),
            next_xid: first_xid,
            next_sequence: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The sequence number of the next call: a clock of what was sent before what.
    pub(crate) fn sequence(&self) -> u64 {
        self.next_sequence
    }

    /// An xid that no call at the origin has.
    pub(crate) fn xid(&mut self) -> u32 {
        loop {
            let xid = self.next_xid;
            self.next_xid = xid.wrapping_add(1);
            if !self.calls.contains_key(&xid) {
                return xid;
            }
        }
    }

    pub(crate) fn enter(
        &mut self,
        xid: u32,
        link: LinkIndex,
        purpose: Purpose,
        message: Message,
        now: Duration,
    ) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.calls.insert(
            xid,
            Upstream {
                link,
                purpose,
                message,
                sequence,
                sent_at: now,
                silences: 0,
                broken_connections: 0,
            },
        );
    }

    /// What the call with this xid on this connection is for (I7).
    pub(crate) fn purpose(&self, link: LinkIndex, xid: u32) -> Option<Purpose> {
        let call = self.calls.get(&xid)?;
        (call.link == link || mutant::is_on(Mutant::ReplyFromAnywhere)).then_some(call.purpose)
    }

    /// Gives a call a new xid if that is possible ([`Mutant::ResentAsNew`]).
    pub(crate) fn rename(&mut self, xid: u32) -> u32 {
        let new = self.xid();
        let call = self.calls.get_mut(&xid);
        if !call.is_some_and(|call| call.message.set_record(new)) {
            return xid;
        }
        if let Some(call) = self.calls.remove(&xid) {
            self.calls.insert(new, call);
        }
        new
    }

    /// Settles a call.
    pub(crate) fn settle(&mut self, xid: u32) -> Option<Upstream> {
        self.calls.remove(&xid)
    }

    /// The calls on a connection in the order they were sent in. For lost connections, not for every day.
    pub(crate) fn on_link(&self, link: LinkIndex) -> Vec<u32> {
        let mut xids: Vec<(u64, u32)> = self
            .calls
            .iter()
            .filter(|(_, call)| call.link == link)
            .map(|(xid, call)| (call.sequence, *xid))
            .collect();
        xids.sort_unstable();
        xids.into_iter().map(|(_, xid)| xid).collect()
    }

    pub(crate) fn get(&self, xid: u32) -> Option<&Upstream> {
        self.calls.get(&xid)
    }

    pub(crate) fn get_mut(&mut self, xid: u32) -> Option<&mut Upstream> {
        self.calls.get_mut(&xid)
    }

    /// All calls, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Upstream> {
        self.calls.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SpareQueues;

    #[test]
    fn a_reply_matches_on_its_own_connection_only() {
        let mut calls = UpstreamCalls::new(4, u32::MAX, SeededHash::new(&[0; 16]));
        let xid = calls.xid();
        assert_eq!(xid, u32::MAX);
        let message = SpareQueues::message(&SpareQueues::new(1));
        calls.enter(
            xid,
            LinkIndex(1),
            Purpose::MountPort,
            message,
            Duration::ZERO,
        );
        assert_eq!(calls.purpose(LinkIndex(1), xid), Some(Purpose::MountPort));
        assert_eq!(calls.purpose(LinkIndex(0), xid), None);
        assert_eq!(calls.purpose(LinkIndex(1), 5), None);
        assert_eq!(calls.xid(), 0, "the counter wraps");
    }

    #[test]
    fn an_xid_in_use_is_not_given_again() {
        let mut calls = UpstreamCalls::new(4, 7, SeededHash::new(&[0; 16]));
        let xid = calls.xid();
        let message = SpareQueues::message(&SpareQueues::new(1));
        calls.enter(
            xid,
            LinkIndex(0),
            Purpose::MountPort,
            message,
            Duration::ZERO,
        );
        calls.next_xid = xid;
        assert_eq!(calls.xid(), xid + 1);
    }
}
