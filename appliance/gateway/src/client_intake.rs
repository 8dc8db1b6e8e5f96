//! Reading a client's stream of calls: what is taken in, and when it has to wait.

use mutant::Mutant;
use nfs::nfs3::args::write_head;
use nfs::nfs3::{self, Procedure, Status};
use nfs::rpc::{self, CallError, CallHeader, ErrorReply};
use nfs::xdr::{Reader, XdrError, padding};

use crate::action::ClientId;
use crate::call::{ClientCall, ReadWork, Service, Work, WritePiece, WriteWork};
use crate::charge::{Charge, Holder};
use crate::client::{CallIntake, Client, Filling, Refusal, WriteIntake};
use crate::dispatch::Pass;
use crate::error::ConnectionError;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::limits::{CHECKSUM_LEN, HEAD_STEP, METADATA_CALL_MAX, SMALL_BUFFERS_RESERVED};
use crate::message::Payload;
use crate::meta::MetaMut;
use crate::security::too_weak;

/// What came of one step.
enum Step {
    /// So many bytes were taken, perhaps none but something moved on.
    Went(usize),
    /// Nothing can be done without more bytes, or before there is more room.
    Stuck,
}

impl Gateway {
    /// Takes in as much of `bytes` as there is room for.
    pub(crate) fn advance_client(
        &mut self,
        id: ClientId,
        bytes: &[u8],
    ) -> Result<usize, ConnectionError> {
        let taken = self.clients.get_mut(&id).and_then(Option::take);
        let Some(mut client) = taken else {
            return Err(ConnectionError::UnknownConnection);
        };
        if !bytes.is_empty() {
            client.last_heard = self.now;
        }
        let result = self.take_in(&mut client, bytes);
        if client.waits() && !client.queued {
            client.queued = true;
            self.stalled.push_back(id);
        }
        if let Some(place) = self.clients.get_mut(&id) {
            *place = Some(client);
        }
        self.close_if_done(id);
        result
    }

    /// Lets a call in: its share of the bounds, by `charge`, and a buffer for its reply, or `None` for
    /// later.
    pub(crate) fn admit(
        &self,
        charge: impl FnOnce() -> Option<Charge>,
    ) -> Option<(Charge, MetaMut)> {
        if self.pool.small_available() <= SMALL_BUFFERS_RESERVED || self.calls.is_full() {
            return None;
        }
        let charge = charge()?;
        Some((charge, self.pool.small()?))
    }

    fn take_in(&mut self, client: &mut Client, bytes: &[u8]) -> Result<usize, ConnectionError> {
        let mut taken = 0;
        loop {
            if client.securing {
                return Ok(taken);
            }
            let rest = bytes.get(taken..).unwrap_or_default();
            if client.asks() {
                client.last_active = self.now;
            }
            let step = match self.answer_at_once(client, rest) {
                Some(taken) => Step::Went(taken),
                None if rest.is_empty() && client.intake.is_gathering() => Step::Stuck,
                None => self.step(client, rest)?,
            };
            match step {
                Step::Went(count) => taken += count,
                Step::Stuck => {
                    if !rest.is_empty() {
                        client.last_active = self.now;
                        client.record_since = self.now;
                    }
                    if !rest.is_empty() || client.waits() {
                        self.duplicates.keep(*client.info.peer.ip(), self.now);
                    }
                    return Ok(taken);
                }
            }
        }
    }

    /// One step of dealing with a call, for which there may be no bytes.
    fn step(&mut self, client: &mut Client, rest: &[u8]) -> Result<Step, ConnectionError> {
        self.forget_deadline();
        Ok(match client.intake {
            CallIntake::Head | CallIntake::Gather => self.gather(client, rest)?,
            CallIntake::Complete => match self.dispatch(client) {
                Ok(true) => {
                    client.intake = CallIntake::Head;
                    Step::Went(0)
                }
                Ok(false) => Step::Stuck,
                Err(error) => {
                    client.intake = refuse_header(error, true)?;
                    Step::Went(0)
                }
            },
            CallIntake::Refuse {
                xid,
                refusal,
                ended,
            } => self.refuse(client, xid, refusal, ended),
            CallIntake::Write(_) => self.take_write(client, rest)?,
            CallIntake::Skip => skip(client, rest)?,
        })
    }

