//! Blocks being read from the origin, and the READs that wait for them.

use std::collections::HashMap;
use std::ops::Range;

use cache::{BlockKey, BlockMut, FileId};
use nfs::nfs3::{PostOp, WccAttributes};

use crate::call::CallId;
use crate::files::FileRef;
use crate::hash::SeededHash;
use crate::slots::{SlotId, Slots};
use crate::wait_list::{WaitList, WaitNodes};

/// A piece of a READ: which call, and which of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) call: CallId,
    pub(crate) piece: usize,
}

/// One READ of ours at the origin: bytes `start..start + asked` of a block.
#[derive(Debug)]
pub(crate) struct Fill {
    pub(crate) key: BlockKey,
    /// Held; `None` when the table has no room for the file.
    pub(crate) file: Option<FileRef>,
    /// Offset in the block where the data begins.
    pub(crate) start: usize,
    /// Bytes asked for.
    pub(crate) asked: u32,
    /// Others may wait for it, and the result may be published.
    pub(crate) shared: bool,
    /// The file's generation and attributes when it was sent.
    pub(crate) generation: u64,
    pub(crate) known: Option<WccAttributes>,
    /// Whose credential it was sent with.
    pub(crate) initiator: CallId,
    pub(crate) waiters: WaitList,
    /// Taken before the READ was sent, so that the reply always finds room.
    pub(crate) block: BlockMut,
    /// The reply's head, once it has arrived.
    pub(crate) reply: Option<FillReply>,
}

/// What the head of the origin's reply said, and how much of the data has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillReply {
    pub(crate) attributes: PostOp,
    pub(crate) count: usize,
    pub(crate) end_of_file: bool,
    pub(crate) received: usize,
}

impl Fill {
    /// Where the next `len` bytes of the reply's data belong, if there are so many.
    pub(crate) fn place(&mut self, len: usize) -> Option<&mut [u8]> {
        let reply = self.reply.as_ref()?;
        let start = self.start + reply.received;
        if len > reply.count - reply.received {
            return None;
        }
        self.block.as_mut_slice().get_mut(start..start + len)
    }

    /// The next `len` bytes of the data lie where [`Fill::place`] said.
    pub(crate) fn placed(&mut self, len: usize) {
        if let Some(reply) = &mut self.reply {
            reply.received += len.min(reply.count - reply.received);
        }
    }

    /// Puts the next bytes of the reply's data in their place; what is beyond the data (padding) is left
    /// out.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let Some(reply) = &mut self.reply else {
            return;
        };
        let take = bytes.len().min(reply.count - reply.received);
        let start = self.start + reply.received;
        let place = self.block.as_mut_slice().get_mut(start..start + take);
        if let (Some(place), Some(bytes)) = (place, bytes.get(..take)) {
            place.copy_from_slice(bytes);
            reply.received += take;
        }
    }
}

pub(crate) type FillId = SlotId<Fill>;

/// All fills under way.
#[derive(Debug)]
pub(crate) struct Fills {
    pub(crate) fills: Slots<Fill>,
    pub(crate) nodes: WaitNodes<Waiter>,
    /// Those that others may join: their data will be as new as anybody may expect who comes now.
    joinable: HashMap<BlockKey, FillId, SeededHash>,
}

impl Fills {
    pub(crate) fn new(fills: usize, waiters: usize, hash: SeededHash) -> Self {
        Self {
            fills: Slots::new(fills),
            nodes: WaitNodes::new(waiters),
            joinable: HashMap::with_capacity_and_hasher(fills, hash),
        }
    }

    /// The fill to wait for, if one is under way that was sent under this generation and begins at
    /// `offset` in the block or before.
    pub(crate) fn joinable(&self, key: BlockKey, generation: u64, offset: usize) -> Option<FillId> {
        let id = *self.joinable.get(&key)?;
        let fill = self.fills.get(id)?;
        (fill.generation == generation && fill.start <= offset).then_some(id)
    }

    /// Enters a fill; a shared one can be joined from now on.
    pub(crate) fn enter(&mut self, fill: Fill) -> Option<FillId> {
        let (key, shared) = (fill.key, fill.shared);
        let id = self.fills.insert(fill).ok()?;
        if shared {
            self.joinable.insert(key, id);
        }
        Some(id)
    }

    /// Lets `waiter` wait for `fill`.
    pub(crate) fn wait(&mut self, fill: FillId, waiter: Waiter) -> bool {
        match self.fills.get_mut(fill) {
            Some(fill) => self.nodes.push(&mut fill.waiters, waiter),
            None => false,
        }
    }

    /// What is being read of this block may be overtaken by a change: nobody may join it any more, and
    /// it will not be published.
    pub(crate) fn overtake(&mut self, key: BlockKey) {
        self.joinable.remove(&key);
    }

    /// As [`Fills::overtake`], for many blocks of a file.
    pub(crate) fn overtake_all(&mut self, file: FileId, indices: &Range<u64>) {
        let is_overtaken = |key: &BlockKey| key.file == file && indices.contains(&key.index);
        self.joinable.retain(|key, _| !is_overtaken(key));
    }

    /// Takes a fill that is done out, and says whether nothing overtook it.
    pub(crate) fn close(&mut self, id: FillId) -> Option<(Fill, bool)> {
        let fill = self.fills.remove(id)?;
        let current = self.joinable.get(&fill.key) == Some(&id);
        if current {
            self.joinable.remove(&fill.key);
        }
        Some((fill, current))
    }
}
