//! One origin READ for a block: sending it, and what its answer means for those who wait for it.

use cache::{BlockKey, BlockRef, FileId};
use mutant::Mutant;
use nfs::nfs3::args::ReadArgs;
use nfs::nfs3::{self, FileAttributes, Procedure, Status};

use crate::call::{CallId, Failure, Piece, ReadWork, Work};
use crate::files::FileRef;
use crate::fills::{Fill, FillId, Waiter};
use crate::gateway::Gateway;
use crate::origin::Target;
use crate::read::{Place, place_of};
use crate::upstream::Purpose;
use crate::wait_list::WaitList;

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
        let is_so_still = current
            && unchanged
            && fill.known.is_some()
            && fill.known == reply.attributes.as_ref().map(FileAttributes::wcc);
        let publish = fill.shared && (is_so_still || mutant::is_on(Mutant::OvertakenFillPublished));
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

    /// Sends a READ for a block to the origin; `false` if there is no room for it.
    pub(crate) fn start_fill(
        &mut self,
        id: CallId,
        work: &ReadWork,
        piece: usize,
        place: Place,
        file: Option<FileRef>,
        retried: bool,
    ) -> bool {
        let Some(credential) = self.calls.get(id).map(|call| call.credential.clone()) else {
            return true;
        };
        let block_size = self.cache.block_size();
        // The whole block for everybody; for one caller alone, no more than it asked for.
        let (start, end) = match (work.private, retried) {
            (true, _) => (place.start, place.end),
            (false, true) => (place.start, block_size),
            (false, false) => (0, block_size),
        };
        if self.fills.fills.is_full() {
            return false;
        }
        let Some(block) = self.cache.allocate() else {
            return false;
        };
        let (generation, known) = file
            .and_then(|file| self.files.get(file))
            .map_or((0, None), |file| (file.generation, file.known()));
        let asked = u32::try_from(end - start).unwrap_or(u32::MAX);
        let mut waiters = WaitList::new();
        if !self
            .fills
            .nodes
            .push(&mut waiters, Waiter { call: id, piece })
        {
            return false;
        }
        let fill = Fill {
            key: BlockKey {
                file: file.map_or(FileId(0), |file| file.id),
                index: place.index,
            },
            file,
            start,
            asked,
            shared: !work.private,
            generation,
            known,
            initiator: id,
            waiters,
            block,
            reply: None,
        };
        let Some(fill) = self.fills.enter(fill) else {
            return false;
        };
        let target = Target {
            program: nfs3::PROGRAM,
            version: nfs3::VERSION,
            procedure: Procedure::Read.into(),
        };
        let args = ReadArgs {
            file: work.args.file,
            offset: place.index * block_size as u64 + start as u64,
            count: asked,
        };
        let link = self.links.choose_nfs();
        let purpose = Purpose::Fill(fill);
        let sent = self.call_origin(link, purpose, target, &credential, |writer| {
            args.encode(writer)
        });
        if sent {
            self.counters.origin_reads += 1;
            if let Some(file) = file {
                self.files.hold(file);
            }
        } else if let Some((mut fill, _)) = self.fills.close(fill) {
            while self.fills.nodes.pop(&mut fill.waiters).is_some() {}
        }
        sent
    }

    /// How much of a piece of a READ a finished fill holds: bytes `start..start + count` of the block.
    fn deliver(
        &mut self,
        waiter: Waiter,
        block: &BlockRef,
        start: usize,
        count: usize,
        end_of_file: bool,
    ) {
        let block_size = self.cache.block_size();
        let Some(Work::Read(work)) = self.calls.get_mut(waiter.call).map(|call| &mut call.work)
        else {
            return;
        };
        let place = place_of(&work.range, waiter.piece, block_size);
        let end = start + count;
        let found = if start <= place.start && place.start < end {
            let to = place.end.min(end);
            Piece::Ready {
                data: Some(block.slice(place.start..to)),
                end_of_file: end_of_file && to == end,
            }
        } else if end_of_file || work.private || work.retried.get(waiter.piece) == Some(&true) {
            Piece::Ready {
                data: None,
                end_of_file,
            }
        } else {
            // The origin gave less than a block: ask for just what is wanted.
            if let Some(retried) = work.retried.get_mut(waiter.piece) {
                *retried = true;
            }
            Piece::Wanted
        };
        if let Some(place) = work.pieces.get_mut(waiter.piece) {
            *place = found;
        }
    }

    /// A fill failed: whose credential it was sent with gets the origin's answer, others ask for
    /// themselves.
    fn deliver_failure(&mut self, waiter: Waiter, initiator: CallId, failure: Failure) {
        let Some(Work::Read(work)) = self.calls.get_mut(waiter.call).map(|call| &mut call.work)
        else {
            return;
        };
        if let Some(place) = work.pieces.get_mut(waiter.piece) {
            *place = if waiter.call == initiator {
                Piece::Failed(failure)
            } else {
                Piece::Wanted
            };
        }
    }
}
