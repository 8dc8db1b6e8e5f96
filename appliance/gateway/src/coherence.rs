//! When what is cached of a file is still so: every attribute the origin sends is held against it.

use mutant::Mutant;
use nfs::nfs3::results::{Access, Getattr};
use nfs::nfs3::{FileAttributes, FileHandle, Status, WccData};

use crate::burst::Verdict;
use crate::files::{File, FileRef};
use crate::gateway::Gateway;
use crate::identity::Identity;

impl Gateway {
    /// Finds the file or enters it, forgetting an idle one if need be.
    pub(crate) fn enter_file(&mut self, handle: FileHandle) -> Option<FileRef> {
        let (file, forgotten) = self.files.find_or_enter(handle)?;
        if let Some(id) = forgotten {
            self.cache.remove_file(id);
        }
        Some(file)
    }

    /// The reply being looked at says these are the file's attributes.
    ///
    /// It may have been overtaken by others and say what is no longer so. That drops blocks that were
    /// good, and never the other way round: what is read later is published only if it comes with the
    /// attributes that were known before it was asked for. And attributes that may be old are not taken
    /// for the file's: the next reply that surely is newer tells them.
    pub(crate) fn observe(&mut self, file: FileRef, attributes: &FileAttributes) {
        let (sent, now) = (self.replying_to, self.upstream.sequence());
        let Some(state) = self.files.get_mut(file) else {
            return;
        };
        let seen = attributes.wcc();
        if let Some(burst) = &state.burst {
            // Judged after the last of our changes; what they do not account for is not waited with.
            if !burst.explains(&seen) {
                self.doubt(file);
            }
            return;
        }
        let is_newer = state.is_told_by_call_of(sent);
        match state.known() {
            Some(known) if known == seen => state.refresh(attributes),
            Some(_) => {
                state.change(is_newer.then_some(*attributes), now);
                if !mutant::is_on(Mutant::ChangeUnnoticed) {
                    self.doubt(file);
                }
            }
            None => {
                // Whoever is told of these attributes must not join what was asked for before, nor is a verdict
                // from before known to be about the same permissions.
                state.doubt();
                if is_newer {
                    // A reply that is still to come may be older than this one, and must not be taken for newer.
                    state.change(Some(*attributes), now);
                }
            }
        }
    }

    /// A change of ours that is no WRITE and leaves the data alone has these attributes around it.
    pub(crate) fn observe_change(&mut self, file: FileRef, wcc: &WccData) {
        let now = self.upstream.sequence();
        let Some(state) = self.files.get_mut(file) else {
            return;
        };
        state.permissions += 1;
        if let Some(burst) = &mut state.burst {
            burst.settle(wcc, true);
            return;
        }
        match (wcc.before, wcc.after) {
            (Some(before), Some(after))
                if Some(before) == state.known()
                    && (before.size == after.size
                        || mutant::is_on(Mutant::TruncationUnnoticed)) =>
            {
                state.change(Some(after), now);
            }
            (_, Some(after)) => self.observe(file, &after),
            (_, None) => {
                state.change(None, now);
                self.doubt(file);
            }
        }
    }

    /// Whatever was read of the file, or is being read, may not be so any more.
    pub(crate) fn doubt(&mut self, file: FileRef) {
        if let Some(state) = self.files.get_mut(file) {
            state.doubt();
            self.counters.files_invalidated += 1;
            self.cache.remove_file(file.id);
        }
    }

    /// Nothing of ours is in flight any more: was it only us who changed the file?
    pub(crate) fn judge(&mut self, file: FileRef) {
        let Some(burst) = self.files.end_burst(file) else {
            return;
        };
        let verdict = burst.verdict();
        self.files.recycle(burst);
        let now = self.upstream.sequence();
        let attributes = match verdict {
            // Only data changed, so permissions are what they were.
            Verdict::OnlyOurs(attributes) => Some(attributes),
            Verdict::Doubtful => {
                self.doubt(file);
                None
            }
        };
        if let Some(state) = self.files.get_mut(file) {
            state.change(attributes, now);
        }
    }

    /// The origin no longer knows the handle.
    pub(crate) fn forget_handle(&mut self, handle: &FileHandle) {
        self.handles.forget(handle);
        let now = self.upstream.sequence();
        if let Some(file) = self.files.find(handle) {
            self.doubt(file);
            if let Some(state) = self.files.get_mut(file) {
                state.change(None, now);
            }
        }
    }

    /// GETATTR's result from what is known.
    pub(crate) fn cached_attributes(&mut self, handle: &FileHandle) -> Option<Getattr> {
        let file = self.files.find(handle)?;
        Some(Getattr {
            status: Status::OK,
            attributes: Some(*self.files.get(file)?.attributes()?),
        })
    }

    /// ACCESS's result from what is known.
    pub(crate) fn cached_access(
        &mut self,
        handle: &FileHandle,
        identity: &Identity,
        asked: u32,
    ) -> Option<Access> {
        let file = self.files.find(handle)?;
        let state = self.files.get(file)?;
        let (permissions, attributes) = (state.permissions, *state.attributes()?);
        let verdict = self.verdicts.find(file.id, identity, permissions)?;
        (verdict.asked & asked == asked).then_some(Access {
            status: Status::OK,
            attributes: Some(attributes),
            access: verdict.granted & asked,
        })
    }

    /// The file's blocks that any of these bytes lie in.
    pub(crate) fn block_indices(&self, bytes: &std::ops::Range<u64>) -> std::ops::Range<u64> {
        if bytes.is_empty() {
            return 0..0;
        }
        let size = self.cache.block_size() as u64;
        bytes.start / size..(bytes.end - 1) / size + 1
    }

    /// What is being read of these bytes may be overtaken by a WRITE of ours, and so may what is being read
    /// between them and the old end of the file: there was nothing, and there are zeros now.
    pub(crate) fn overtake(&mut self, file: FileRef, bytes: &std::ops::Range<u64>) {
        let known = self.files.get(file).and_then(File::known);
        let old_end = known.map_or(0, |known| known.size);
        let first = old_end / self.cache.block_size() as u64;
        let written = self.block_indices(bytes);
        if first < written.start {
            self.fills.overtake_all(file.id, &(first..written.end));
            return;
        }
        for index in written {
            self.fills.overtake(cache::BlockKey {
                file: file.id,
                index,
            });
        }
    }
}
