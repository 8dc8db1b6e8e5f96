//! Calls that are over before anything else happens: answered from where they lie, without a buffer to gather
//! them in and a place in the table.

use nfs::nfs3::results::Getattr;
use nfs::nfs3::{self, FileHandle, Procedure};
use nfs::record::MARK_LEN;
use nfs::rpc;
use nfs::xdr::Reader;

use crate::charge::Holder;
use crate::client::{CallIntake, Client};
use crate::config::Coherence;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::HEAD_STEP;

impl Gateway {
    /// Answers the call that `bytes` begin with, if all of it is there and it asks for attributes that are known
    /// and cannot have changed; how long it was. Nothing has happened otherwise.
    pub(crate) fn answer_at_once(&mut self, client: &mut Client, bytes: &[u8]) -> Option<usize> {
        let is_between_calls = matches!(client.intake, CallIntake::Head)
            && client.reader.is_between_records()
            && !client.chain.is_started();
        if !is_between_calls || self.draining {
            return None;
        }
        let (mark, rest) = bytes.split_first_chunk::<MARK_LEN>()?;
        let len = nfs::record::whole_len(*mark).filter(|len| *len <= HEAD_STEP)?;
        let mut reader = Reader::contiguous(rest.get(..len)?);
        let call = rpc::view_call(&mut reader)?;
        let getattr = u32::from(Procedure::Getattr);
        if (call.program, call.version, call.procedure) != (nfs3::PROGRAM, nfs3::VERSION, getattr) {
            return None;
        }
        if !self.accepts(client, call.program, call.procedure) {
            return None;
        }
        let identity = Identity::of_call(&call)?;
        let handle = FileHandle::decode(&mut reader).ok()?;
        let known = self.immutable_attributes(&handle, client, &identity)?;
        let (charge, buffer) = self.admit(|| Holder::charge(&client.holder))?;
        self.counters.client_calls += 1;
        client.last_active = self.now;
        self.reply_results(client.id, charge, buffer, call.xid, |writer| {
            known.encode(writer)
        });
        // Within all limits, as short as it is.
        let record = bytes.get(..MARK_LEN + len).unwrap_or_default();
        client.reader.next(record).ok().map(|(taken, _)| taken)
    }

    /// The attributes of a file, if they are known, are what the origin would say, and whoever asks may have
    /// them: what [`Gateway::authorise`] and [`Gateway::perform`] come to.
    fn immutable_attributes(
        &mut self,
        handle: &FileHandle,
        client: &Client,
        identity: &Identity,
    ) -> Option<Getattr> {
        let export = self.handles.find(handle)?;
        let rules = self.exports.get(export)?;
        let may_have = rules.coherence == Coherence::Immutable
            && self.exports.is_in_use(export)
            && rules.allows(*client.info.peer.ip())
            && rules.security.accepts(&client.security)
            && client.security.admits(export.0, identity);
        if !may_have {
            return None;
        }
        self.cached_attributes(handle)
    }
}
