//! What is done with a call that has come before: it joins its first coming, or its reply is sent again.

use crate::call::{CallId, ClientCall};
use crate::charge::Charge;
use crate::client::Client;
use crate::duplicates::{DuplicateKey, Seen};
use crate::gateway::Gateway;
use crate::message::Message;
use crate::meta::MetaMut;

/// What a repeated call needs of a client that was let in.
pub(crate) type Admission = (Charge, MetaMut);

impl Gateway {
    /// Whether this call has come before.
    pub(crate) fn is_repeated(&mut self, key: &DuplicateKey) -> bool {
        self.duplicates.find(key, self.now).is_some()
    }

    /// Deals with a call of `client` that has come before. Gives the admission back if it has not, or has
    /// no `key`: then it is to be executed.
    ///
    /// The reply to a call in progress goes to the newest connection it was asked for on: a client that asks
    /// again does not listen where it asked before. What it sent there may still come later than what it sent
    /// on the new one, so it is not what was asked last that counts. Asking twice on one connection is answered
    /// once.
    pub(crate) fn unless_repeated(
        &mut self,
        client: &Client,
        key: Option<DuplicateKey>,
        admission: Admission,
    ) -> Option<Admission> {
        let (charge, mut buffer) = admission;
        match key.and_then(|key| self.duplicates.find(&key, self.now)) {
            None => Some((charge, buffer)),
            Some(Seen::Answered(reply)) => {
                buffer.truncate(0);
                buffer.append(reply);
                self.counters.duplicates_answered += 1;
                let message = self.message_of(buffer);
                self.send_prepared(client.id, message, Some(charge));
                None
            }
            Some(Seen::InProgress(id)) => {
                self.counters.duplicates_joined += 1;
                if let Some(call) = self.calls.get_mut(id)
                    && (call.client_serial <= client.serial
                        || !self.clients.contains_key(&call.client))
                {
                    let before = std::mem::replace(&mut call.client, client.id);
                    call.client_serial = client.serial;
                    // The first charge covers what the call pins; this one the reply on its way.
                    call.joined = Some(charge);
                    self.close_if_done(before);
                }
                None
            }
        }
    }

    /// Sends a call's reply, whose record is complete, to whom it is for, and remembers it if the call
    /// must not be executed again. That nobody listens any more is no reason to forget it: whoever comes
    /// back asks again.
    pub(crate) fn reply_to(&mut self, mut call: ClientCall, message: Message) {
        if call.given_up {
            // It was answered then.
            self.recycle_work(call);
            return;
        }
        if let Some(id) = call.duplicate.take()
            && !self.duplicates.finish(id, &message, self.now)
        {
            self.counters.duplicates_too_long += 1;
        }
        let charge = call.joined.take().or_else(|| call.charge.take());
        self.send_prepared(call.client, message, charge);
        self.recycle_work(call);
    }

    /// Forgets a call without an answer: if it comes again, it is a new one.
    pub(crate) fn drop_call(&mut self, id: CallId) {
        let Some(mut call) = self.close_call(id) else {
            return;
        };
        if let Some(duplicate) = call.duplicate.take() {
            self.duplicates.forget(duplicate);
        }
        self.recycle_work(call);
    }
}
