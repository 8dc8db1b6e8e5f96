//! Values that several unit tests need.

use nfs::nfs3::{DeviceNumber, FileAttributes, FileType, Time};

use crate::call::CallId;
use crate::slots::stub_id;

/// Attributes that differ from those of any other `version`.
pub(crate) fn attributes(version: u32) -> FileAttributes {
    let time = Time {
        seconds: 1000 + version,
        nanoseconds: 0,
    };
    FileAttributes {
        file_type: FileType::Regular,
        mode: 0o644,
        nlink: 1,
        uid: 0,
        gid: 0,
        size: 100,
        used: 100,
        rdev: DeviceNumber::default(),
        fsid: 1,
        fileid: 2,
        atime: time,
        mtime: time,
        ctime: time,
    }
}

/// Ids of `count` different calls.
pub(crate) fn call_ids(count: u32) -> Vec<CallId> {
    (0..count).map(stub_id).collect()
}
