//! READ: from the cache if the caller may, block by block, each missing block asked for once.

use std::ops::Range;

use cache::BlockKey;
use mutant::Mutant;
use nfs::nfs3::results::ReadHead;
use nfs::nfs3::{FileAttributes, Status};
use nfs::xdr::padding;

use crate::access::MayRead;
use crate::call::{CallId, Piece, ReadStage, ReadWork, Work};
use crate::client_intake::split;
use crate::fills::Waiter;
use crate::gateway::Gateway;
use crate::limits::READ_PIECES_MAX;
use crate::message::Payload;

/// What came of looking for one block.
enum Found {
    Now(Piece),
    /// There is no room to ask for it.
    Starved,
}

/// Where a piece lies: the block, and the bytes in it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Gateway {
    /// Takes a READ as far as it goes now: authorises it, looks for its blocks, answers it.
    pub(crate) fn drive_read(&mut self, id: CallId) {
        if let Some(call) = self.calls.get(id)
            && call.given_up
        {
            // Nothing more is asked for, and when nothing refers to it any more it goes.
            if !matches!(&call.work, Work::Read(work) if work.is_filling()) {
                self.drop_call(id);
            }
            return;
        }
        let Some((mut work, stage)) = self.take_read(id) else {
            return;
        };
        let stuck = if stage == ReadStage::Authorising {
            self.authorise_read(id, &mut work)
        } else {
            false
        };
        let starved = !stuck && self.gather_pieces(id, &mut work);
        let done = !stuck && !starved && work.is_complete();
        if let Some(call) = self.calls.get_mut(id) {
            call.work = Work::Read(work);
        }
        if starved {
            self.starve(id);
        } else if done {
            self.finish_read(id);
        }
    }

    /// Takes the work out of its call, so that both can be changed.
    fn take_read(&mut self, id: CallId) -> Option<(Box<ReadWork>, ReadStage)> {
        let call = self.calls.get_mut(id)?;
        match std::mem::replace(&mut call.work, Work::Plain) {
            Work::Read(work) => {
                let stage = work.stage;
                Some((work, stage))
            }
            other => {
                call.work = other;
                None
            }
        }
    }

    /// Finds out whether the caller may read from the cache; `true` if that takes time.
    fn authorise_read(&mut self, id: CallId, work: &mut ReadWork) -> bool {
        let Some(call) = self.calls.get(id) else {
            return true;
        };
        let identity = call.identity;
        if call.file.is_none() {
            self.attach_file(id, work.args.file);
        }
        let may_read = match self.calls.get(id).and_then(|call| call.file) {
            _ if work.private => MayRead::No,
            Some(_) if mutant::is_on(Mutant::VerdictIgnored) => MayRead::Yes,
            Some(file) => self.may_read(id, file, &identity),
            // Every place in the table is taken by a file in use.
            None => MayRead::No,
        };
        match may_read {
            MayRead::Yes => {}
            MayRead::No => work.private = true,
            MayRead::Asked => return true,
            MayRead::Starved => {
                self.starve(id);
                return true;
            }
        }
        self.plan_read(id, work);
        false
    }

    /// Cuts the READ into blocks. What is known to lie past the end of the file is not looked for.
    fn plan_read(&self, id: CallId, work: &mut ReadWork) {
        let attributes = self
            .calls
            .get(id)
            .and_then(|call| self.files.get(call.file?)?.attributes())
            .filter(|_| !work.private);
        work.range = clip_read(work.args.offset, work.args.count, attributes);
        let blocks = self.block_indices(&work.range);
        work.piece_count = usize::try_from(blocks.end - blocks.start)
            .unwrap_or(READ_PIECES_MAX)
            .min(READ_PIECES_MAX);
        work.stage = ReadStage::Gathering;
    }

    /// Looks for every piece that is still wanted; `true` if there was no room to ask for one.
    fn gather_pieces(&mut self, id: CallId, work: &mut ReadWork) -> bool {
        for piece in 0..work.piece_count {
            if !matches!(work.pieces.get(piece), Some(Piece::Wanted)) {
                continue;
            }
            let found = self.find_piece(id, work, piece);
            work.looked_up = work.looked_up.max(piece + 1);
            match found {
                Found::Now(found) => {
                    if let Some(place) = work.pieces.get_mut(piece) {
                        *place = found;
                    }
                }
                Found::Starved => return true,
            }
        }
        false
    }

    fn find_piece(&mut self, id: CallId, work: &ReadWork, piece: usize) -> Found {
        let place = place_of(&work.range, piece, self.cache.block_size());
        let file = self.calls.get(id).and_then(|call| call.file);
        let retried = work.retried.get(piece).copied().unwrap_or(true);
        if let (false, Some(file)) = (work.private, file) {
            let key = BlockKey {
                file: file.id,
                index: place.index,
            };
            if let Some(found) = self.find_cached(key, place, piece < work.looked_up) {
                return Found::Now(found);
            }
            let generation = self.files.get(file).map_or(0, |file| file.generation);
            // Not once more what may end before the first byte wanted: a READ must not come to nothing.
            if !retried && let Some(fill) = self.fills.joinable(key, generation, place.start) {
                return if self.fills.wait(fill, Waiter { call: id, piece }) {
                    Found::Now(Piece::Waiting)
                } else {
                    Found::Starved
                };
            }
        }
        if self.start_fill(id, work, piece, place, file, retried) {
            Found::Now(Piece::Waiting)
        } else {
            Found::Starved
        }
    }

    /// All bytes of the piece from the cache, or nothing.
    fn find_cached(&mut self, key: BlockKey, place: Place, looked_up: bool) -> Option<Piece> {
        let wanted = place.start..place.end;
        let slice = if looked_up {
            let (block, valid, _) = self.cache.peek(key)?;
            (valid.start <= wanted.start && wanted.end <= valid.end)
                .then(|| block.into_slice(wanted.clone()))?
        } else {
            self.cache.lookup(key, wanted.clone())?.slice
        };
        (slice.len() == wanted.len()).then_some(Piece::Ready {
            data: Some(slice),
            end_of_file: false,
        })
    }

    /// Answers a READ whose pieces are all there.
    fn finish_read(&mut self, id: CallId) {
        let Some((mut work, _)) = self.take_read(id) else {
            return;
        };
        let block_size = self.cache.block_size();
        let attributes = self
            .calls
            .get(id)
            .and_then(|call| call.file)
            .and_then(|file| self.files.get(file))
            .and_then(|file| file.attributes())
            .copied();
        let mut count = 0;
        let mut used = 0;
        let mut end_of_file = false;
        let mut failure = None;
        for (number, piece) in work.pieces.iter().enumerate().take(work.piece_count) {
            let place = place_of(&work.range, number, block_size);
            match piece {
                Piece::Ready {
                    data,
                    end_of_file: ends,
                } => {
                    let len = data.as_ref().map_or(0, |data| data.len());
                    count += len;
                    used += 1;
                    end_of_file = *ends;
                    // A reply's data is contiguous: it ends with the first piece that is not whole.
                    if len < place.end - place.start {
                        break;
                    }
                }
                Piece::Failed(why) => {
                    failure = Some(*why);
                    break;
                }
                Piece::Wanted | Piece::Waiting => break,
            }
        }
        if let (0, Some(failure)) = (count, failure) {
            self.restore_read(id, work);
            self.answer_failure(id, failure);
            return;
        }
        let reached = work.args.offset.saturating_add(count as u64);
        if let Some(attributes) = &attributes {
            end_of_file |= attributes.size <= reached;
        }
        let head = ReadHead {
            status: Status::OK,
            attributes,
            count: u32::try_from(count).unwrap_or(0),
            end_of_file,
        };
        let mut pieces = std::mem::take(&mut work.pieces);
        self.restore_read(id, work);
        self.answer_with_data(
            id,
            |writer| head.encode(writer),
            |message| {
                for piece in pieces.iter_mut().take(used) {
                    if let Piece::Ready { data, .. } = piece
                        && let Some(data) = data.take()
                    {
                        message.push(Payload::Block(data));
                    }
                }
                message.push(Payload::Zeros(padding(count)));
            },
        );
    }

    fn restore_read(&mut self, id: CallId, work: Box<ReadWork>) {
        if let Some(call) = self.calls.get_mut(id) {
            call.work = Work::Read(work);
        }
    }
}

impl ReadWork {
    fn is_complete(&self) -> bool {
        let pieces = self.pieces.iter().take(self.piece_count);
        self.stage == ReadStage::Gathering
            && !pieces
                .into_iter()
                .any(|piece| matches!(piece, Piece::Wanted | Piece::Waiting))
    }
}

/// The bytes of the file that a READ is about: none that are known to lie past its end.
pub(crate) fn clip_read(
    offset: u64,
    count: u32,
    attributes: Option<&FileAttributes>,
) -> Range<u64> {
    let end = offset.saturating_add(u64::from(count));
    let known_end = attributes.map_or(end, |known| known.size.max(offset));
    offset..end.min(known_end)
}

/// Where piece `piece` of `range` lies.
pub(crate) fn place_of(range: &Range<u64>, piece: usize, block_size: usize) -> Place {
    let (first, first_start) = split(range.start, block_size);
    let index = first + piece as u64;
    let block_start = index * block_size as u64;
    let start = if piece == 0 { first_start } else { 0 };
    let left = usize::try_from(range.end - block_start).unwrap_or(block_size);
    Place {
        index,
        start,
        end: left.min(block_size),
    }
}
