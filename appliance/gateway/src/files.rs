//! What is known of each file: attributes, which of our changes are in flight, and since when.

use cache::FileId;
use nfs::nfs3::{FileAttributes, FileHandle, WccAttributes};

use crate::burst::Burst;
use crate::clock_table::ClockTable;
use crate::hash::SeededHash;

/// A file known to the gateway.
#[derive(Debug)]
pub(crate) struct File {
    /// Its name in the cache; never given to another file.
    pub(crate) id: FileId,
    pub(crate) handle: FileHandle,
    /// The last attributes, while no change of ours is in flight.
    attributes: Option<FileAttributes>,
    /// When they last changed, on the clock of [`crate::upstream::UpstreamCalls::sequence`]. Of a reply
    /// to a call sent before that, nobody can say whether it is older or newer than what is known.
    changed_at: u64,
    /// Rises whenever all that was read or is being read of the file is in doubt: what was sent to the
    /// origin under an older one is not published.
    pub(crate) generation: u64,
    /// Rises whenever permissions may have changed: verdicts from before do not count.
    pub(crate) permissions: u64,
    /// Our changes in flight.
    pub(crate) burst: Option<Box<Burst>>,
    /// Calls that refer to the file; it is not forgotten while there are any.
    users: u32,
}

impl File {
    /// The file's attributes, unless a change of ours is in flight: then nobody can know them.
    pub(crate) fn attributes(&self) -> Option<&FileAttributes> {
        match self.burst {
            None => self.attributes.as_ref(),
            Some(_) => None,
        }
    }

    /// What the file was known to be before changes in flight.
    pub(crate) fn known(&self) -> Option<WccAttributes> {
        self.attributes.as_ref().map(FileAttributes::wcc)
    }

    /// The same state as known, newly told: what the state does not comprise (atime) may differ.
    pub(crate) fn refresh(&mut self, attributes: &FileAttributes) {
        self.attributes = Some(*attributes);
    }

    /// The file has changed, and these are its attributes, or nobody can tell them.
    pub(crate) fn change(&mut self, attributes: Option<FileAttributes>, now: u64) {
        self.attributes = attributes;
        self.changed_at = now;
    }

    /// Whether a call sent then tells what the file has become since it last changed.
    pub(crate) fn is_told_by_call_of(&self, sent: u64) -> bool {
        sent >= self.changed_at
    }

    /// Everything read of the file so far is in doubt.
    pub(crate) fn doubt(&mut self) {
        self.generation += 1;
        self.permissions += 1;
    }
}

/// Refers to a file of the table; finds nothing once the file was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileRef {
    slot: u32,
    pub(crate) id: FileId,
}

/// The files the gateway knows, bounded; idle ones are forgotten to make room.
#[derive(Debug)]
pub(crate) struct FileTable {
    files: ClockTable<FileHandle, File>,
    next_id: u64,
    /// Bursts that ended, for reuse.
    #[expect(clippy::vec_box, reason = "the boxes go to files and come back")]
    spare_bursts: Vec<Box<Burst>>,
}

