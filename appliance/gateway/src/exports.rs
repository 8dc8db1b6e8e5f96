//! The exports: who may reach what, and how far we are in learning their roots from the origin.

use core::time::Duration;
use std::net::Ipv4Addr;

use nfs::nfs3::FileHandle;

use crate::config::{Coherence, Export};
use crate::error::ExportsMoved;
use crate::squash::Squash;

/// Index of an export in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExportIndex(pub(crate) usize);

/// How far we are in learning an export's root and file system from the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// To be asked at this time.
    Due(Duration),
    /// MNT is under way.
    Mounting,
    /// GETATTR of the root is under way.
    Examining,
    /// All is known.
    Known { fsid: u64 },
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) export: Export,
    pub(crate) resolution: Resolution,
    /// The root, from the first time the origin has told it.
    pub(crate) root: Option<FileHandle>,
    pub(crate) failures: u32,
}

impl Entry {
    fn new(export: Export) -> Self {
        Self {
            export,
            resolution: Resolution::Due(Duration::ZERO),
            root: None,
            failures: 0,
        }
    }
}

/// All exports.
#[derive(Debug)]
pub(crate) struct Exports {
    entries: Vec<Entry>,
}

/// Which export a file system found at the origin belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// This one; to be remembered unless other exports share the file system. `squash` is the one that hides
    /// most of those that do.
    Of {
        export: ExportIndex,
        alone: bool,
        squash: Squash,
    },
    /// None that the client may reach.
    Nowhere,
    /// Cannot be said before all exports are resolved.
    Undecided,
}

impl Exports {
    pub(crate) fn new(exports: Vec<Export>) -> Self {
        Self {
            entries: exports.into_iter().map(Entry::new).collect(),
        }
    }

    pub(crate) fn get(&self, index: ExportIndex) -> Option<&Export> {
        self.entries.get(index.0).map(|entry| &entry.export)
    }

    pub(crate) fn entry_mut(&mut self, index: ExportIndex) -> Option<&mut Entry> {
        self.entries.get_mut(index.0)
    }

    /// Takes new rules. The exports there are come first, in their order; one that allows nobody is
    /// withdrawn, and comes back when it allows somebody again.
    ///
    /// # Errors
    /// They are others, or in another order. Nothing has changed.
    pub(crate) fn replace(&mut self, exports: Vec<Export>) -> Result<(), ExportsMoved> {
        let mut paths = exports.iter().map(|export| Some(&export.path));
        let mut entries = self.entries.iter();
        if !entries.all(|entry| paths.next().flatten() == Some(&entry.export.path)) {
            return Err(ExportsMoved);
        }
        for (index, export) in exports.into_iter().enumerate() {
            match self.entries.get_mut(index) {
                Some(entry) if entry.export.allow.is_empty() && !export.allow.is_empty() => {
                    *entry = Entry::new(export);
                }
                Some(entry) => entry.export = export,
                None => self.entries.push(Entry::new(export)),
            }
        }
        Ok(())
    }

