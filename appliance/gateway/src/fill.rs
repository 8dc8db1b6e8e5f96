//! What the origin's answers to our own READs and ACCESSes mean for those who wait for them.

use nfs::nfs3::{FileAttributes, Status, results};
use nfs::rpc;
use nfs::xdr::Reader;

use crate::call::{CallId, Failure, ReadStage, Work};
use crate::fills::FillId;
use crate::gateway::Gateway;
use crate::read::ALL_RIGHTS;
use crate::verdicts::{Access, QuestionId};

impl Gateway {
    /// All data of a fill has arrived.
    pub(crate) fn filled(&mut self, id: FillId) {
        let Some((mut fill, current)) = self.fills.close(id) else {
            return;
        };
        let Some(reply) = fill.reply else {
            return;
        };
        let (start, end) = (fill.start, fill.start + reply.count);
        if let (Some(file), Some(attributes)) = (fill.file, &reply.attributes) {
            self.observe(file, attributes);
        }
        // Nothing may have changed from before the READ was sent until now: not these bytes, not the
        // file, and not what the file is known to be.
        let unchanged = fill
            .file
            .and_then(|file| self.files.get(file))
            .is_some_and(|file| file.generation == fill.generation);
        let publish = fill.shared
            && current
            && unchanged
            && fill.known.is_some()
            && fill.known == reply.attributes.as_ref().map(FileAttributes::wcc);
        let block = fill.block.freeze();
        if publish {
            // Where the file ends is told by its size, which changes; not by a mark on the block.
            self.cache
                .publish(fill.key, block.share(), start..end, false);
        } else if fill.shared {
            self.counters.fills_unpublished += 1;
        }
        while let Some(waiter) = self.fills.nodes.pop(&mut fill.waiters) {
            self.deliver(waiter, &block, start, reply.count, reply.end_of_file);
            self.drive_read(waiter.call);
        }
        if let Some(file) = fill.file {
            self.files.release(file);
        }
    }

    /// The origin did not give the data.
    pub(crate) fn fill_failed(&mut self, id: FillId, failure: Failure) {
        let Some((mut fill, _)) = self.fills.close(id) else {
            return;
        };
        if let (Some(file), Failure::Status(Status::STALE | Status::BADHANDLE)) =
            (fill.file, failure)
            && let Some(handle) = self.files.get(file).map(|file| file.handle)
        {
            self.forget_handle(&handle);
        }
        // The block goes before others ask anew and need one.
        drop(fill.block);
        while let Some(waiter) = self.fills.nodes.pop(&mut fill.waiters) {
            self.deliver_failure(waiter, fill.initiator, failure);
            self.drive_read(waiter.call);
        }
        if let Some(file) = fill.file {
            self.files.release(file);
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
