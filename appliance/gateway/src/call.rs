//! A client's call on its way through the gateway.

use core::time::Duration;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::rc::Rc;

use cache::{BlockRef, BlockSlice};
use nfs::nfs3::args::{ReadArgs, WriteHead};
use nfs::nfs3::{FileHandle, Procedure, Status};
use nfs::nfsacl;
use nfs::rpc::{CallHeader, Credential, ErrorReply};

use crate::action::ClientId;
use crate::charge::Charge;
use crate::client::Client;
use crate::dispatch::Pass;
use crate::duplicates::DuplicateId;
use crate::exports::ExportIndex;
use crate::files::FileRef;
use crate::identity::Identity;
use crate::limits::READ_PIECES_MAX;
use crate::message::Message;
use crate::meta::MetaMut;
use crate::repeat::Admission;
use crate::security::ClientSecurity;
use crate::slots::SlotId;
use crate::squash::Squash;

/// One call of a client that is not answered yet.
#[derive(Debug)]
pub(crate) struct ClientCall {
    /// The newest connection that it was asked for on: where the reply goes.
    pub(crate) client: ClientId,
    /// How many connections came before that one.
    pub(crate) client_serial: u64,
    /// What protected the connection it came on.
    pub(crate) security: Rc<ClientSecurity>,
    pub(crate) peer: Ipv4Addr,
    /// The client's.
    pub(crate) xid: u32,
    pub(crate) service: Service,
    pub(crate) credential: Credential,
    pub(crate) identity: Identity,
    /// The handles in the arguments.
    pub(crate) handles: [Option<FileHandle>; 2],
    /// Which export each of them belongs to, as far as known.
    pub(crate) memberships: [Option<ExportIndex>; 2],
    /// The export of the call, once its access to it was checked.
    pub(crate) export: Option<ExportIndex>,
    /// What is hidden from the origin whatever the export says: a handle may be of another one.
    pub(crate) squash: Squash,
    /// The call as it came, to be forwarded.
    pub(crate) request: Option<Message>,
    /// Held until the reply has left.
    pub(crate) charge: Option<Charge>,
    /// Of whoever asked for it again.
    pub(crate) joined: Option<Charge>,
    /// Where it is remembered, if it must not be executed again.
    pub(crate) duplicate: Option<DuplicateId>,
    /// Taken when the call was let in, so that it can always be answered.
    pub(crate) reply: Option<MetaMut>,
    /// The file it is about, where that matters; held.
    pub(crate) file: Option<FileRef>,
    /// Permissions of the file when the call was forwarded.
    pub(crate) permissions: u64,
    /// It is at the origin.
    pub(crate) forwarded: bool,
    /// When it was taken in hand.
    pub(crate) began: Duration,
    /// It waited too long and was answered with an error; it stays until nothing at the origin refers to
    /// it any more.
    pub(crate) given_up: bool,
    /// It waits in the queue of those that lack a block or a buffer.
    pub(crate) starving: bool,
    /// It waits until it is known which export its handle belongs to.
    pub(crate) undecided: bool,
    pub(crate) work: Work,
}

impl ClientCall {
    /// A call of `client` that was let in: nothing is done about it yet.
    pub(crate) fn new(
        client: &Client,
        header: CallHeader,
        pass: Pass,
        request: Message,
        (charge, reply): Admission,
        now: Duration,
    ) -> Self {
        Self {
            client: client.id,
            client_serial: client.serial,
            security: Rc::clone(&client.security),
            peer: *client.info.peer.ip(),
            xid: header.xid,
            service: pass.service,
            // Who has none of these flavors is not let in.
            identity: Identity::of(&header.credential).unwrap_or(Identity::Nobody),
            credential: header.credential,
            handles: pass.handles,
            memberships: pass.memberships,
            export: None,
            squash: Squash::Nobody,
            request: Some(request),
            charge: Some(charge),
            joined: None,
            duplicate: None,
            reply: Some(reply),
            file: None,
            permissions: 0,
            forwarded: false,
            began: now,
            given_up: false,
            starving: false,
            undecided: false,
            work: pass.work,
        }
    }

    /// Whether the origin has been asked and has not answered.
    pub(crate) fn is_at_origin(&self) -> bool {
        let is_filling = matches!(&self.work, Work::Read(read) if read.is_filling());
        self.forwarded || is_filling
    }
}

pub(crate) type CallId = SlotId<ClientCall>;

/// What kind of procedure a call is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Nfs(Procedure),
    Acl(nfsacl::Procedure),
    Mnt,
}

