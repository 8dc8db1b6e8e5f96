//! The exports: who may reach what, and how far we are in learning their roots from the origin.

use core::time::Duration;
use std::net::Ipv4Addr;

use nfs::nfs3::FileHandle;

use crate::config::{Coherence, Export};

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

/// All exports.
#[derive(Debug)]
pub(crate) struct Exports {
    entries: Vec<Entry>,
}

/// Which export a file system found at the origin belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// This one; to be remembered unless other exports share the file system.
    Of { export: ExportIndex, alone: bool },
    /// None that the client may reach.
    Nowhere,
    /// Cannot be said before all exports are resolved.
    Undecided,
}

impl Exports {
    pub(crate) fn new(exports: Vec<Export>) -> Self {
        let entry = |export| Entry {
            export,
            resolution: Resolution::Due(Duration::ZERO),
            root: None,
            failures: 0,
        };
        Self {
            entries: exports.into_iter().map(entry).collect(),
        }
    }

    pub(crate) fn get(&self, index: ExportIndex) -> Option<&Export> {
        self.entries.get(index.0).map(|entry| &entry.export)
    }

    pub(crate) fn entry_mut(&mut self, index: ExportIndex) -> Option<&mut Entry> {
        self.entries.get_mut(index.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ExportIndex, &Entry)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (ExportIndex(index), entry))
    }

    /// The export that `path` lies in, the longest path first.
    pub(crate) fn covering(&self, path: &str) -> Option<ExportIndex> {
        self.iter()
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
        let entries = self.entries.iter();
        entries.filter_map(|entry| entry.export.give_up).min()
    }

    /// How long a call waits of which it is not known yet what export it is for: as long as the most
    /// patient one lets it.
    pub(crate) fn most_patience(&self) -> Option<Duration> {
        let mut longest = Duration::ZERO;
        for entry in &self.entries {
            longest = longest.max(entry.export.give_up?);
        }
        Some(longest)
    }

    /// Whether the origin is being asked about an export, so that more will be known soon.
    pub(crate) fn is_resolving(&self) -> bool {
        self.entries.iter().any(|entry| {
            matches!(
                entry.resolution,
                Resolution::Mounting | Resolution::Examining
            )
        })
    }

    /// Which export a handle on file system `fsid` belongs to, for a client at `peer`.
    ///
    /// Where exports share a file system the handle could be of any of them: the client must be allowed
    /// to reach all, and a read-only one decides.
    pub(crate) fn membership(&self, fsid: u64, peer: Ipv4Addr) -> Membership {
        let mut found: Option<ExportIndex> = None;
        let mut alone = true;
        for (index, entry) in self.iter() {
            match entry.resolution {
                Resolution::Known { fsid: known } if known == fsid => {
                    if !entry.export.allows(peer) {
                        return Membership::Nowhere;
                    }
                    alone = found.is_none();
                    if found.is_none() || entry.export.read_only {
                        found = Some(index);
                    }
                }
                Resolution::Known { .. } => {}
                _ => return Membership::Undecided,
            }
        }
        found.map_or(Membership::Nowhere, |export| Membership::Of {
            export,
            alone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cidr;

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
        };
        assert_eq!(exports.membership(5, PEER), of_a);
        assert_eq!(exports.membership(6, PEER), Membership::Nowhere);
        assert_eq!(exports.membership(7, PEER), Membership::Nowhere);
    }

    #[test]
    fn exports_that_share_a_file_system() {
        let shared = exports(&[("/a", 1, false, Some(5)), ("/b", 1, true, Some(5))]);
        let of_b = Membership::Of {
            export: ExportIndex(1),
            alone: false,
        };
        assert_eq!(
            shared.membership(5, PEER),
            of_b,
            "the read-only one decides"
        );
        let foreign = exports(&[("/a", 1, false, Some(5)), ("/b", 2, true, Some(5))]);
        assert_eq!(foreign.membership(5, PEER), Membership::Nowhere);
    }

    #[test]
    fn nothing_is_decided_before_all_is_known() {
        let exports = exports(&[("/a", 1, false, Some(5)), ("/b", 2, false, None)]);
        assert_eq!(exports.membership(5, PEER), Membership::Undecided);
    }
}