    /// Takes more of a call's head, or of a call that is no WRITE.
    fn gather(&mut self, client: &mut Client, rest: &[u8]) -> Result<Step, ConnectionError> {
        if rest.is_empty() || (self.draining && client.chain.len() == 0) {
            return Ok(Step::Stuck);
        }
        if client.chain.len() == 0 && self.pool.small_available() <= SMALL_BUFFERS_RESERVED {
            return Ok(Step::Stuck);
        }
        if !client.chain.is_started() {
            client.record_since = self.now;
        }
        let room = client.chain.make_room_of(&self.pool, &client.holder);
        if room == 0 {
            return Ok(Step::Stuck);
        }
        let in_head = matches!(client.intake, CallIntake::Head);
        let step = if in_head { HEAD_STEP } else { usize::MAX };
        let take = rest.len().min(room).min(step);
        let (consumed, piece) = client
            .reader
            .next(rest.get(..take).unwrap_or_default())
            .map_err(|_| ConnectionError::Record)?;
        let Some(piece) = piece else {
            return Ok(Step::Went(consumed));
        };
        client.chain.append(piece.bytes);
        if client.chain.len() > METADATA_CALL_MAX {
            return Err(ConnectionError::CallTooLong);
        }
        if in_head {
            self.classify(client, piece.end_of_record)?;
        } else if piece.end_of_record {
            client.intake = CallIntake::Complete;
        }
        Ok(Step::Went(consumed))
    }

    /// Looks whether the head says by now what kind of call this is.
    fn classify(&mut self, client: &mut Client, ended: bool) -> Result<(), ConnectionError> {
        let mut reader = Reader::contiguous(client.chain.head());
        let write = (nfs3::PROGRAM, nfs3::VERSION, Procedure::Write.into());
        if ended
            && let Some(call) = rpc::view_call(&mut reader.clone())
            && (call.program, call.version, call.procedure) != write
            && self.accepts(client, call.program, call.procedure)
        {
            // Whoever deals with it decodes it.
            client.intake = CallIntake::Complete;
            return Ok(());
        }
        let header = match rpc::decode_call(&mut reader) {
            Ok(header) => header,
            Err(CallError::Short) if !ended => return Ok(()),
            Err(error) => {
                client.intake = refuse_header(error, ended)?;
                return Ok(());
            }
        };
        if !self.accepts(client, header.program, header.procedure) {
            client.intake = CallIntake::Refuse {
                xid: header.xid,
                refusal: Refusal::Rpc(too_weak()),
                ended,
            };
            return Ok(());
        }
        let is_write = (header.program, header.version, header.procedure) == write;
        if !is_write || Identity::of(&header.credential).is_none() {
            client.intake = if ended {
                CallIntake::Complete
            } else {
                CallIntake::Gather
            };
            return Ok(());
        }
        let refuse = |refusal| CallIntake::Refuse {
            xid: header.xid,
            refusal,
            ended,
        };
        client.intake = match write_head(&mut reader, self.max_write) {
            Err(XdrError::Short) if !ended => return Ok(()),
            Err(_) => refuse(Refusal::Rpc(ErrorReply::GarbageArguments)),
            Ok(head) if head.offset.checked_add(u64::from(head.count)).is_none() => {
                refuse(Refusal::Write(Status::FBIG))
            }
            Ok(head) => {
                let head_len = reader.position();
                let count = head.count as usize;
                let len = head_len + count + padding(count);
                // Whatever pieces it comes in, the same bytes are looked at.
                let covered = CHECKSUM_LEN.max(head_len).min(len);
                let gathered = client.chain.head();
                if gathered.len() < covered && !ended {
                    return Ok(());
                }
                let covered = gathered.get(..covered).unwrap_or(gathered);
                CallIntake::Write(WriteIntake {
                    key: self.duplicates.key(client, &header, len, covered),
                    header,
                    head,
                    head_len,
                    carried: head_len,
                    admitted: None,
                    received: 0,
                    pieces: self.spare_pieces.pop().unwrap_or_default(),
                    filling: None,
                    ended,
                })
            }
        };
        Ok(())
    }

