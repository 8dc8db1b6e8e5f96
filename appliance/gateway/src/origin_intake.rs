//! Reading the origin's stream of replies.

use mutant::Mutant;
use nfs::mount;
use nfs::nfs3::{Status, results};
use nfs::portmap;
use nfs::rpc;
use nfs::xdr::{Reader, XdrError};

use crate::action::OriginId;
use crate::call::Failure;
use crate::chain::Chain;
use crate::error::ConnectionError;
use crate::fills::{FillId, FillReply};
use crate::gateway::Gateway;
use crate::limits::{HEAD_STEP, META_PIECES_MAX};
use crate::links::{Link, LinkState, ReplyIntake};
use crate::upstream::{LinkIndex, Purpose};

/// What came of one step.
enum Step {
    Went(usize),
    Stuck,
}

impl Gateway {
    pub(crate) fn take_origin_bytes(
        &mut self,
        origin: OriginId,
        bytes: &[u8],
    ) -> Result<usize, ConnectionError> {
        let index = self
            .links
            .of_origin(origin)
            .ok_or(ConnectionError::UnknownConnection)?;
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..)
            && !rest.is_empty()
        {
            let Some(link) = self.links.get(index) else {
                break;
            };
            match link.state {
                LinkState::Probing(..) => {
                    let (consumed, answered) = self
                        .take_probe_reply(index, rest)
                        .inspect_err(|_| self.counters.origin_tls_refused += 1)?;
                    taken += consumed;
                    if answered {
                        return Ok(taken);
                    }
                    continue;
                }
                state if state.connection() == Some(origin) => {}
                _ => return Err(ConnectionError::UnknownConnection),
            }
            let step = match link.intake {
                ReplyIntake::Head | ReplyIntake::Gather { .. } => self.gather_reply(index, rest)?,
                ReplyIntake::Data { xid, fill } => self.take_data(index, xid, fill, rest)?,
                ReplyIntake::Skip => self.skip_reply(index, rest)?,
            };
            match step {
                Step::Went(count) => taken += count,
                Step::Stuck => break,
            }
        }
        Ok(taken)
    }

    /// Takes more of a reply that is kept whole, or of which it is not known yet what it is.
    fn gather_reply(&mut self, index: LinkIndex, rest: &[u8]) -> Result<Step, ConnectionError> {
        let Some(link) = self.links.get_mut(index) else {
            return Ok(Step::Stuck);
        };
        let room = link.chain.make_room(&self.pool);
        if room == 0 {
            return Ok(self.reply_without_room(index));
        }
        let in_head = link.intake == ReplyIntake::Head;
        let step = if in_head { HEAD_STEP } else { usize::MAX };
        let take = rest.len().min(room).min(step);
        let (consumed, piece) = read_piece(link, rest.get(..take).unwrap_or_default())?;
        let Some((bytes, ended)) = piece else {
            return Ok(Step::Went(consumed));
        };
        link.chain.append(bytes);
        if in_head {
            self.classify_reply(index, ended)?;
        } else if let (true, ReplyIntake::Gather { xid }) = (ended, link.intake) {
            self.reply_complete(index, xid);
        }
        Ok(Step::Went(consumed))
    }

    /// The pool has no buffer for more of a reply. A call that can be made again is told to be made again,
    /// so that one caller's long listings do not hold up everybody else's replies.
    fn reply_without_room(&mut self, index: LinkIndex) -> Step {
        let Some(link) = self.links.get_mut(index) else {
            return Step::Stuck;
        };
        let ReplyIntake::Gather { xid } = link.intake else {
            return Step::Stuck;
        };
        link.chain.clear();
        link.intake = ReplyIntake::Skip;
        // Only listings, links and access control lists are longer than a small buffer, and each of them
        // can be asked for again.
        self.fail_upstream(xid, Status::JUKEBOX);
        Step::Went(0)
    }

    /// Looks whether the head says by now what kind of reply this is.
    fn classify_reply(&mut self, index: LinkIndex, ended: bool) -> Result<(), ConnectionError> {
        let Some(link) = self.links.get_mut(index) else {
            return Ok(());
        };
        let Some(xid) = link.chain.head().first_chunk::<4>() else {
            return if ended {
                Err(ConnectionError::NotRpc)
            } else {
                Ok(())
            };
        };
        let mut xid = u32::from_be_bytes(*xid);
        if mutant::is_on(Mutant::StrayReplySettles) && self.upstream.get(xid).is_none() {
            xid = *self.upstream.on_link(index).first().unwrap_or(&xid);
        }
        match self.upstream.purpose(index, xid) {
            // Unknown, late or of another connection: it settles nothing (I7).
            None => {
                self.counters.origin_unknown_replies += 1;
                if self.links.get_mut(index).is_some_and(Link::strayed) {
                    return Err(ConnectionError::StrayReplies);
                }
                self.skip_rest(index, ended);
            }
            Some(Purpose::Fill(fill)) => self.classify_fill(index, xid, fill, ended),
            Some(_) if ended => self.reply_complete(index, xid),
            Some(_) => link.intake = ReplyIntake::Gather { xid },
        }
        Ok(())
    }

    /// Looks whether the head of a READ's reply is whole; then its data goes straight to its block.
    fn classify_fill(&mut self, index: LinkIndex, xid: u32, id: FillId, ended: bool) {
        let (Some(link), Some(fill)) = (self.links.get_mut(index), self.fills.fills.get_mut(id))
        else {
            self.skip_rest(index, ended);
            return;
        };
        let mut reader = Reader::contiguous(link.chain.head());
        let header = rpc::decode_reply(&mut reader);
        let head = match header {
            Ok(header) if header.outcome.is_ok() => results::read_head(&mut reader, fill.asked),
            Ok(_) => {
                self.gather_or_complete(index, xid, ended);
                return;
            }
            Err(error) => Err(error),
        };
        match head {
            Err(XdrError::Short) if !ended => {}
            // More than was asked for, or not what a READ's result looks like (I8).
            Err(_) => {
                self.settle_upstream(xid);
                self.counters.origin_protocol_errors += 1;
                self.fill_failed(id, Failure::Status(Status::IO));
                self.skip_rest(index, ended);
            }
            Ok(head) if !head.status.is_ok() => self.gather_or_complete(index, xid, ended),
            Ok(head) => {
                fill.reply = Some(FillReply {
                    attributes: head.attributes,
                    count: head.count as usize,
                    end_of_file: head.end_of_file,
                    received: 0,
                });
                let carried = link.chain.head().get(reader.position()..);
                fill.receive(carried.unwrap_or_default());
                link.chain.clear();
                link.intake = ReplyIntake::Data { xid, fill: id };
                if ended {
                    self.data_complete(index, xid, id);
                }
            }
        }
    }

    fn gather_or_complete(&mut self, index: LinkIndex, xid: u32, ended: bool) {
        if ended {
            self.reply_complete(index, xid);
        } else if let Some(link) = self.links.get_mut(index) {
            link.intake = ReplyIntake::Gather { xid };
        }
    }

    /// Takes more of a READ's data: the only copy on its way.
    fn take_data(
        &mut self,
        index: LinkIndex,
        xid: u32,
        id: FillId,
        rest: &[u8],
    ) -> Result<Step, ConnectionError> {
        let Some(link) = self.links.get_mut(index) else {
            return Ok(Step::Stuck);
        };
        let (consumed, piece) = read_piece(link, rest)?;
        if let Some((bytes, ended)) = piece {
            if let Some(fill) = self.fills.fills.get_mut(id) {
                fill.receive(bytes);
            }
            if ended {
                self.data_complete(index, xid, id);
            }
        }
        Ok(Step::Went(consumed))
    }

    /// Where the next `len` bytes of the origin belong, if they all are data of one block.
    pub(crate) fn place_of_origin(&mut self, origin: OriginId, len: usize) -> Option<&mut [u8]> {
        let link = self.links.get(self.links.of_origin(origin)?)?;
        let ReplyIntake::Data { fill, .. } = link.intake else {
            return None;
        };
        if link.reader.contiguous() < len {
            return None;
        }
        self.fills.fills.get_mut(fill)?.place(len)
    }

    /// The next `len` bytes of the origin lie where [`Gateway::place_of_origin`] said.
    pub(crate) fn placed_by_origin(&mut self, origin: OriginId, len: usize) {
        let Some(index) = self.links.of_origin(origin) else {
            return;
        };
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        let ReplyIntake::Data { xid, fill } = link.intake else {
            return;
        };
        let ended = link.reader.pass(len);
        if let Some(fill) = self.fills.fills.get_mut(fill) {
            fill.placed(len);
        }
        if ended {
            self.data_complete(index, xid, fill);
        }
    }

    fn data_complete(&mut self, index: LinkIndex, xid: u32, id: FillId) {
        self.settle_upstream(xid);
        if let Some(link) = self.links.get_mut(index) {
            link.intake = ReplyIntake::Head;
            link.proved();
        }
        let is_whole = self
            .fills
            .fills
            .get(id)
            .and_then(|fill| fill.reply)
            .is_some_and(|reply| reply.received == reply.count);
        if is_whole {
            self.filled(id);
        } else {
            self.counters.origin_protocol_errors += 1;
            self.fill_failed(id, Failure::Status(Status::IO));
        }
    }

    fn skip_reply(&mut self, index: LinkIndex, rest: &[u8]) -> Result<Step, ConnectionError> {
        let Some(link) = self.links.get_mut(index) else {
            return Ok(Step::Stuck);
        };
        let (consumed, piece) = read_piece(link, rest)?;
        if let Some((_, true)) = piece {
            link.intake = ReplyIntake::Head;
        }
        Ok(Step::Went(consumed))
    }

    fn skip_rest(&mut self, index: LinkIndex, ended: bool) {
        if let Some(link) = self.links.get_mut(index) {
            link.chain.clear();
            link.intake = if ended {
                ReplyIntake::Head
            } else {
                ReplyIntake::Skip
            };
        }
    }

    /// A whole reply lies in the link's chain.
    fn reply_complete(&mut self, index: LinkIndex, xid: u32) {
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        link.intake = ReplyIntake::Head;
        link.proved();
        let mut chain = std::mem::take(&mut link.chain);
        if let Some(call) = self.settle_upstream(xid) {
            if let Purpose::Forward(id) = call.purpose {
                self.forwarded(id, call.message, &mut chain);
            } else {
                self.own_reply(call.purpose, &chain);
            }
        }
        chain.clear();
        if let Some(link) = self.links.get_mut(index) {
            link.chain = chain;
        }
    }

    /// The reply to a call of our own.
    pub(crate) fn own_reply(&mut self, purpose: Purpose, chain: &Chain) {
        let mut storage = [&[][..]; META_PIECES_MAX];
        let mut reader = Reader::new(chain.segments(&mut storage));
        match purpose {
            // Replies with data do not come here, so this one says why there is none.
            Purpose::Fill(id) => self.fill_failed(id, read_failure(&mut reader)),
            Purpose::Question(id) => self.question_answered(id, &mut reader),
            Purpose::Identify(id) => self.identified(id, &mut reader),
            Purpose::MountExport(export) => {
                let handle = match rpc::decode_reply(&mut reader) {
                    Ok(header) if header.outcome.is_ok() => mount::decode_mnt_result(&mut reader)
                        .ok()
                        .and_then(|result| result.handle),
                    _ => None,
                };
                self.export_mounted(export, handle);
            }
            Purpose::ExamineExport(export) => {
                let attributes = crate::authorise::attributes_in(&mut reader);
                self.export_examined(export, attributes.ok());
            }
            Purpose::MountPort => {
                let port = match rpc::decode_reply(&mut reader) {
                    Ok(header) if header.outcome.is_ok() => {
                        portmap::decode_port(&mut reader).ok().flatten()
                    }
                    _ => None,
                };
                self.learn_mount_port(port);
            }
            Purpose::Forward(_) => {}
        }
    }
}

/// Why a READ gave no data.
fn read_failure(reader: &mut Reader<'_>) -> Failure {
    match rpc::decode_reply(reader) {
        Ok(header) => match header.outcome {
            Err(error) => Failure::Rpc(error),
            Ok(()) => results::read_head(reader, 0)
                .ok()
                .filter(|head| !head.status.is_ok())
                .map_or(Failure::Status(Status::IO), |head| {
                    Failure::Status(head.status)
                }),
        },
        Err(_) => Failure::Status(Status::IO),
    }
}

/// The next piece of the stream: bytes consumed, and the piece with whether it ends its record.
#[expect(clippy::type_complexity, reason = "a pair in a pair, used once")]
pub(crate) fn read_piece<'a>(
    link: &mut Link,
    bytes: &'a [u8],
) -> Result<(usize, Option<(&'a [u8], bool)>), ConnectionError> {
    let (consumed, piece) = link
        .reader
        .next(bytes)
        .map_err(|_| ConnectionError::Record)?;
    Ok((
        consumed,
        piece.map(|piece| (piece.bytes, piece.end_of_record)),
    ))
}