impl Service {
    /// Whether a read-only export refuses it.
    pub(crate) fn modifies(self) -> bool {
        match self {
            Self::Nfs(procedure) => matches!(
                procedure,
                Procedure::Setattr
                    | Procedure::Write
                    | Procedure::Create
                    | Procedure::Mkdir
                    | Procedure::Symlink
                    | Procedure::Mknod
                    | Procedure::Remove
                    | Procedure::Rmdir
                    | Procedure::Rename
                    | Procedure::Link
                    | Procedure::Commit
            ),
            Self::Acl(procedure) => procedure == nfsacl::Procedure::Setacl,
            Self::Mnt => false,
        }
    }
}

/// What has to be done beyond forwarding.
#[derive(Debug)]
pub(crate) enum Work {
    /// Nothing.
    Plain,
    /// LOOKUP of "..".
    LookupParent,
    /// SETATTR that sets the size.
    SetSize,
    /// READDIR or READDIRPLUS, and how long its results may be.
    Listing(u32),
    /// ACCESS, and the rights asked about.
    Access(u32),
    Read(Box<ReadWork>),
    Write(WriteWork),
}

/// Why a READ cannot be answered with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Status(Status),
    Rpc(ErrorReply),
}

/// One block's worth of a READ.
#[derive(Debug, Default)]
pub(crate) enum Piece {
    /// Not looked for yet, or to be looked for again.
    #[default]
    Wanted,
    /// A fill is under way.
    Waiting,
    /// There, perhaps shorter than wanted.
    Ready {
        data: Option<BlockSlice>,
        end_of_file: bool,
    },
    /// The origin refused.
    Failed(Failure),
}

/// How far a READ has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReadStage {
    /// Whether the caller may read from the cache is not known yet.
    #[default]
    Authorising,
    /// The pieces are being gathered.
    Gathering,
}

/// A READ being put together.
#[derive(Debug)]
pub(crate) struct ReadWork {
    pub(crate) args: ReadArgs,
    pub(crate) stage: ReadStage,
    /// Nothing is taken from or given to the cache: the origin decides for this caller alone.
    pub(crate) private: bool,
    /// The bytes to be gathered: `args`, clipped to the file's size if it is known.
    pub(crate) range: Range<u64>,
    pub(crate) pieces: [Piece; READ_PIECES_MAX],
    pub(crate) piece_count: usize,
    /// Pieces that were looked up: looking again is not another use.
    pub(crate) looked_up: usize,
    /// The block was filled too short once: it is filled from where it is wanted next time.
    pub(crate) retried: [bool; READ_PIECES_MAX],
}

impl Default for ReadWork {
    fn default() -> Self {
        let nothing = FileHandle::new(&[]).unwrap_or_else(|| unreachable!("it is short"));
        Self {
            args: ReadArgs {
                file: nothing,
                offset: 0,
                count: 0,
            },
            stage: ReadStage::default(),
            private: false,
            range: 0..0,
            pieces: Default::default(),
            piece_count: 0,
            looked_up: 0,
            retried: [false; READ_PIECES_MAX],
        }
    }
}

impl ReadWork {
    /// Begins anew.
    pub(crate) fn begin(&mut self, args: ReadArgs) {
        self.forget_pieces();
        self.args = args;
        self.stage = ReadStage::Authorising;
        self.private = false;
        self.range = 0..0;
        self.piece_count = 0;
        self.looked_up = 0;
        self.retried = [false; READ_PIECES_MAX];
    }

    /// Whether any of its blocks is being read from the origin.
    pub(crate) fn is_filling(&self) -> bool {
        let mut pieces = self.pieces.iter().take(self.piece_count);
        pieces.any(|piece| matches!(piece, Piece::Waiting))
    }

    /// Lets go of the blocks gathered so far.
    pub(crate) fn forget_pieces(&mut self) {
        self.pieces = Default::default();
    }
}

/// A part of a WRITE's data: `range` of a block that holds file block `index`.
#[derive(Debug)]
pub(crate) struct WritePiece {
    pub(crate) block: BlockRef,
    pub(crate) index: u64,
    pub(crate) range: Range<usize>,
}

/// A WRITE on its way to the origin.
#[derive(Debug)]
pub(crate) struct WriteWork {
    pub(crate) head: WriteHead,
    pub(crate) pieces: Vec<WritePiece>,
    /// The file's generation when it was sent.
    pub(crate) generation: u64,
}

impl WriteWork {
    /// The bytes of the file it changes.
    pub(crate) fn bytes(&self) -> Range<u64> {
        let start = self.head.offset;
        start..start.saturating_add(u64::from(self.head.count))
    }
}