    /// Whether the client's connection is protected as the listener demands it for such a call.
    pub(crate) fn accepts(&self, client: &Client, program: u32, procedure: u32) -> bool {
        procedure == 0
            || self
                .config
                .service
                .security(program)
                .accepts(&client.security)
    }

    fn refuse(&mut self, client: &mut Client, xid: u32, refusal: Refusal, ended: bool) -> Step {
        let Some((charge, buffer)) = self.admit(|| Holder::charge(&client.holder)) else {
            return Step::Stuck;
        };
        self.counters.client_protocol_errors += 1;
        match refusal {
            Refusal::Rpc(error) => self.reply_error(client.id, charge, buffer, xid, error),
            Refusal::Write(status) => {
                self.reply_results(client.id, charge, buffer, xid, |writer| {
                    nfs3::encode_failure(writer, Procedure::Write, status)
                });
            }
        }
        client.chain.clear();
        client.intake = if ended {
            CallIntake::Head
        } else {
            CallIntake::Skip
        };
        Step::Went(0)
    }

    /// Takes more of a WRITE's data.
    fn take_write(&mut self, client: &mut Client, rest: &[u8]) -> Result<Step, ConnectionError> {
        let CallIntake::Write(write) = &mut client.intake else {
            return Ok(Step::Stuck);
        };
        if write.admitted.is_none() {
            if self.is_repeated(&write.key) {
                return Ok(self.take_repeated(client));
            }
            let bytes = self.pinned_by(write.head.offset, write.head.count);
            write.admitted = self.admit(|| Holder::charge_write(&client.holder, bytes));
            if write.admitted.is_none() {
                return Ok(Step::Stuck);
            }
        }
        // What came together with the head.
        while let Some(carried) = client.chain.head().get(write.carried..)
            && !carried.is_empty()
            && write.received < write.head.count
        {
            let placed = self.place(write, carried);
            if placed == 0 {
                return Ok(Step::Stuck);
            }
            write.carried += placed;
        }
        if write.ended {
            let CallIntake::Write(write) = std::mem::replace(&mut client.intake, CallIntake::Head)
            else {
                return Ok(Step::Stuck);
            };
            self.finish_write(client, write);
            return Ok(Step::Went(0));
        }
        if rest.is_empty() {
            return Ok(Step::Stuck);
        }
        // The record reader cannot give bytes back, so there must be a place for what it takes.
        let take = if write.received < write.head.count {
            match self.write_room(write) {
                0 => return Ok(Step::Stuck),
                room => rest.len().min(room),
            }
        } else {
            rest.len()
        };
        let (consumed, piece) = client
            .reader
            .next(rest.get(..take).unwrap_or_default())
            .map_err(|_| ConnectionError::Record)?;
        if let Some(piece) = piece {
            if write.received < write.head.count {
                self.place(write, piece.bytes);
            }
            write.ended = piece.end_of_record;
        }
        Ok(Step::Went(consumed))
    }

    /// A WRITE that has come before needs no blocks: its data is skipped.
    fn take_repeated(&mut self, client: &mut Client) -> Step {
        let Some(admission) = self.admit(|| Holder::charge(&client.holder)) else {
            return Step::Stuck;
        };
        let CallIntake::Write(write) = std::mem::replace(&mut client.intake, CallIntake::Skip)
        else {
            return Step::Stuck;
        };
        self.counters.client_calls += 1;
        self.counters.client_writes += 1;
        self.unless_repeated(client, Some(write.key), admission);
        self.recycle_pieces(write.pieces);
        client.chain.clear();
        if write.ended {
            client.intake = CallIntake::Head;
        }
        Step::Went(0)
    }