impl FileTable {
    pub(crate) fn new(capacity: usize, hash: SeededHash) -> Self {
        Self {
            files: ClockTable::new(capacity, hash),
            next_id: 1,
            spare_bursts: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn find(&mut self, handle: &FileHandle) -> Option<FileRef> {
        let slot = self.files.find(handle)?;
        let id = self.files.at(slot)?.id;
        Some(FileRef { slot, id })
    }

    /// Finds the file or enters it. With it comes the file that was forgotten to make room, whose blocks
    /// must go. `None` when every file is in use.
    pub(crate) fn find_or_enter(
        &mut self,
        handle: FileHandle,
    ) -> Option<(FileRef, Option<FileId>)> {
        if let Some(file) = self.find(&handle) {
            return Some((file, None));
        }
        let id = FileId(self.next_id);
        let file = File {
            id,
            handle,
            attributes: None,
            changed_at: 0,
            generation: 0,
            permissions: 0,
            burst: None,
            users: 0,
        };
        let (slot, forgotten) = self
            .files
            .insert(handle, file, |file| file.users == 0 && file.burst.is_none())?;
        self.next_id += 1;
        Some((FileRef { slot, id }, forgotten.map(|file| file.id)))
    }

    pub(crate) fn get(&self, file: FileRef) -> Option<&File> {
        self.files.at(file.slot).filter(|known| known.id == file.id)
    }

    pub(crate) fn get_mut(&mut self, file: FileRef) -> Option<&mut File> {
        self.files
            .at_mut(file.slot)
            .filter(|known| known.id == file.id)
    }

    /// One more call refers to the file.
    pub(crate) fn hold(&mut self, file: FileRef) {
        if let Some(file) = self.get_mut(file) {
            file.users += 1;
        }
    }

    /// One call fewer refers to the file.
    pub(crate) fn release(&mut self, file: FileRef) {
        if let Some(file) = self.get_mut(file) {
            file.users = file.users.saturating_sub(1);
        }
    }

    /// The file's burst, begun if there is none.
    pub(crate) fn burst_mut(&mut self, file: FileRef) -> Option<&mut Burst> {
        let spare = self.spare_bursts.pop();
        let file = self
            .files
            .at_mut(file.slot)
            .filter(|known| known.id == file.id)?;
        match (&mut file.burst, spare) {
            (Some(_), Some(spare)) => self.spare_bursts.push(spare),
            (Some(_), None) => {}
            (none, spare) => {
                let mut burst = spare.unwrap_or_default();
                burst.begin(file.attributes.as_ref());
                *none = Some(burst);
            }
        }
        file.burst.as_deref_mut()
    }

    /// Ends the file's burst if nothing of it is in flight any more, and gives it for judgement.
    pub(crate) fn end_burst(&mut self, file: FileRef) -> Option<Box<Burst>> {
        self.get_mut(file)?
            .burst
            .take_if(|burst| burst.outstanding.is_empty() && burst.queue.is_empty())
    }

    /// Keeps a judged burst for reuse.
    pub(crate) fn recycle(&mut self, burst: Box<Burst>) {
        if self.spare_bursts.len() < crate::limits::SPARE_BURSTS {
            self.spare_bursts.push(burst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::attributes;

    fn handle(number: u8) -> FileHandle {
        FileHandle::new(&[number; 8]).expect("short")
    }

    #[test]
    fn a_file_in_use_is_not_forgotten() {
        let mut files = FileTable::new(1, SeededHash::new(&[1; 16]));
        let (first, _) = files.find_or_enter(handle(1)).expect("room");
        files.hold(first);
        assert!(files.find_or_enter(handle(2)).is_none());
        files.release(first);
        let (second, forgotten) = files.find_or_enter(handle(2)).expect("room is made");
        assert_eq!(forgotten, Some(first.id));
        assert_ne!(second.id, first.id);
        assert!(
            files.get(first).is_none(),
            "a reference to the forgotten one is void"
        );
    }

    #[test]
    fn attributes_are_unknown_while_a_change_is_in_flight() {
        let mut files = FileTable::new(1, SeededHash::new(&[1; 16]));
        let (file, _) = files.find_or_enter(handle(1)).expect("room");
        files.get_mut(file).expect("there").refresh(&attributes(1));
        let ids = crate::testing::call_ids(1);
        files
            .burst_mut(file)
            .expect("there")
            .outstanding
            .push((ids[0], 0..1));
        assert_eq!(files.get(file).expect("there").attributes(), None);
        assert!(files.end_burst(file).is_none(), "still in flight");
        files.burst_mut(file).expect("there").outstanding.clear();
        assert!(files.end_burst(file).is_some());
        assert!(files.get(file).expect("there").attributes().is_some());
    }
}
