//! READDIR and READDIRPLUS on their way back: every entry is looked at before a client sees it.
//!
//! A name with a '/' or a NUL in it, or an empty one, is none that any client could use, and one that some
//! have been led astray by. The whole listing is refused then, as Linux refuses it: with the entry left out
//! it would look complete. A listing longer than the client has room for is cut after the last entry that
//! fits, and goes on from there when the client asks.

use nfs::nfs3::results::{Entry, readdir, readdirplus};
use nfs::nfs3::{NameClass, Status, classify_name};
use nfs::xdr::Reader;

use crate::forward::{Edits, Facts};
use crate::gateway::Gateway;

/// "No entry follows" and "not the end of the directory", two words, after the last entry.
const TAIL_LEN: usize = 8;

/// How much of a listing fits.
struct Fit {
    /// Where the results that count begin, after the status.
    start: usize,
    room: usize,
    /// Behind the last entry that fits.
    end: Option<usize>,
    /// Behind the entry seen last.
    seen: Option<usize>,
}

impl Fit {
    fn new(results: &Reader<'_>, room: usize) -> Self {
        Self {
            start: results.position() + 4,
            room,
            end: None,
            seen: None,
        }
    }

    /// The next entry ends at `position`.
    fn entry_until(&mut self, position: usize) {
        if position + TAIL_LEN <= self.start + self.room {
            self.end = Some(position);
        }
        self.seen = Some(position);
    }

    fn apply(&self, edits: &mut Edits) {
        if self.end == self.seen {
            return;
        }
        match self.end {
            Some(end) => edits.cut = Some(end),
            // Not even one fits (RFC 1813 section 3.3.16).
            None => edits.withhold = Some(Status::TOOSMALL),
        }
    }
}

fn is_usable(entry: &Entry<'_>) -> bool {
    classify_name(&entry.name) != NameClass::Invalid
}

impl Gateway {
    pub(crate) fn inspect_readdir(&self, facts: &Facts, results: &Reader<'_>) -> Edits {
        let mut edits = Edits::default();
        let listing = readdir(&mut results.clone());
        let Ok(Some((_, mut entries))) = listing.map(|listing| listing.listing) else {
            return edits;
        };
        let mut fit = Fit::new(results, facts.room);
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if is_usable(&entry) => fit.entry_until(entries.reader().position()),
                _ => return Edits::malformed(),
            }
        }
        fit.apply(&mut edits);
        edits
    }

    /// Learns the handles, and hides that of the parent in an export's root: what lies above is not exported.
    pub(crate) fn inspect_readdirplus(&mut self, facts: &Facts, results: &Reader<'_>) -> Edits {
        let mut edits = Edits::default();
        let (Some(export), Some(directory)) = (facts.export, facts.handle) else {
            return edits;
        };
        let at_root = self.exports.is_root(export, &directory);
        let listing = readdirplus(&mut results.clone());
        let Ok(Some((_, mut entries))) = listing.map(|listing| listing.listing) else {
            return edits;
        };
        let mut fit = Fit::new(results, facts.room);
        while let Some(entry) = entries.next() {
            let Ok(entry) = entry else {
                return Edits::malformed();
            };
            let is_parent = classify_name(&entry.entry.name) == NameClass::Parent;
            // There is one parent, and one place to hide.
            if !is_usable(&entry.entry) || (at_root && is_parent && edits.hide.is_some()) {
                return Edits::malformed();
            }
            fit.entry_until(entries.reader().position());
            if at_root && is_parent {
                edits.hide = Some(entry.attributes_and_handle);
                continue;
            }
            if let Some(handle) = entry.handle {
                self.handles.learn(handle, export);
                if let Some(attributes) = entry.attributes {
                    self.learn_attributes(handle, &attributes, false);
                }
            }
        }
        fit.apply(&mut edits);
        edits
    }
}