    /// Makes sure that the next byte has a place, and returns how many bytes fit there.
    fn write_room(&mut self, write: &mut WriteIntake) -> usize {
        let block_size = self.cache.block_size();
        let left = (write.head.count - write.received) as usize;
        if let Some(filling) = &write.filling {
            return left.min(block_size - filling.end);
        }
        if !write.charge_block(block_size) {
            return 0;
        }
        let Some(block) = self.cache.allocate() else {
            return 0;
        };
        let position = write.head.offset + u64::from(write.received);
        let (index, start) = split(position, block_size);
        write.filling = Some(Filling {
            block,
            index,
            start,
            end: start,
        });
        left.min(block_size - start)
    }

    /// Copies data to its place, the only copy on its way; returns how much of it, at most to the end of
    /// the block.
    fn place(&mut self, write: &mut WriteIntake, bytes: &[u8]) -> usize {
        let take = self.write_room(write).min(bytes.len());
        let Some(mut filling) = write.filling.take() else {
            return 0;
        };
        let end = filling.end + take;
        let place = filling.block.as_mut_slice().get_mut(filling.end..end);
        if let (Some(place), Some(bytes)) = (place, bytes.get(..take)) {
            place.copy_from_slice(bytes);
        }
        write.filling = Some(filling);
        self.placed(write, take);
        take
    }

    /// So many more bytes of data lie in their block.
    fn placed(&self, write: &mut WriteIntake, count: usize) {
        let Some(mut filling) = write.filling.take() else {
            return;
        };
        filling.end += count;
        write.received += u32::try_from(count).unwrap_or(0);
        if filling.end == self.cache.block_size() || write.received == write.head.count {
            write.pieces.push(WritePiece {
                block: filling.block.freeze(),
                index: filling.index,
                range: filling.start..filling.end,
            });
        } else {
            write.filling = Some(filling);
        }
    }

    /// Where the next `len` bytes of a client belong, if they all are data of one block.
    pub(crate) fn place_of_client(&mut self, id: ClientId, len: usize) -> Option<&mut [u8]> {
        let mut client = self.clients.get_mut(&id).and_then(Option::take)?;
        let fits = self.has_place(&mut client, len);
        let place = self.clients.get_mut(&id)?;
        let client = place.insert(client);
        let (true, CallIntake::Write(write)) = (fits, &mut client.intake) else {
            return None;
        };
        let filling = write.filling.as_mut()?;
        let (start, block) = (filling.end, filling.block.as_mut_slice());
        block.get_mut(start..start + len)
    }

    fn has_place(&mut self, client: &mut Client, len: usize) -> bool {
        let in_fragment = client.reader.contiguous();
        let carried = client.chain.head().len();
        let CallIntake::Write(write) = &mut client.intake else {
            return false;
        };
        let is_next = write.admitted.is_some() && write.carried >= carried && !write.ended;
        is_next && in_fragment >= len && self.write_room(write) >= len
    }

    /// The next `len` bytes of a client lie where [`Gateway::place_of_client`] said.
    pub(crate) fn placed_by_client(
        &mut self,
        id: ClientId,
        len: usize,
    ) -> Result<(), ConnectionError> {
        let taken = self.clients.get_mut(&id).and_then(Option::take);
        let mut client = taken.ok_or(ConnectionError::UnknownConnection)?;
        client.last_heard = self.now;
        if let CallIntake::Write(write) = &mut client.intake {
            self.placed(write, len);
            write.ended = client.reader.pass(len);
        }
        if let Some(place) = self.clients.get_mut(&id) {
            *place = Some(client);
        }
        self.advance_client(id, &[]).map(|_| ())
    }

