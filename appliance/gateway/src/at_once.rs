//! Calls that are over before anything else happens: answered from where they lie, without a buffer to gather
//! them in and a place in the table.
//!
//! What is found out here is what [`Gateway::authorise`] and what follows it come to, by the same tables. Whatever is
//! not known, or takes time, is left to them, and nothing has happened then.

use std::ops::Range;

use cache::BlockKey;
use mutant::Mutant;
use nfs::nfs3::args::{self, ReadArgs};
use nfs::nfs3::results::ReadHead;
use nfs::nfs3::{self, FileAttributes, FileHandle, Procedure, Status, access};
use nfs::record::MARK_LEN;
use nfs::rpc::{self, CallView};
use nfs::xdr::{Overflow, Reader, Writer, padding};

use crate::charge::Holder;
use crate::client::{CallIntake, Client};
use crate::config::Coherence;
use crate::files::FileRef;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::{HEAD_STEP, READ_PIECES_MAX};
use crate::message::{Message, Payload};
use crate::read::{clip_read, place_of};
use crate::reply::write_reply;

/// A READ of bytes that are all in the cache but perhaps the first, by somebody who may have them.
struct CachedRead {
    file: FileRef,
    attributes: Option<FileAttributes>,
    /// Not beyond the end of the file.
    range: Range<u64>,
    /// What it counts as until the client has it.
    pinned: usize,
}

impl Gateway {
    /// Answers the call that `bytes` begin with, if all of it is there and it asks for what is known and may be told;
    /// how long it was. Nothing has happened otherwise.
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
        let is_nfs = (call.program, call.version) == (nfs3::PROGRAM, nfs3::VERSION);
        if !is_nfs || !self.accepts(client, call.program, call.procedure) {
            return None;
        }
        match Procedure::try_from(call.procedure) {
            Ok(Procedure::Getattr) => self.getattr_at_once(client, &call, &mut reader)?,
            Ok(Procedure::Access) => self.access_at_once(client, &call, &mut reader)?,
            Ok(Procedure::Read) => self.read_at_once(client, &call, &mut reader)?,
            _ => return None,
        }
        self.counters.client_calls += 1;
        client.last_active = self.now;
        // Within all limits, as short as it is.
        let record = bytes.get(..MARK_LEN + len).unwrap_or_default();
        client.reader.next(record).ok().map(|(taken, _)| taken)
    }

    fn getattr_at_once(
        &mut self,
        client: &Client,
        call: &CallView<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<()> {
        let handle = FileHandle::decode(reader).ok()?;
        let (_, coherence) = self.caller(client, call, &handle)?;
        if coherence != Coherence::Immutable {
            return None;
        }
        let known = self.cached_attributes(&handle)?;
        self.tell(client, call, |writer| known.encode(writer))
    }

    fn access_at_once(
        &mut self,
        client: &Client,
        call: &CallView<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<()> {
        let args = args::access(reader).ok()?;
        let (identity, coherence) = self.caller(client, call, &args.object)?;
        if coherence != Coherence::Immutable {
            return None;
        }
        let known = self.cached_access(&args.object, &identity, args.access)?;
        self.tell(client, call, |writer| known.encode(writer))
    }

    /// Answers with results that are known, if there is room to.
    fn tell(
        &mut self,
        client: &Client,
        call: &CallView<'_>,
        encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
    ) -> Option<()> {
        let (charge, buffer) = self.admit(|| Holder::charge(&client.holder))?;
        self.reply_results(client.id, charge, buffer, call.xid, encode);
        Some(())
    }

    fn read_at_once(
        &mut self,
        client: &Client,
        call: &CallView<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<()> {
        let args = args::read(reader).ok()?;
        let (identity, _) = self.caller(client, call, &args.file)?;
        let read = self.cached_read(&args, &identity)?;
        let (charge, mut buffer) =
            self.admit(|| Holder::charge_read(&client.holder, read.pinned))?;
        if charge.bytes() < read.pinned {
            // It is cut to what there is room for.
            return None;
        }
        let reached = read.range.end;
        let count = usize::try_from(reached - read.range.start).ok()?;
        let head = ReadHead {
            status: Status::OK,
            attributes: read.attributes,
            count: u32::try_from(count).ok()?,
            end_of_file: read.attributes.is_some_and(|known| known.size <= reached),
        };
        write_reply(&mut buffer, call.xid, |writer| head.encode(writer)).ok()?;
        let mut message = self.message_of(buffer);
        self.push_cached(&read, &mut message)?;
        self.counters.client_reads += 1;
        self.send_to_client(client.id, message, Some(charge), call.xid);
        Some(())
    }

    /// Who the origin would take the caller for, and how far its answers stay true, if the file is of an export that
    /// the caller may reach.
    fn caller(
        &mut self,
        client: &Client,
        call: &CallView<'_>,
        handle: &FileHandle,
    ) -> Option<(Identity, Coherence)> {
        let identity = Identity::of_call(call)?;
        let index = self.handles.find(handle)?;
        let export = self.exports.get(index)?;
        let may_reach = self.exports.is_in_use(index)
            && export.allows(*client.info.peer.ip())
            && export.security.accepts(&client.security)
            && client.security.admits(index.0, &identity);
        may_reach.then(|| (export.squash.identity(identity), export.coherence))
    }

    /// What a READ comes to, as far as no byte of it has to be waited for.
    fn cached_read(&mut self, args: &ReadArgs, identity: &Identity) -> Option<CachedRead> {
        let count = args.count.min(self.max_read);
        if count == 0 {
            return None;
        }
        let file = self.files.find(&args.file)?;
        let state = self.files.get(file)?;
        let (attributes, permissions) = (state.attributes().copied(), state.permissions);
        if !mutant::is_on(Mutant::VerdictIgnored) {
            let verdict = self.verdicts.find(file.id, identity, permissions)?;
            if verdict.asked & verdict.granted & access::READ == 0 {
                return None;
            }
        }
        let range = clip_read(args.offset, count, attributes.as_ref());
        let blocks = self.block_indices(&range);
        let pieces = usize::try_from(blocks.end - blocks.start).ok()?;
        if pieces > READ_PIECES_MAX {
            return None;
        }
        // Of the first one it turns out when it is taken.
        let are_there = (1..pieces).all(|piece| {
            let place = place_of(&range, piece, self.cache.block_size());
            let (file, index) = (file.id, place.index);
            let key = BlockKey { file, index };
            self.cache.holds(key, place.start..place.end)
        });
        are_there.then(|| CachedRead {
            file,
            attributes,
            range,
            pinned: self.pinned_by(args.offset, count),
        })
    }

    /// Appends the data of a READ; `None` if its first block is not there, of which nothing was known yet.
    fn push_cached(&mut self, read: &CachedRead, message: &mut Message) -> Option<()> {
        let blocks = self.block_indices(&read.range);
        for (piece, index) in blocks.enumerate() {
            let place = place_of(&read.range, piece, self.cache.block_size());
            let file = read.file.id;
            let key = BlockKey { file, index };
            let slice = self.cache.lookup_whole(key, place.start..place.end)?;
            message.push(Payload::Block(slice));
        }
        let len = usize::try_from(read.range.end - read.range.start).ok()?;
        message.push(Payload::Zeros(padding(len)));
        Some(())
    }
}
