//! Learning the exports' roots and file systems from the origin, by mounting them ourselves.

use core::time::Duration;

use nfs::mount;
use nfs::nfs3::{self, FileAttributes, FileHandle, Procedure};

use crate::exports::{ExportIndex, Exports, Resolution};
use crate::gateway::Gateway;
use crate::limits::{RECONNECT_FIRST, RECONNECT_MAX};
use crate::origin::Target;
use crate::upstream::Purpose;

impl Gateway {
    /// Asks for what is due.
    pub(crate) fn resolve_exports(&mut self) {
        let now = self.now;
        if self.draining {
            return;
        }
        let is_due = |resolution| matches!(resolution, Resolution::Due(at) if at <= now);
        let next_due = |exports: &Exports| {
            let mut due = exports.in_use().filter(|(_, e)| is_due(e.resolution));
            due.next().map(|(index, _)| index)
        };
        while let Some(index) = next_due(&self.exports) {
            self.mount_export(index);
        }
    }

    /// When the next one is due.
    pub(crate) fn exports_timeout(&self) -> Option<Duration> {
        self.exports
            .in_use()
            .filter_map(|(_, entry)| match entry.resolution {
                Resolution::Due(at) if !self.draining => Some(at),
                _ => None,
            })
            .min()
    }

    fn mount_export(&mut self, index: ExportIndex) {
        let Some(path) = self.exports.get(index).map(|export| export.path.clone()) else {
            return;
        };
        let credential = self.own_credential();
        let target = Target {
            program: mount::PROGRAM,
            version: mount::VERSION,
            procedure: mount::Procedure::Mnt as u32,
        };
        let link = self.links.mount();
        let purpose = Purpose::MountExport(index);
        let sent = self.call_origin(link, purpose, target, &credential, |writer| {
            mount::encode_path(writer, path.as_bytes())
        });
        if sent {
            self.set_resolution(index, Resolution::Mounting);
        } else {
            self.resolution_failed(index);
        }
    }

    /// The origin has answered MNT; `None` if it refused.
    pub(crate) fn export_mounted(&mut self, index: ExportIndex, root: Option<FileHandle>) {
        let Some(root) = root else {
            self.resolution_failed(index);
            return;
        };
        self.handles.learn(root, index);
        if let Some(entry) = self.exports.entry_mut(index) {
            entry.root = Some(root);
        }
        let credential = self.own_credential();
        let target = Target {
            program: nfs3::PROGRAM,
            version: nfs3::VERSION,
            procedure: Procedure::Getattr.into(),
        };
        let link = self.links.choose_nfs();
        let purpose = Purpose::ExamineExport(index);
        let sent = self.call_origin(link, purpose, target, &credential, |writer| {
            root.encode(writer)
        });
        if sent {
            self.set_resolution(index, Resolution::Examining);
        } else {
            self.resolution_failed(index);
        }
    }

    /// The origin has answered GETATTR of the root; `None` if it refused.
    pub(crate) fn export_examined(
        &mut self,
        index: ExportIndex,
        attributes: Option<FileAttributes>,
    ) {
        let examining = self.exports.entry_mut(index).map(|entry| entry.resolution);
        let (Some(Resolution::Examining), Some(attributes)) = (examining, attributes) else {
            self.resolution_failed(index);
            return;
        };
        let fsid = attributes.fsid;
        self.set_resolution(index, Resolution::Known { fsid });
        if let Some(entry) = self.exports.entry_mut(index) {
            entry.failures = 0;
        }
        self.decide_undecided();
    }

    fn set_resolution(&mut self, index: ExportIndex, resolution: Resolution) {
        if let Some(entry) = self.exports.entry_mut(index) {
            entry.resolution = resolution;
        }
    }

    /// Tries again later, with growing patience.
    fn resolution_failed(&mut self, index: ExportIndex) {
        let now = self.now;
        if let Some(entry) = self.exports.entry_mut(index) {
            let wait = RECONNECT_FIRST
                .saturating_mul(1 << entry.failures.min(16))
                .min(RECONNECT_MAX);
            entry.failures = entry.failures.saturating_add(1);
            entry.resolution = Resolution::Due(now + wait);
        }
        self.decide_undecided();
    }
}