    /// The record has ended: the WRITE goes on its way, if all of its data came.
    fn finish_write(&mut self, client: &mut Client, write: WriteIntake) {
        let Some((charge, buffer)) = write.admitted else {
            return;
        };
        let xid = write.header.xid;
        if write.received != write.head.count {
            self.counters.client_protocol_errors += 1;
            client.chain.clear();
            self.recycle_pieces(write.pieces);
            let error = ErrorReply::GarbageArguments;
            self.reply_error(client.id, charge, buffer, xid, error);
            return;
        }
        self.counters.client_calls += 1;
        self.counters.client_writes += 1;
        // The same call may have come on another connection while this one's data was on its way.
        let admission = self.unless_repeated(client, Some(write.key), (charge, buffer));
        let Some(admission) = admission else {
            client.chain.clear();
            self.recycle_pieces(write.pieces);
            return;
        };
        client.chain.truncate_to_head(write.head_len);
        let mut request = client.chain.take(&self.queues);
        let mut zeros = padding(write.head.count as usize);
        for piece in &write.pieces {
            let mut range = piece.range.clone();
            if mutant::is_on(Mutant::PaddingFromBlock)
                && range.end + zeros <= self.cache.block_size()
            {
                range.end += std::mem::take(&mut zeros);
            }
            request.push(Payload::Block(piece.block.slice(range)));
        }
        request.push(Payload::Zeros(zeros));
        let pass = Pass {
            service: Service::Nfs(Procedure::Write),
            handles: [Some(write.head.file), None],
            memberships: [None, None],
            work: Work::Write(WriteWork {
                head: write.head,
                pieces: if mutant::is_on(Mutant::KeptUntilSent) {
                    Vec::new()
                } else {
                    write.pieces
                },
                generation: 0,
            }),
            clamp: [None, None],
        };
        let call = ClientCall::new(client, write.header, pass, request, admission, self.now);
        self.begin(call, Some(write.key));
    }

    /// Bytes of the blocks that `count` bytes from `offset` on lie in.
    pub(crate) fn pinned_by(&self, offset: u64, count: u32) -> usize {
        if count == 0 {
            return 0;
        }
        let block_size = self.cache.block_size();
        let (_, start) = split(offset, block_size);
        (start + count as usize).div_ceil(block_size) * block_size
    }

    pub(crate) fn recycle_pieces(&mut self, mut pieces: Vec<WritePiece>) {
        pieces.clear();
        // A settled WRITE has given its room back already, and an empty one is none.
        if pieces.capacity() > 0 && self.spare_pieces.len() < self.config.limits.calls {
            self.spare_pieces.push(pieces);
        }
    }

    /// Cuts a READ to the blocks that were granted for it.
    pub(crate) fn cut_read(&self, read: &mut ReadWork, granted: usize) {
        let (_, start) = split(read.args.offset, self.cache.block_size());
        let most = u32::try_from(granted.saturating_sub(start)).unwrap_or(u32::MAX);
        read.args.count = read.args.count.min(most);
    }

    /// The longest READ that is answered at once.
    pub(crate) fn read_charge(&self, header: &CallHeader, reader: &Reader<'_>) -> usize {
        let is_read = (header.program, header.version, header.procedure)
            == (nfs3::PROGRAM, nfs3::VERSION, Procedure::Read.into());
        if !is_read {
            return 0;
        }
        nfs3::args::read(&mut reader.clone()).map_or(0, |args| {
            self.pinned_by(args.offset, args.count.min(self.max_read))
        })
    }
}

/// What to do about a call whose header cannot be accepted.
fn refuse_header(error: CallError, ended: bool) -> Result<CallIntake, ConnectionError> {
    let (xid, error) = error.reply().ok_or(ConnectionError::NotRpc)?;
    Ok(CallIntake::Refuse {
        xid,
        refusal: Refusal::Rpc(error),
        ended,
    })
}

fn skip(client: &mut Client, rest: &[u8]) -> Result<Step, ConnectionError> {
    if rest.is_empty() {
        return Ok(Step::Stuck);
    }
    let (consumed, piece) = client
        .reader
        .next(rest)
        .map_err(|_| ConnectionError::Record)?;
    if piece.is_some_and(|piece| piece.end_of_record) {
        client.intake = CallIntake::Head;
    }
    Ok(Step::Went(consumed))
}

/// The block that byte `position` of a file lies in, and where in it.
pub(crate) fn split(position: u64, block_size: usize) -> (u64, usize) {
    let size = block_size as u64;
    let within = usize::try_from(position % size).unwrap_or(0);
    (position / size, within)
}
