//! WRITE: through the cache to the origin, readable once the origin has confirmed it.

use std::ops::Range;

use cache::{BlockKey, BlockRef};
use mutant::Mutant;
use nfs::nfs3::results::{self, Write};
use nfs::nfs3::{StableHow, Status, WccData};
use nfs::rpc;
use nfs::xdr::Reader;

use crate::call::{CallId, Work, WritePiece};
use crate::chain::Chain;
use crate::files::FileRef;
use crate::gateway::Gateway;
use crate::limits::META_PIECES_MAX;

impl Gateway {
    /// Sends an authorised WRITE, or queues it behind those it overlaps.
    pub(crate) fn start_write(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let (Some(handle), Work::Write(work)) = (call.handles[0], &call.work) else {
            return;
        };
        let bytes = work.bytes();
        self.attach_file(id, handle);
        let Some(file) = self.calls.get(id).and_then(|call| call.file) else {
            // No room to know the file: nothing of it is cached.
            self.forward(id);
            return;
        };
        let Some(burst) = self.files.burst_mut(file) else {
            return;
        };
        if burst.overlaps(&bytes) && !mutant::is_on(Mutant::OverlappingWritesTogether) {
            burst.queue.push_back((id, bytes));
        } else {
            burst.outstanding.push((id, bytes));
            self.send_write(id, file);
        }
    }

    fn send_write(&mut self, id: CallId, file: FileRef) {
        let generation = self.files.get(file).map_or(0, |file| file.generation);
        if let Some(call) = self.calls.get_mut(id)
            && let Work::Write(work) = &mut call.work
        {
            work.generation = generation;
            let bytes = work.bytes();
            self.overtake(file, &bytes);
        }
        self.forward(id);
    }

    /// The reply to a WRITE has arrived.
    pub(crate) fn written(&mut self, id: CallId, chain: &mut Chain) {
        let result = {
            let mut storage = [&[][..]; META_PIECES_MAX];
            let mut reader = Reader::new(chain.segments(&mut storage));
            match rpc::decode_reply(&mut reader) {
                Ok(header) if header.outcome.is_ok() => {
                    results::write(&mut reader).map(Some).map_err(|_| ())
                }
                Ok(_) => Ok(None),
                Err(_) => Err(()),
            }
        };
        let requested = match self.calls.get(id).map(|call| &call.work) {
            Some(Work::Write(work)) => work.head.count,
            _ => return,
        };
        let too_much = |write: &Write| {
            let count = write.written.map_or(0, |done| done.count);
            count > requested && !mutant::is_on(Mutant::CountUnchecked)
        };
        match result {
            // A server that confirms more than it was given cannot be believed in anything (I8).
            Ok(Some(write)) if too_much(&write) => {
                self.counters.origin_protocol_errors += 1;
                self.settle_write(id, None);
                self.answer_status(id, Status::IO);
            }
            Ok(write) => {
                if write
                    .is_some_and(|write| matches!(write.status, Status::STALE | Status::BADHANDLE))
                    && let Some(handle) = self.calls.get(id).and_then(|call| call.handles[0])
                {
                    self.forget_handle(&handle);
                }
                self.settle_write(id, write);
                if mutant::is_on(Mutant::UnstableIsStable) && write.is_some_and(is_unstable) {
                    chain.patch(
                        chain.len() - 12,
                        &(StableHow::FileSync as u32).to_be_bytes(),
                    );
                }
                self.pass_back_chain(id, chain);
            }
            Err(()) => {
                self.counters.origin_protocol_errors += 1;
                self.settle_write(id, None);
                self.answer_status(id, Status::IO);
            }
        }
    }

