//! When the origin fails: connections that are lost, answers that do not come, peers that make no sense.
//!
//! What was not answered is sent again on the next connection, the same bytes with the same xid (I6), for
//! as long as anybody waits for it.

use core::time::Duration;

use mutant::Mutant;
use nfs::nfs3::Status;

use crate::action::{Action, OriginId};
use crate::call::{CallId, Failure, Work};
use crate::chain::Chain;
use crate::gateway::Gateway;
use crate::limits::{ANSWER_PATIENCE, BROKEN_CONNECTIONS_PER_CALL, OVERDUE_SWEEPS};
use crate::links::{Link, LinkKind, LinkState};
use crate::upstream::{LinkIndex, Purpose};

impl Gateway {
    pub(crate) fn link_opened(&mut self, origin: OriginId) {
        let now = self.now;
        let Some(index) = self.links.of_origin(origin) else {
            return;
        };
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        if !matches!(link.state, LinkState::Opening(_) | LinkState::Securing(_)) {
            return;
        }
        link.opened(origin, now);
        self.abandon_unawaited(index);
        // The same bytes and the same xid (I6), in the order of old.
        for mut xid in self.upstream.on_link(index) {
            if mutant::is_on(Mutant::ResentAsNew) {
                xid = self.upstream.rename(xid);
            }
            if let Some(call) = self.upstream.get_mut(xid) {
                call.sent_at = now;
                let message = call.message.share();
                self.actions
                    .push_back(Action::SendToOrigin { origin, message });
            }
        }
    }

    pub(crate) fn link_lost(&mut self, origin: OriginId) {
        let now = self.now;
        let Some(index) = self.links.of_origin(origin) else {
            return;
        };
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        let was_open = link.state.connection().is_some();
        // What was not handed over yet is among what is sent again.
        self.actions.retain(
            |action| !matches!(action, Action::SendToOrigin { origin: to, .. } if *to == origin),
        );
        let kind = link.kind;
        link.lost(now);
        if kind == LinkKind::Mount && self.config.origin.mount_port.is_none() {
            // The origin may have started anew with MOUNT elsewhere: ask again.
            self.links.mount_port = None;
        }
        self.abandon_unawaited(index);
        if was_open {
            self.counters.origin_resent += self.upstream.on_link(index).len() as u64;
        }
    }

    /// What the origin sent on this connection cannot be followed; it is about to be closed. A call whose
    /// connections end like that again and again is not tried for ever: it may be what does it.
    pub(crate) fn link_broken(&mut self, origin: OriginId) {
        let Some(index) = self.links.of_origin(origin) else {
            return;
        };
        let has_calls = |link: &Link| link.state.connection().is_some();
        if !self.links.get(index).is_some_and(has_calls) {
            // It did not agree to TLS: the calls that wait for that have nothing to do with it.
            return;
        }
        self.counters.origin_protocol_errors += 1;
        for xid in self.upstream.on_link(index) {
            let Some(call) = self.upstream.get_mut(xid) else {
                continue;
            };
            call.broken_connections += 1;
            if call.broken_connections >= BROKEN_CONNECTIONS_PER_CALL {
                self.fail_upstream(xid, Status::IO);
            }
        }
    }

    /// Calls whose answer is overdue are sent again, on another connection: on the same one they might
    /// just be executed twice.
    pub(crate) fn reconnect_overdue(&mut self) {
        let now = self.now;
        if self.upstream.len() == 0 || now < self.overdue_sweep_at {
            return;
        }
        self.overdue_sweep_at = now.saturating_add(ANSWER_PATIENCE / OVERDUE_SWEEPS);
        for index in self.links.indices() {
            self.reconnect_if_overdue(index);
        }
    }

    fn reconnect_if_overdue(&mut self, index: LinkIndex) {
        let now = self.now;
        let Some(link) = self.links.get(index) else {
            return;
        };
        let (Some(origin), settled) = (link.state.connection(), link.settled) else {
            return;
        };
        let mut any = false;
        for call in self.upstream.iter_mut() {
            if call.link == index && call.is_overdue(settled, now) {
                call.silences += 1;
                any = true;
            }
        }
        if any {
            self.counters.origin_silences += 1;
            self.give_up_connection(origin);
        }
    }

