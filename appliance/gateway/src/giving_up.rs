//! Calls that have waited for the origin as long as their export lets them: answered with an error, as a
//! soft mount does.
//!
//! The client is told NFS3ERR_IO, and the call is over for it. For us it is not: the origin may still carry
//! it out, and its blocks are on the wire. So it keeps its place and what it pins until the origin answers or
//! the connection is gone (I1), and until then no WRITE is sent that it might overtake.

use core::time::Duration;

use nfs::nfs3::Status;

use crate::call::{CallId, ClientCall, ReadStage, Work};
use crate::charge::Charge;
use crate::gateway::Gateway;
use crate::limits::{GIVE_UP_SWEEPS, RESUME_INTERVAL};
use crate::reply::{encode_status, write_reply};

impl Gateway {
    /// Answers the calls that have waited too long.
    pub(crate) fn give_up_on_calls(&mut self) {
        let now = self.now;
        let Some(shortest) = self.exports.least_patience() else {
            return;
        };
        if self.calls.len() == 0 || now < self.patience_sweep_at {
            return;
        }
        let interval = (shortest / GIVE_UP_SWEEPS).max(RESUME_INTERVAL);
        self.patience_sweep_at = now.saturating_add(interval);
        let due: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| !call.given_up && self.has_waited_too_long(call))
            .map(|(id, _)| id)
            .collect();
        for id in due {
            self.give_up(id);
        }
    }

    /// When [`Gateway::give_up_on_calls`] has something to do.
    pub(crate) fn patience_timeout(&self) -> Option<Duration> {
        self.exports.least_patience()?;
        (self.calls.len() > 0).then_some(self.patience_sweep_at)
    }

    fn has_waited_too_long(&self, call: &ClientCall) -> bool {
        let patience = match call.export {
            Some(export) => self.exports.get(export).and_then(|export| export.give_up),
            // MNT, or a handle of which the origin has not said yet where it belongs.
            None => self.exports.most_patience(),
        };
        patience.is_some_and(|patience| call.began.saturating_add(patience) <= self.now)
    }

    fn give_up(&mut self, id: CallId) {
        self.counters.calls_given_up += 1;
        if self.calls.get(id).is_some_and(is_referred_to) {
            self.answer_early(id, Status::IO);
        } else {
            self.leave_write_queue(id);
            self.answer_status(id, Status::IO);
        }
    }

    /// Answers a call and keeps it.
    fn answer_early(&mut self, id: CallId, status: Status) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.given_up = true;
        let Some(mut buffer) = call.reply.take() else {
            return;
        };
        let (client, xid, service) = (call.client, call.xid, call.service);
        let duplicate = call.duplicate.take();
        let own = call.charge.as_ref().map(Charge::for_early_reply);
        let charge = call.joined.take().or(own);
        // Cannot overflow: a failure is a few words.
        let _ = write_reply(&mut buffer, xid, |writer| {
            encode_status(writer, service, status)
        });
        let mut message = self.message_of(buffer);
        if message.set_record(xid) {
            // Whoever asks again is told the same; only a new call is executed.
            if let Some(duplicate) = duplicate {
                self.duplicates.finish(duplicate, &message, self.now);
            }
            self.send_prepared(client, message, charge);
        }
    }
}

/// Whether a call of ours at the origin refers to this one.
fn is_referred_to(call: &ClientCall) -> bool {
    let is_asked_about = match &call.work {
        // Which export its handle belongs to.
        _ if call.export.is_none() => true,
        // Whether its caller may read.
        Work::Read(work) => work.stage == ReadStage::Authorising,
        // A WRITE that waits for another.
        _ => false,
    };
    call.is_at_origin() || (is_asked_about && !call.starving)
}