    /// Those that anybody may reach; what is said of the others is of no consequence.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (ExportIndex, &Entry)> {
        let indexed = self.entries.iter().enumerate();
        indexed
            .filter(|(_, entry)| !entry.export.allow.is_empty())
            .map(|(index, entry)| (ExportIndex(index), entry))
    }

    /// Whether anybody may reach it.
    pub(crate) fn is_in_use(&self, index: ExportIndex) -> bool {
        self.get(index)
            .is_some_and(|export| !export.allow.is_empty())
    }

    /// The export that `path` lies in, the longest path first.
    pub(crate) fn covering(&self, path: &str) -> Option<ExportIndex> {
        self.in_use()
            .filter(|(_, entry)| entry.export.covers(path))
            .max_by_key(|(_, entry)| entry.export.path.len())
            .map(|(index, _)| index)
    }

    /// Whether `handle` is the root of this export: above it lies what is not exported.
    pub(crate) fn is_root(&self, index: ExportIndex, handle: &FileHandle) -> bool {
        let root = self.entries.get(index.0).and_then(|entry| entry.root);
        root.as_ref() == Some(handle)
    }

    pub(crate) fn is_immutable(&self, index: ExportIndex) -> bool {
        self.get(index)
            .is_some_and(|export| export.coherence == Coherence::Immutable)
    }

    /// The shortest time after which a call of any export is given up; `None` if none ever is.
    pub(crate) fn least_patience(&self) -> Option<Duration> {
        let entries = self.in_use();
        entries.filter_map(|(_, entry)| entry.export.give_up).min()
    }

    /// How long a call waits of which it is not known yet what export it is for: as long as the most
    /// patient one lets it.
    pub(crate) fn most_patience(&self) -> Option<Duration> {
        let mut longest = Duration::ZERO;
        for (_, entry) in self.in_use() {
            longest = longest.max(entry.export.give_up?);
        }
        Some(longest)
    }

    /// Whether the origin is being asked about an export, so that more will be known soon.
    pub(crate) fn is_resolving(&self) -> bool {
        self.in_use().any(|(_, entry)| {
            matches!(
                entry.resolution,
                Resolution::Mounting | Resolution::Examining
            )
        })
    }

    /// Which export a handle on file system `fsid` belongs to, for a client at `peer`.
    ///
    /// Where exports share a file system the handle could be of any of them: the client must be allowed
    /// to reach all, on a connection such as this one, by `admits`, and a read-only one decides.
    pub(crate) fn membership(
        &self,
        fsid: u64,
        peer: Ipv4Addr,
        admits: impl Fn(ExportIndex, &Export) -> bool,
    ) -> Membership {
        let mut found: Option<ExportIndex> = None;
        let (mut count, mut admitted, mut squash) = (0, true, Squash::Nobody);
        for (
            index,
            Entry {
                export, resolution, ..
            },
        ) in self.in_use()
        {
            match resolution {
                Resolution::Known { fsid: known } if *known == fsid => {
                    if !export.allows(peer) {
                        return Membership::Nowhere;
                    }
                    count += 1;
                    admitted &= admits(index, export);
                    squash = squash.max(export.squash);
                    if found.is_none() || export.read_only {
                        found = Some(index);
                    }
                }
                Resolution::Known { .. } => {}
                _ => return Membership::Undecided,
            }
        }
        match found {
            // One alone says by itself why it does not admit somebody.
            Some(export) if admitted || count == 1 => Membership::Of {
                export,
                alone: count == 1,
                squash,
            },
            _ => Membership::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cidr;
    use crate::squash::Anonymous;

    fn exports(list: &[(&str, u8, bool, Option<u64>)]) -> Exports {
        let mut exports = Exports::new(
            list.iter()
                .map(|(path, network, read_only, _)| Export {
                    path: (*path).into(),
                    allow: Cidr::new(Ipv4Addr::new(10, *network, 0, 0), 16)
                        .into_iter()
                        .collect(),
                    read_only: *read_only,
                    coherence: Coherence::Strict,
                    security: crate::security::AcceptedSecurity::CLEAR,
                    squash: Squash::Nobody,
                    give_up: None,
                })
                .collect(),
        );
        for (index, (.., fsid)) in list.iter().enumerate() {
            if let Some(fsid) = fsid {
                exports.entries[index].resolution = Resolution::Known { fsid: *fsid };
            }
        }
        exports
    }

    const PEER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 9);

    #[test]
    fn the_longest_path_wins() {
        let exports = exports(&[("/a", 1, false, None), ("/a/b", 1, false, None)]);
        assert_eq!(exports.covering("/a/b/c"), Some(ExportIndex(1)));
        assert_eq!(exports.covering("/a/c"), Some(ExportIndex(0)));
        assert_eq!(exports.covering("/c"), None);
    }

    #[test]
    fn a_file_system_of_one_export() {
        let exports = exports(&[("/a", 1, false, Some(5)), ("/b", 2, false, Some(6))]);
        let of_a = Membership::Of {
            export: ExportIndex(0),
            alone: true,
            squash: Squash::Nobody,
        };
        assert_eq!(exports.membership(5, PEER, |_, _| true), of_a);
        assert_eq!(
            exports.membership(6, PEER, |_, _| true),
            Membership::Nowhere
        );
        assert_eq!(
            exports.membership(7, PEER, |_, _| true),
            Membership::Nowhere
        );
    }

    #[test]
    fn exports_that_share_a_file_system() {
        let shared = exports(&[("/a", 1, false, Some(5)), ("/b", 1, true, Some(5))]);
        let of_b = Membership::Of {
            export: ExportIndex(1),
            alone: false,
            squash: Squash::Nobody,
        };
        assert_eq!(
            shared.membership(5, PEER, |_, _| true),
            of_b,
            "the read-only one decides"
        );
        let foreign = exports(&[("/a", 1, false, Some(5)), ("/b", 2, true, Some(5))]);
        assert_eq!(
            foreign.membership(5, PEER, |_, _| true),
            Membership::Nowhere
        );
    }

    #[test]
    fn of_exports_that_share_a_file_system_each_has_its_say() {
        let nobody = Anonymous { uid: 9, gid: 9 };
        let mut shared = exports(&[("/a", 1, true, Some(5)), ("/b", 1, false, Some(5))]);
        shared.entries[1].export.squash = Squash::Everybody(nobody);
        shared.entries[0].export.squash = Squash::Root(nobody);
        let of_both = Membership::Of {
            export: ExportIndex(0),
            alone: false,
            squash: Squash::Everybody(nobody),
        };
        assert_eq!(shared.membership(5, PEER, |_, _| true), of_both);
        let not_b = |index, _: &Export| index == ExportIndex(0);
        assert_eq!(shared.membership(5, PEER, not_b), Membership::Nowhere);
        shared.entries[1].export.allow.clear();
        let of_a = Membership::Of {
            export: ExportIndex(0),
            alone: true,
            squash: Squash::Root(nobody),
        };
        assert_eq!(shared.membership(5, PEER, not_b), of_a, "b is withdrawn");
    }

    #[test]
    fn nothing_is_decided_before_all_is_known() {
        let exports = exports(&[("/a", 1, false, Some(5)), ("/b", 2, false, None)]);
        assert_eq!(
            exports.membership(5, PEER, |_, _| true),
            Membership::Undecided
        );
    }
}