    /// Has a connection reset; another one is opened later.
    pub(crate) fn give_up_connection(&mut self, origin: OriginId) {
        self.link_lost(origin);
        self.actions.push_back(Action::ResetOrigin { origin });
    }

    /// When [`Gateway::reconnect_overdue`] has something to do.
    pub(crate) fn overdue_timeout(&self) -> Option<Duration> {
        (self.upstream.len() > 0).then_some(self.overdue_sweep_at)
    }

    /// Lets go of the calls whose answers nobody waits for: on this connection they are not on their way.
    fn abandon_unawaited(&mut self, index: LinkIndex) {
        for xid in self.upstream.on_link(index) {
            if let Some(purpose) = self.upstream.get(xid).map(|call| call.purpose)
                && !self.is_awaited(purpose)
            {
                self.settle_upstream(xid);
                self.abandon(purpose);
            }
        }
    }

    /// Settles a call that the origin has not answered, or not so that it could be understood: `status`
    /// goes to whoever waits, and of a WRITE the outcome is unknown.
    pub(crate) fn fail_upstream(&mut self, xid: u32, status: Status) {
        match self.settle_upstream(xid).map(|call| call.purpose) {
            Some(Purpose::Forward(id)) => {
                self.outcome_unknown(id);
                self.answer_status(id, status);
            }
            Some(Purpose::Fill(id)) => self.fill_failed(id, Failure::Status(status)),
            Some(Purpose::Identify(id)) => self.answer_status(id, status),
            Some(purpose) => self.own_reply(purpose, &Chain::default()),
            None => {}
        }
    }

    /// Whether anybody waits for the answer; if not, nothing is sent again.
    ///
    /// The outcome of a call that must not be executed twice is always wanted: if its client comes back
    /// and asks again, only the origin's answer to this very xid is the right one.
    fn is_awaited(&self, purpose: Purpose) -> bool {
        let is_alive = |id| {
            self.calls.get(id).is_some_and(|call| {
                !call.given_up
                    && (call.duplicate.is_some() || self.clients.contains_key(&call.client))
            })
        };
        match purpose {
            Purpose::Forward(id) | Purpose::Identify(id) => is_alive(id),
            Purpose::Fill(id) => self.fills.fills.get(id).is_some_and(|fill| {
                let nodes = &self.fills.nodes;
                nodes.any(&fill.waiters, |waiter| is_alive(waiter.call))
            }),
            Purpose::Question(id) => self
                .verdicts
                .questions
                .get(id)
                .is_some_and(|question| self.verdicts.nodes.any(&question.waiters, is_alive)),
            Purpose::MountExport(_) | Purpose::ExamineExport(_) | Purpose::MountPort => true,
        }
    }

    /// Lets go of what waited for an answer that nobody waits for.
    fn abandon(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Forward(id) => {
                self.outcome_unknown(id);
                self.drop_call(id);
            }
            Purpose::Fill(id) => self.fill_failed(id, Failure::Status(Status::IO)),
            Purpose::Question(id) => {
                if let Some(mut question) = self.verdicts.close(id) {
                    while let Some(call) = self.verdicts.nodes.pop(&mut question.waiters) {
                        self.drop_call(call);
                    }
                    self.files.release(question.file);
                }
            }
            Purpose::Identify(id) => self.drop_call(id),
            Purpose::MountExport(_) | Purpose::ExamineExport(_) | Purpose::MountPort => {}
        }
    }

    /// Nobody will ever know what came of a forwarded call.
    fn outcome_unknown(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        match (&call.work, call.handles[0]) {
            (Work::Write(_), _) => self.settle_write(id, None),
            (Work::SetSize, Some(handle)) => {
                if let Some(file) = self.files.find(&handle) {
                    self.doubt(file);
                }
            }
            _ => {}
        }
    }
}
