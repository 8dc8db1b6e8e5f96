//! Which export a file handle belongs to.
//!
//! Handles pass through unchanged, and the origin sees our address only: without this table whoever
//! guesses a handle could reach what is not exported to them.

use nfs::nfs3::FileHandle;

use crate::clock_table::ClockTable;
use crate::exports::ExportIndex;
use crate::hash::SeededHash;

/// The exports of the handles seen lately.
#[derive(Debug)]
pub(crate) struct Handles {
    table: ClockTable<FileHandle, ExportIndex>,
}

impl Handles {
    pub(crate) fn new(capacity: usize, hash: SeededHash) -> Self {
        Self {
            table: ClockTable::new(capacity, hash),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn find(&mut self, handle: &FileHandle) -> Option<ExportIndex> {
        let slot = self.table.find(handle)?;
        self.table.at(slot).copied()
    }

    /// The origin gave `handle` to somebody who was allowed to be in `export`.
    pub(crate) fn learn(&mut self, handle: FileHandle, export: ExportIndex) {
        if let Some(slot) = self.table.find(&handle) {
            if let Some(known) = self.table.at_mut(slot) {
                *known = export;
            }
        } else {
            self.table.insert(handle, export, |_| true);
        }
    }

    /// The origin no longer knows `handle`.
    pub(crate) fn forget(&mut self, handle: &FileHandle) {
        self.table.remove(handle);
    }
}
