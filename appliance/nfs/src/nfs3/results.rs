//! Results of the NFSv3 procedures (RFC 1813 section 3.3).
//!
//! Each function reads the results of one procedure, right after the header of a successful
//! reply. They fail with [`XdrError::Short`] when bytes are missing and otherwise when the server
//! is at fault. What both arms of a result have is a plain field, what only the successful arm has
//! is an `Option` or, for numbers, 0 after a failure. [`learn`] reads any result and tells what it
//! says about files.

mod directory;
mod encode;
mod file_system;
mod learned;

pub use directory::{
    Entries, Entry, PlusEntries, PlusEntry, Readdir, Readdirplus, readdir, readdirplus,
};
pub use file_system::{
    Fsinfo, FsinfoLimits, FsinfoValues, Fsstat, FsstatValues, Pathconf, PathconfValues, fsinfo,
    fsstat, pathconf,
};
pub use learned::{Learned, learn};

use super::attributes::decode_post_op;
use super::{FileAttributes, FileHandle, PostOp, StableHow, Status, WccData, WriteVerifier};
use crate::limits;
use crate::xdr::{Bytes, Reader, XdrError};

/// `GETATTR3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Getattr {
    /// Outcome.
    pub status: Status,
    /// The attributes; `None` after a failure.
    pub attributes: Option<FileAttributes>,
}

/// `SETATTR3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setattr {
    /// Outcome.
    pub status: Status,
    /// Attributes of the object.
    pub object: WccData,
}

/// `LOOKUP3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Outcome.
    pub status: Status,
    /// The object found; `None` after a failure.
    pub handle: Option<FileHandle>,
    /// Attributes of the object found.
    pub attributes: PostOp,
    /// Attributes of the directory.
    pub directory: PostOp,
}

/// `ACCESS3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Outcome.
    pub status: Status,
    /// Attributes of the object.
    pub attributes: PostOp,
    /// Which of the rights asked about are granted: bits of [`super::access`].
    pub access: u32,
}

/// `READLINK3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readlink<'a> {
    /// Outcome.
    pub status: Status,
    /// Attributes of the symbolic link.
    pub attributes: PostOp,
    /// What it contains, at most [`limits::PATH`] bytes; `None` after a failure.
    pub target: Option<Bytes<'a>>,
}

/// `READ3res` up to and including the length of the data. After a success the data follows, then
/// [`crate::xdr::padding`] of its length; after a failure nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadHead {
    /// Outcome.
    pub status: Status,
    /// Attributes of the file.
    pub attributes: PostOp,
    /// Bytes read: equal to the length of the data.
    pub count: u32,
    /// Whether the data reaches the end of the file.
    pub end_of_file: bool,
}

/// `WRITE3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Outcome.
    pub status: Status,
    /// Attributes of the file.
    pub file: WccData,
    /// What was written; `None` after a failure.
    pub written: Option<Written>,
}

/// What a successful WRITE did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes written. The decoder does not know how many were asked for: more is a protocol
    /// error.
    pub count: u32,
    /// How stable they are.
    pub committed: StableHow,
    /// Instance of the server that holds them.
    pub verifier: WriteVerifier,
}

/// `CREATE3res`, `MKDIR3res`, `SYMLINK3res`, `MKNOD3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// Outcome.
    pub status: Status,
    /// The new object, if the server sent its handle.
    pub handle: Option<FileHandle>,
    /// Attributes of the new object.
    pub attributes: PostOp,
    /// Attributes of the directory.
    pub directory: WccData,
}

/// `REMOVE3res`, `RMDIR3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Outcome.
    pub status: Status,
    /// Attributes of the directory.
    pub directory: WccData,
}

/// `RENAME3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Outcome.
    pub status: Status,
    /// Attributes of the directory of the old name.
    pub from_directory: WccData,
    /// Attributes of the directory of the new name.
    pub to_directory: WccData,
}

/// `LINK3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Outcome.
    pub status: Status,
    /// Attributes of the file.
    pub attributes: PostOp,
    /// Attributes of the directory of the new name.
    pub directory: WccData,
}

/// `COMMIT3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Outcome.
    pub status: Status,
    /// Attributes of the file.
    pub file: WccData,
    /// Instance of the server that committed; `None` after a failure.
    pub verifier: Option<WriteVerifier>,
}

fn decode_status(reader: &mut Reader<'_>) -> Result<Status, XdrError> {
    reader.u32().map(Status)
}