    /// Takes the outcome of a WRITE into account; `None` if it is unknown. The call itself stays.
    pub(crate) fn settle_write(&mut self, id: CallId, result: Option<Write>) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let (Some(file), Work::Write(work)) = (call.file, &mut call.work) else {
            return;
        };
        let (bytes, sent_in) = (work.bytes(), work.generation);
        let start = work.head.offset;
        let mut pieces = std::mem::take(&mut work.pieces);
        self.overtake(file, &bytes);
        let done = result
            .as_ref()
            .and_then(|write| write.written)
            .map(|written| written.count);
        let wcc = result.map_or(WccData::default(), |write| write.file);
        if let Some(burst) = self
            .files
            .get_mut(file)
            .and_then(|file| file.burst.as_mut())
        {
            burst.outstanding.retain(|(other, _)| *other != id);
            burst.settle(&wcc, done.is_some());
        }
        let unchanged = self
            .files
            .get(file)
            .is_some_and(|file| file.generation == sent_in);
        let readable = match done {
            Some(_) if unchanged && mutant::is_on(Mutant::ShortWriteReadable) => bytes.clone(),
            Some(count) if unchanged => start..start + u64::from(count),
            _ => start..start,
        };
        if readable.end < bytes.end {
            self.cache.remove_range(file.id, readable.end..bytes.end);
        }
        for piece in pieces.drain(..) {
            self.publish_written(file, piece, readable.end);
        }
        self.recycle_pieces(pieces);
        self.send_queued(file);
        self.judge(file);
    }

    /// Sends those that waited for a WRITE they overlap.
    fn send_queued(&mut self, file: FileRef) {
        while let Some(burst) = self
            .files
            .get_mut(file)
            .and_then(|file| file.burst.as_mut())
        {
            let Some((id, bytes)) = burst.next_runnable() else {
                return;
            };
            burst.outstanding.push((id, bytes));
            self.send_write(id, file);
        }
    }

    /// Makes a confirmed piece readable, up to byte `end` of the file, together with what is cached next
    /// to it.
    fn publish_written(&mut self, file: FileRef, piece: WritePiece, end: u64) {
        let block_start = piece.index * self.cache.block_size() as u64;
        let confirmed = usize::try_from(end.saturating_sub(block_start))
            .unwrap_or(usize::MAX)
            .min(piece.range.end);
        if confirmed <= piece.range.start {
            return;
        }
        let new = piece.range.start..confirmed;
        let key = BlockKey {
            file: file.id,
            index: piece.index,
        };
        let Some((old, valid, _)) = self.cache.peek(key) else {
            self.cache.publish(key, piece.block, new, false);
            return;
        };
        let covers = new.start <= valid.start && valid.end <= new.end;
        let apart = new.end < valid.start || valid.end < new.start;
        if covers || apart {
            self.cache.publish(key, piece.block, new, false);
            return;
        }
        let union = new.start.min(valid.start)..new.end.max(valid.end);
        if mutant::is_on(Mutant::RewrittenInPlace) {
            self.cache.remove(key);
            if let Ok(mut block) = old.try_into_mut() {
                copy_range(block.as_mut_slice(), piece.block.as_slice(), new);
                self.cache.publish(key, block.freeze(), union, false);
            }
            return;
        }
        let merged = self.merge(piece.block, &new, &old, &valid);
        drop(old);
        match merged {
            Ok(block) => self.cache.publish(key, block, union, false),
            Err(block) => self.cache.publish(key, block, new, false),
        }
    }

    /// One block with the new bytes and the old ones around them: the new one if nobody else refers to it,
    /// else another (I3). Gives the new one back if there is none to be had.
    fn merge(
        &mut self,
        block: BlockRef,
        new: &Range<usize>,
        old: &BlockRef,
        valid: &Range<usize>,
    ) -> Result<BlockRef, BlockRef> {
        let mut merged = match block.try_into_mut() {
            Ok(exclusive) => exclusive,
            Err(shared) => match self.cache.allocate() {
                Some(mut copy) => {
                    copy_range(copy.as_mut_slice(), shared.as_slice(), new.clone());
                    copy
                }
                None => return Err(shared),
            },
        };
        let before = valid.start..new.start.max(valid.start);
        let after = new.end.min(valid.end)..valid.end;
        for range in [before, after] {
            copy_range(merged.as_mut_slice(), old.as_slice(), range);
        }
        Ok(merged.freeze())
    }
}

fn is_unstable(write: Write) -> bool {
    let written = write.written;
    written.is_some_and(|written| written.committed == StableHow::Unstable)
}

fn copy_range(into: &mut [u8], from: &[u8], range: Range<usize>) {
    if let (Some(into), Some(from)) = (into.get_mut(range.clone()), from.get(range)) {
        into.copy_from_slice(from);
    }
}
