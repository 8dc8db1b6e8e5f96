//! The oracle's values as this crate's, field by field.

use nfs::nfs3::args::DirectoryEntry;
use nfs::nfs3::{
    DeviceNumber, FileAttributes, FileHandle, FileType, PostOp, SetAttributes, SetTime, StableHow,
    Status, Time, WccAttributes, WccData,
};
use nfs::xdr::Bytes;
use nfs3_types::nfs3::{
    Nfs3Option, diropargs3, fattr3, ftype3, nfs_fh3, nfsstat3, nfstime3, post_op_attr, post_op_fh3,
    sattr3, set_atime, set_mtime, specdata3, stable_how, wcc_data,
};
use nfs3_types::xdr_codec::{Pack, Unpack};
use std::io::Cursor;

pub fn packed(value: &impl Pack) -> Vec<u8> {
    let mut wire = Vec::new();
    value
        .pack(&mut wire)
        .expect("the oracle encodes its own values");
    wire
}

/// Decodes with the oracle, which must use every byte.
pub fn unpacked<T: Unpack>(wire: &[u8]) -> T {
    let (value, len) = T::unpack(&mut Cursor::new(wire)).expect("the oracle decodes our encoding");
    assert_eq!(len, wire.len(), "the oracle reads all that we wrote");
    value
}

pub fn option<T: Pack + Unpack, U>(
    option: &Nfs3Option<T>,
    convert: impl FnOnce(&T) -> U,
) -> Option<U> {
    match option {
        Nfs3Option::Some(value) => Some(convert(value)),
        Nfs3Option::None => None,
    }
}

pub fn handle(handle: &nfs_fh3) -> FileHandle {
    FileHandle::new(&handle.data).expect("at most 64 bytes")
}

pub fn optional_handle(optional: &post_op_fh3) -> Option<FileHandle> {
    option(optional, handle)
}

pub fn entry<'a>(entry: &'a diropargs3<'_>) -> DirectoryEntry<'a> {
    DirectoryEntry {
        directory: handle(&entry.dir),
        name: Bytes::contiguous(entry.name.as_ref()),
    }
}

pub fn status(status: nfsstat3) -> Status {
    Status(status as u32)
}

pub fn time(time: &nfstime3) -> Time {
    Time {
        seconds: time.seconds,
        nanoseconds: time.nseconds,
    }
}

pub fn device(device: &specdata3) -> DeviceNumber {
    DeviceNumber {
        major: device.specdata1,
        minor: device.specdata2,
    }
}

pub fn file_type(file_type: ftype3) -> FileType {
    match file_type {
        ftype3::NF3REG => FileType::Regular,
        ftype3::NF3DIR => FileType::Directory,
        ftype3::NF3BLK => FileType::BlockDevice,
        ftype3::NF3CHR => FileType::CharacterDevice,
        ftype3::NF3LNK => FileType::SymbolicLink,
        ftype3::NF3SOCK => FileType::Socket,
        ftype3::NF3FIFO => FileType::Fifo,
    }
}

pub fn attributes(attributes: &fattr3) -> FileAttributes {
    FileAttributes {
        file_type: file_type(attributes.type_),
        mode: attributes.mode,
        nlink: attributes.nlink,
        uid: attributes.uid,
        gid: attributes.gid,
        size: attributes.size,
        used: attributes.used,
        rdev: device(&attributes.rdev),
        fsid: attributes.fsid,
        fileid: attributes.fileid,
        atime: time(&attributes.atime),
        mtime: time(&attributes.mtime),
        ctime: time(&attributes.ctime),
    }
}

pub fn post_op(post_op: &post_op_attr) -> PostOp {
    option(post_op, attributes)
}

pub fn wcc(wcc: &wcc_data) -> WccData {
    let before = option(&wcc.before, |before| WccAttributes {
        size: before.size,
        mtime: time(&before.mtime),
        ctime: time(&before.ctime),
    });
    WccData {
        before,
        after: post_op(&wcc.after),
    }
}

pub fn set_attributes(set: &sattr3) -> SetAttributes {
    SetAttributes {
        mode: option(&set.mode, |mode| *mode),
        uid: option(&set.uid, |uid| *uid),
        gid: option(&set.gid, |gid| *gid),
        size: option(&set.size, |size| *size),
        atime: match &set.atime {
            set_atime::DONT_CHANGE => SetTime::DontChange,
            set_atime::SET_TO_SERVER_TIME => SetTime::ServerTime,
            set_atime::SET_TO_CLIENT_TIME(client) => SetTime::ClientTime(time(client)),
        },
        mtime: match &set.mtime {
            set_mtime::DONT_CHANGE => SetTime::DontChange,
            set_mtime::SET_TO_SERVER_TIME => SetTime::ServerTime,
            set_mtime::SET_TO_CLIENT_TIME(client) => SetTime::ClientTime(time(client)),
        },
    }
}

pub fn stable(stable: stable_how) -> StableHow {
    match stable {
        stable_how::UNSTABLE => StableHow::Unstable,
        stable_how::DATA_SYNC => StableHow::DataSync,
        stable_how::FILE_SYNC => StableHow::FileSync,
    }
}