/// GETATTR.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn getattr(reader: &mut Reader<'_>) -> Result<Getattr, XdrError> {
    let status = decode_status(reader)?;
    let attributes = status
        .is_ok()
        .then(|| FileAttributes::decode(reader))
        .transpose()?;
    Ok(Getattr { status, attributes })
}

/// SETATTR.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn setattr(reader: &mut Reader<'_>) -> Result<Setattr, XdrError> {
    Ok(Setattr {
        status: decode_status(reader)?,
        object: WccData::decode(reader)?,
    })
}

/// LOOKUP.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn lookup(reader: &mut Reader<'_>) -> Result<Lookup, XdrError> {
    let status = decode_status(reader)?;
    let (handle, attributes) = if status.is_ok() {
        (Some(FileHandle::decode(reader)?), decode_post_op(reader)?)
    } else {
        (None, None)
    };
    Ok(Lookup {
        status,
        handle,
        attributes,
        directory: decode_post_op(reader)?,
    })
}

/// ACCESS.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn access(reader: &mut Reader<'_>) -> Result<Access, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    let access = if status.is_ok() { reader.u32()? } else { 0 };
    Ok(Access {
        status,
        attributes,
        access,
    })
}

/// READLINK.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn readlink<'a>(reader: &mut Reader<'a>) -> Result<Readlink<'a>, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    let target = status
        .is_ok()
        .then(|| reader.opaque(limits::PATH))
        .transpose()?;
    Ok(Readlink {
        status,
        attributes,
        target,
    })
}

/// READ up to and including the length of the data, which stays unread and need not have arrived.
///
/// # Errors
/// [`XdrError::TooLong`] for more than the `max_count` bytes that were asked for,
/// [`XdrError::Invalid`] when the count is not the length of the data, and what the
/// [module](self) says.
pub fn read_head(reader: &mut Reader<'_>, max_count: u32) -> Result<ReadHead, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    if !status.is_ok() {
        return Ok(ReadHead {
            status,
            attributes,
            count: 0,
            end_of_file: false,
        });
    }
    let count = reader.u32()?;
    let end_of_file = reader.bool()?;
    let data_len = reader.u32()?;
    if data_len != count {
        return Err(XdrError::Invalid);
    }
    if count > max_count {
        return Err(XdrError::TooLong);
    }
    Ok(ReadHead {
        status,
        attributes,
        count,
        end_of_file,
    })
}

/// WRITE.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn write(reader: &mut Reader<'_>) -> Result<Write, XdrError> {
    let status = decode_status(reader)?;
    let file = WccData::decode(reader)?;
    let written = if status.is_ok() {
        Some(Written {
            count: reader.u32()?,
            committed: StableHow::decode(reader)?,
            verifier: WriteVerifier(reader.fixed()?),
        })
    } else {
        None
    };
    Ok(Write {
        status,
        file,
        written,
    })
}

/// CREATE, MKDIR, SYMLINK and MKNOD.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn created(reader: &mut Reader<'_>) -> Result<Created, XdrError> {
    let status = decode_status(reader)?;
    let (handle, attributes) = if status.is_ok() {
        (
            reader.optional(FileHandle::decode)?,
            decode_post_op(reader)?,
        )
    } else {
        (None, None)
    };
    Ok(Created {
        status,
        handle,
        attributes,
        directory: WccData::decode(reader)?,
    })
}

/// REMOVE and RMDIR.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn removed(reader: &mut Reader<'_>) -> Result<Removed, XdrError> {
    Ok(Removed {
        status: decode_status(reader)?,
        directory: WccData::decode(reader)?,
    })
}

/// RENAME.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn rename(reader: &mut Reader<'_>) -> Result<Rename, XdrError> {
    Ok(Rename {
        status: decode_status(reader)?,
        from_directory: WccData::decode(reader)?,
        to_directory: WccData::decode(reader)?,
    })
}

/// LINK.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn link(reader: &mut Reader<'_>) -> Result<Link, XdrError> {
    Ok(Link {
        status: decode_status(reader)?,
        attributes: decode_post_op(reader)?,
        directory: WccData::decode(reader)?,
    })
}

/// COMMIT.
///
/// # Errors
/// [`XdrError`], see the [module](self).
pub fn commit(reader: &mut Reader<'_>) -> Result<Commit, XdrError> {
    let status = decode_status(reader)?;
    let file = WccData::decode(reader)?;
    let verifier = status
        .is_ok()
        .then(|| reader.fixed().map(WriteVerifier))
        .transpose()?;
    Ok(Commit {
        status,
        file,
        verifier,
    })
}
