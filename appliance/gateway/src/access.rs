//! Whether a caller may read from the cache: by an ACCESS verdict of the origin, asked for once by all who
//! wait for the same one.

use nfs::nfs3::args::AccessArgs;
use nfs::nfs3::{self, Procedure, access, results};
use nfs::rpc;
use nfs::xdr::Reader;

use crate::call::{CallId, ReadStage, Work};
use crate::files::FileRef;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::origin::Target;
use crate::upstream::Purpose;
use crate::verdicts::{Access, QuestionId};

/// ACCESS asks about everything: the answer may serve for more than READ.
const ALL_RIGHTS: u32 = access::READ
    | access::LOOKUP
    | access::MODIFY
    | access::EXTEND
    | access::DELETE
    | access::EXECUTE;

/// Whether a caller may be answered from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayRead {
    Yes,
    No,
    /// The origin was asked; the READ is noted to wait for the answer.
    Asked,
    /// There is no room to ask.
    Starved,
}

impl Gateway {
    pub(crate) fn may_read(&mut self, id: CallId, file: FileRef, identity: &Identity) -> MayRead {
        let Some(state) = self.files.get(file) else {
            return MayRead::No;
        };
        let (permissions, handle) = (state.permissions, state.handle);
        if let Some(verdict) = self.verdicts.find(file.id, identity, permissions)
            && verdict.asked & access::READ != 0
        {
            // A server may let READ through where ACCESS grants less (owner, execute): that is for it
            // to decide, each time.
            return if verdict.granted & access::READ != 0 {
                MayRead::Yes
            } else {
                MayRead::No
            };
        }
        if let Some(question) = self.verdicts.question(file.id, identity, permissions) {
            return if self.verdicts.wait(question, id) {
                MayRead::Asked
            } else {
                MayRead::Starved
            };
        }
        let Some(credential) = self.calls.get(id).map(|call| call.credential.clone()) else {
            return MayRead::No;
        };
        let Some(question) = self.verdicts.ask(file, *identity, permissions) else {
            return MayRead::Starved;
        };
        let target = Target {
            program: nfs3::PROGRAM,
            version: nfs3::VERSION,
            procedure: Procedure::Access.into(),
        };
        let args = AccessArgs {
            object: handle,
            access: ALL_RIGHTS,
        };
        let link = self.links.choose_nfs();
        let purpose = Purpose::Question(question);
        let sent = self.call_origin(link, purpose, target, &credential, |writer| {
            args.encode(writer)
        });
        if !sent {
            self.verdicts.close(question);
            return MayRead::Starved;
        }
        self.files.hold(file);
        if self.verdicts.wait(question, id) {
            MayRead::Asked
        } else {
            MayRead::Starved
        }
    }

    /// The origin has answered an ACCESS of ours.
    pub(crate) fn question_answered(&mut self, id: QuestionId, reader: &mut Reader<'_>) {
        let Some(mut question) = self.verdicts.close(id) else {
            return;
        };
        let file = question.file;
        let permissions = |gateway: &Self| gateway.files.get(file).map(|file| file.permissions);
        let is_current = permissions(self) == Some(question.permissions);
        let result = match rpc::decode_reply(reader) {
            Ok(header) if header.outcome.is_ok() => results::access(reader).ok(),
            _ => None,
        };
        if let Some(attributes) = result.as_ref().and_then(|result| result.attributes) {
            self.observe(file, &attributes);
        }
        let verdict = result
            .filter(|result| result.status.is_ok() && is_current)
            .zip(permissions(self));
        if let Some((result, permissions)) = verdict {
            let access = Access {
                permissions,
                asked: ALL_RIGHTS,
                granted: result.access,
            };
            self.verdicts.enter(file.id, &question.identity, access);
        }
        while let Some(call) = self.verdicts.nodes.pop(&mut question.waiters) {
            if verdict.is_none() {
                self.read_privately(call);
            }
            self.drive_read(call);
        }
        self.files.release(file);
    }

    /// No verdict came, or one that does not count any more: the origin decides about the READ itself.
    fn read_privately(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(id)
            && let Work::Read(work) = &mut call.work
            && work.stage == ReadStage::Authorising
        {
            work.private = true;
        }
    }
}
