//! A client connection: the stream of calls being read from it.

use core::time::Duration;
use std::rc::Rc;

use cache::BlockMut;
use nfs::nfs3::Status;
use nfs::nfs3::args::WriteHead;
use nfs::record::{RecordLimits, RecordReader};
use nfs::rpc::{CallHeader, ErrorReply};

use crate::action::ClientId;
use crate::call::WritePiece;
use crate::chain::Chain;
use crate::charge::{Charge, Holder};
use crate::duplicates::DuplicateKey;
use crate::gateway::ClientInfo;
use crate::limits::{CALL_PIECES_MAX, FRAGMENTS_PER_RECORD_MAX, RECORD_HEAD_MAX};
use crate::meta::MetaMut;
use crate::security::ClientSecurity;

/// What a call is refused with before it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Rpc(ErrorReply),
    /// Of a WRITE.
    Write(Status),
}

/// Where we are in the stream of calls.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lies in a boxed client, and a box per WRITE would be an allocation per WRITE"
)]
pub(crate) enum CallIntake {
    /// Before or within a call's head.
    Head,
    /// Gathering a call that is no WRITE.
    Gather,
    /// A whole call that waits to be let in.
    Complete,
    /// A call that is refused as soon as there is room for the answer.
    Refuse {
        xid: u32,
        refusal: Refusal,
        ended: bool,
    },
    /// The data of a WRITE goes to blocks.
    Write(WriteIntake),
    /// The rest of a refused call.
    Skip,
}

impl CallIntake {
    /// Whether nothing happens without more bytes.
    pub(crate) fn is_gathering(&self) -> bool {
        matches!(self, Self::Head | Self::Gather)
    }
}

/// A WRITE whose data is arriving.
#[derive(Debug)]
pub(crate) struct WriteIntake {
    pub(crate) header: CallHeader,
    pub(crate) key: DuplicateKey,
    pub(crate) head: WriteHead,
    /// Bytes of the record before the data.
    pub(crate) head_len: usize,
    /// How much of what was read together with the head is dealt with.
    pub(crate) carried: usize,
    pub(crate) admitted: Option<(Charge, MetaMut)>,
    /// Bytes of data in blocks.
    pub(crate) received: u32,
    pub(crate) pieces: Vec<WritePiece>,
    pub(crate) filling: Option<Filling>,
    /// The record has ended.
    pub(crate) ended: bool,
}

impl WriteIntake {
    /// Makes sure that one block more is charged than there are; `false` if it has to wait.
    pub(crate) fn charge_block(&mut self, block_size: usize) -> bool {
        let blocks = self.pieces.len() + usize::from(self.filling.is_some());
        match &mut self.admitted {
            Some((charge, _)) => charge.bytes() > blocks * block_size || charge.grow(),
            None => false,
        }
    }
}

/// The block that data is being copied into.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) block: BlockMut,
    pub(crate) index: u64,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// How many connections came before it.
    pub(crate) serial: u64,
    pub(crate) info: ClientInfo,
    pub(crate) holder: Rc<Holder>,
    pub(crate) security: Rc<ClientSecurity>,
    /// Its probe was answered: it takes no calls before TLS is set up.
    pub(crate) securing: bool,
    pub(crate) reader: RecordReader,
    pub(crate) chain: Chain,
    pub(crate) intake: CallIntake,
    /// It is in the queue of those to be tried again without new bytes.
    pub(crate) queued: bool,
    /// When it last made a call, or was kept from going on by us.
    pub(crate) last_active: Duration,
    /// When it last sent anything, or was kept from going on by us.
    pub(crate) last_heard: Duration,
    /// When the call that is arriving began to, or was last kept from going on by us.
    pub(crate) record_since: Duration,
    /// No more bytes will come; it goes when its last call is answered.
    pub(crate) finished: bool,
    /// The engine was told to close the connection.
    pub(crate) closing: bool,
}

impl Client {
    pub(crate) fn new(
        id: ClientId,
        serial: u64,
        info: ClientInfo,
        holder: Rc<Holder>,
        max_write: u32,
        now: Duration,
    ) -> Self {
        let head = u32::try_from(RECORD_HEAD_MAX).unwrap_or(0);
        Self {
            id,
            serial,
            info,
            holder,
            security: Rc::default(),
            securing: false,
            reader: RecordReader::new(RecordLimits {
                record: max_write.saturating_add(head),
                fragments: u32::try_from(FRAGMENTS_PER_RECORD_MAX).unwrap_or(u32::MAX),
            }),
            chain: Chain::new(CALL_PIECES_MAX),
            intake: CallIntake::Head,
            queued: false,
            last_active: now,
            last_heard: now,
            record_since: now,
            finished: false,
            closing: false,
        }
    }

    /// Whether something of it waits that needs no more bytes of it.
    pub(crate) fn waits(&self) -> bool {
        match &self.intake {
            CallIntake::Complete | CallIntake::Refuse { .. } => true,
            CallIntake::Write(write) => write.ended,
            CallIntake::Head | CallIntake::Gather | CallIntake::Skip => false,
        }
    }

    /// Whether it has made a call that is not let in yet.
    pub(crate) fn asks(&self) -> bool {
        match &self.intake {
            CallIntake::Complete | CallIntake::Refuse { .. } => true,
            CallIntake::Write(write) => write.admitted.is_none(),
            CallIntake::Head | CallIntake::Gather | CallIntake::Skip => false,
        }
    }

    /// Whether neither it nor we have done anything for the other for `time`: no call has come whole, none
    /// is being executed, and no reply waits to be read.
    pub(crate) fn is_idle(&self, time: Duration, now: Duration) -> bool {
        let is_arriving =
            matches!(&self.intake, CallIntake::Write(write) if write.admitted.is_some());
        let is_silent = self.last_active.saturating_add(time) <= now;
        is_silent && !self.waits() && self.holder.calls() == usize::from(is_arriving)
    }

    /// Whether a call has begun to arrive, and its rest is to come.
    pub(crate) fn is_mid_record(&self) -> bool {
        let has_begun = self.chain.is_started() || !matches!(self.intake, CallIntake::Head);
        has_begun && !self.waits()
    }

    /// Whether the rest of a call has not come for `silence` or not within `time`.
    pub(crate) fn is_slow(&self, silence: Duration, time: Duration, now: Duration) -> bool {
        let is_late = self.last_heard.saturating_add(silence) <= now
            || self.record_since.saturating_add(time) <= now;
        is_late && self.is_mid_record()
    }

    /// Forgets a call that has not arrived whole.
    pub(crate) fn forget_partial(&mut self) {
        if !self.waits() {
            self.chain.clear();
            self.intake = CallIntake::Head;
        }
    }
}
