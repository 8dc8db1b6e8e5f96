//! What a READ may return.
//!
//! Each byte must be what the file held at some time between the last moment that the appliance must know of and
//! the reply. What it must know of, when the READ was made:
//!
//! * what GETATTR has told any of its clients: with `strict` coherence every GETATTR goes to the origin, and blocks
//!   from before a change that it shows are dropped;
//! * of the bytes of a WRITE: that WRITE, once its reply has reached any of its clients;
//! * of the bytes beyond a size that was set, and of who may read: that SETATTR, likewise.

use std::ops::Range;
use std::time::Duration;

use super::content::{Version, content};
use super::{Truth, index_of};
use crate::nfs::Attributes;

/// The oldest states of a file that the clients of an appliance may still be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floor {
    /// Of all bytes.
    all: usize,
    /// Of some.
    parts: Vec<(Range<u64>, usize)>,
    /// Of who may read.
    permissions: usize,
}

impl Floor {
    /// These bytes must be at least from then on.
    pub(super) fn raise(&mut self, bytes: Range<u64>, state: usize) {
        if state > self.all && !bytes.is_empty() {
            self.parts.push((bytes, state));
        }
    }

    pub(super) fn raise_permissions(&mut self, state: usize) {
        self.permissions = self.permissions.max(state);
    }

    fn of(&self, range: &Range<u64>) -> usize {
        let parts = self.parts.iter();
        let overlapping =
            parts.filter(|(part, _)| part.start <= range.start && range.end <= part.end);
        overlapping
            .map(|&(_, state)| state)
            .fold(self.all, usize::max)
    }

    /// Cuts `range` where its floor may change.
    fn cut(&self, range: &Range<u64>) -> Vec<Range<u64>> {
        let inside = |at: &u64| range.start < *at && *at < range.end;
        let parts = self.parts.iter();
        let mut cuts: Vec<u64> = parts
            .flat_map(|(part, _)| [part.start, part.end])
            .filter(inside)
            .chain([range.start, range.end])
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|cut| cut[0]..cut[1]).collect()
    }
}

/// A READ as it was made.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) file: u64,
    pub(crate) bytes: Range<u64>,
    floor: Floor,
}

impl Asked {
    /// The oldest state whose permissions may count.
    pub(super) fn permissions(&self) -> usize {
        self.floor.permissions.max(self.floor.all)
    }
}

impl Truth {
    /// A client of an appliance is about to read.
    pub(crate) fn begin_read(&self, appliance: usize, file: u64, bytes: Range<u64>) -> Asked {
        Asked {
            file,
            bytes,
            floor: self.floors[appliance][index_of(file)].clone(),
        }
    }

    /// It has been answered; at the end of the file, if the reply says so.
    pub(crate) fn check_read(&self, asked: &Asked, data: &[u8], end_of_file: bool) {
        let history = self.file(asked.file).history();
        let start = asked.bytes.start;
        let end = start + data.len() as u64;
        for range in asked.floor.cut(&(start..end)) {
            let floor = asked.floor.of(&range);
            let (from, to) = (as_index(range.start - start), as_index(range.end - start));
            let bytes = &data[from..to];
            let mut admissible = vec![false; bytes.len()];
            let mut tried: Vec<(Range<u64>, Version)> = Vec::new();
            for state in history[floor..].iter().rev() {
                for (piece, version) in state.extents.pieces(range.clone()) {
                    if tried.contains(&(piece.clone(), version)) {
                        continue;
                    }
                    let offset = as_index(piece.start - range.start);
                    let len = as_index(piece.end - piece.start);
                    let expected = content(asked.file, version, piece.start, len);
                    let found = &bytes[offset..offset + len];
                    let marks = &mut admissible[offset..offset + len];
                    for ((mark, expected), found) in marks.iter_mut().zip(expected).zip(found) {
                        *mark |= expected == *found;
                    }
                    tried.push((piece, version));
                }
            }
            if let Some(first) = admissible.iter().position(|&mark| !mark) {
                self.judge
                    .wrong(|| self.describe(asked, &range, first, bytes, floor));
            }
        }
        let sizes = || {
            history[asked.floor.all..]
                .iter()
                .map(|state| state.extents.size())
        };
        self.judge
            .expect(!end_of_file || sizes().any(|size| size <= end), || {
                format!(
                    "end of file {} told at {end}, which is before it",
                    asked.file
                )
            });
        self.judge.expect(
            !data.is_empty() || end_of_file || asked.bytes.is_empty(),
            || {
                format!(
                    "nothing read of file {} at {start}, and not its end",
                    asked.file
                )
            },
        );
    }

    fn describe(
        &self,
        asked: &Asked,
        range: &Range<u64>,
        first: usize,
        bytes: &[u8],
        floor: usize,
    ) -> String {
        let at = range.start + first as u64;
        let wrong = &bytes[first..bytes.len().min(first + 16)];
        let is = self.origin_of(wrong, at);
        let history = self.file(asked.file).history();
        let since = history[floor].since;
        format!(
            "READ {:?} of file {}: wrong bytes from {at} on ({is}); what counts is from {since:?} on (state {floor} of {})",
            asked.bytes,
            asked.file,
            history.len()
        )
    }

    /// Where bytes could be from, for the report.
    fn origin_of(&self, bytes: &[u8], at: u64) -> String {
        if bytes.iter().all(|&byte| byte == 0) {
            return "zeros".to_owned();
        }
        for (version, write) in self.writes.iter().enumerate() {
            let version = Version::try_from(version).expect("few writes");
            for file in self.files() {
                if write.file == file && content(file, version, at, bytes.len()) == bytes {
                    return format!(
                        "those of WRITE {version} of {:?} of file {file}",
                        write.bytes
                    );
                }
            }
        }
        format!("of nowhere: {bytes:02x?}")
    }

    /// GETATTR, made at `asked`, has told a client of an appliance.
    pub(crate) fn told(&mut self, appliance: usize, seen: &Attributes, asked: Duration) {
        let file = index_of(seen.file);
        let history = self.files[file].history();
        // The first state it can have been: attributes come back when the origin loses data.
        let state = (0..history.len()).find(|&number| {
            let state = &history[number];
            let ended = history.get(number + 1).map(|next| next.since);
            state.change == seen.change
                && (state.extents.size(), state.public) == (seen.size, seen.public)
                && ended.is_none_or(|end| end >= asked)
        });
        let Some(state) = state else {
            self.judge.wrong(|| {
                format!(
                    "GETATTR made at {asked:?} tells {seen:?}, which has not been so since then"
                )
            });
            return;
        };
        let floor = &mut self.floors[appliance][file];
        floor.all = floor.all.max(state);
        floor.parts.retain(|(_, part)| *part > floor.all);
    }

    /// A client of an appliance has the reply to its WRITE of so many bytes.
    pub(crate) fn check_written(
        &mut self,
        appliance: usize,
        version: Version,
        count: u64,
        now: Duration,
    ) {
        let write = &mut self.writes[version as usize];
        write.acknowledged.get_or_insert(now);
        let bytes = write.bytes.start..write.bytes.start + count;
        let file = index_of(write.file);
        let Some(executions) = write.executions else {
            self.judge
                .wrong(|| format!("a WRITE of {bytes:?} is answered that was never executed"));
            return;
        };
        self.floors[appliance][file].raise(bytes, executions.state);
    }

    /// The appliance is killed: copies of these WRITEs may still be on their way to the origin.
    pub(crate) fn orphan(&mut self, version: Version) {
        self.writes[version as usize].orphaned = true;
    }
}

fn as_index(value: u64) -> usize {
    usize::try_from(value).expect("a short read")
}
