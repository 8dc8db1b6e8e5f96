//! Arguments of the NFSv3 procedures (RFC 1813 section 3.3).
//!
//! Each function reads the arguments of one procedure, right after the call header. All of them
//! fail with [`XdrError::Short`] when bytes are missing, and with [`XdrError::TooLong`] or
//! [`XdrError::Invalid`] when the arguments are malformed: the answer is `GARBAGE_ARGS`. Names
//! are not judged: see [`super::classify_name`].

mod any;
mod creation;
mod encode;

pub use any::Args;
pub use creation::{
    CreateArgs, CreateHow, MkdirArgs, MknodArgs, MknodObject, SymlinkArgs, create, mkdir, mknod,
    symlink,
};

use super::{CookieVerifier, FileHandle, SetAttributes, StableHow, Time};
use crate::limits;
use crate::xdr::{Bytes, Reader, XdrError};

/// `diropargs3`: a name in a directory; the whole arguments of LOOKUP, REMOVE and RMDIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry<'a> {
    /// Handle of the directory.
    pub directory: FileHandle,
    /// The name, at most [`limits::NAME`] bytes.
    pub name: Bytes<'a>,
}

impl<'a> DirectoryEntry<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, XdrError> {
        Ok(DirectoryEntry {
            directory: FileHandle::decode(reader)?,
            name: reader.opaque(limits::NAME)?,
        })
    }
}

/// `SETATTR3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetattrArgs {
    /// The object to change.
    pub object: FileHandle,
    /// What to change.
    pub attributes: SetAttributes,
    /// The change is made only if this is the object's ctime.
    pub guard: Option<Time>,
}

/// `ACCESS3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessArgs {
    /// The object asked about.
    pub object: FileHandle,
    /// The rights asked about: bits of [`super::access`].
    pub access: u32,
}

/// `READ3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadArgs {
    /// The file.
    pub file: FileHandle,
    /// First byte to read. `offset + count` may exceed 2⁶⁴.
    pub offset: u64,
    /// Bytes to read.
    pub count: u32,
}

/// `WRITE3args` up to and including the length of the data. The data follows, then
/// [`crate::xdr::padding`] of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteHead {
    /// The file.
    pub file: FileHandle,
    /// Where the data goes. `offset + count` may exceed 2⁶⁴.
    pub offset: u64,
    /// Bytes to write: equal to the length of the data.
    pub count: u32,
    /// How stable the data must be before the reply.
    pub stable: StableHow,
}

/// `RENAME3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenameArgs<'a> {
    /// The entry to rename.
    pub from: DirectoryEntry<'a>,
    /// What it becomes.
    pub to: DirectoryEntry<'a>,
}

/// `LINK3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkArgs<'a> {
    /// The file that gets another name.
    pub file: FileHandle,
    /// The new name.
    pub link: DirectoryEntry<'a>,
}

/// `READDIR3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaddirArgs {
    /// The directory.
    pub directory: FileHandle,
    /// Cookie of the last entry known, 0 to begin.
    pub cookie: u64,
    /// Verifier that came with the cookie.
    pub verifier: CookieVerifier,
    /// Longest result in bytes.
    pub count: u32,
}

/// `READDIRPLUS3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaddirplusArgs {
    /// The directory.
    pub directory: FileHandle,
    /// Cookie of the last entry known, 0 to begin.
    pub cookie: u64,
    /// Verifier that came with the cookie.
    pub verifier: CookieVerifier,
    /// Most bytes of names, ids and cookies.
    pub directory_count: u32,
    /// Longest result in bytes.
    pub max_count: u32,
}

/// `COMMIT3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitArgs {
    /// The file.
    pub file: FileHandle,
    /// First byte to commit.
    pub offset: u64,
    /// Bytes to commit; 0 means all to the end of the file.
    pub count: u32,
}

macro_rules! decoders {
    ($($(#[$doc:meta])* $name:ident: $reader:ident -> $output:ty = $body:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`XdrError`], see the [module](self).
        pub fn $name<'a>($reader: &mut Reader<'a>) -> Result<$output, XdrError> {
            $body
        }
    )*};
}

decoders! {
    /// GETATTR: the object.
    getattr: reader -> FileHandle = FileHandle::decode(reader);
    /// SETATTR.
    setattr: reader -> SetattrArgs = Ok(SetattrArgs {
        object: FileHandle::decode(reader)?,
        attributes: SetAttributes::decode(reader)?,
        guard: reader.optional(Time::decode)?,
    });
    /// LOOKUP.
    lookup: reader -> DirectoryEntry<'a> = DirectoryEntry::decode(reader);
    /// ACCESS.
    access: reader -> AccessArgs = Ok(AccessArgs {
        object: FileHandle::decode(reader)?,
        access: reader.u32()?,
    });
    /// READLINK: the symbolic link.
    readlink: reader -> FileHandle = FileHandle::decode(reader);
    /// READ.
    read: reader -> ReadArgs = Ok(ReadArgs {
        file: FileHandle::decode(reader)?,
        offset: reader.u64()?,
        count: reader.u32()?,
    });
    /// REMOVE.
    remove: reader -> DirectoryEntry<'a> = DirectoryEntry::decode(reader);
    /// RMDIR.
    rmdir: reader -> DirectoryEntry<'a> = DirectoryEntry::decode(reader);
    /// RENAME.
    rename: reader -> RenameArgs<'a> = Ok(RenameArgs {
        from: DirectoryEntry::decode(reader)?,
        to: DirectoryEntry::decode(reader)?,
    });
    /// LINK.
    link: reader -> LinkArgs<'a> = Ok(LinkArgs {
        file: FileHandle::decode(reader)?,
        link: DirectoryEntry::decode(reader)?,
    });
    /// READDIR.
    readdir: reader -> ReaddirArgs = Ok(ReaddirArgs {
        directory: FileHandle::decode(reader)?,
        cookie: reader.u64()?,
        verifier: CookieVerifier(reader.fixed()?),
        count: reader.u32()?,
    });
    /// READDIRPLUS.
    readdirplus: reader -> ReaddirplusArgs = Ok(ReaddirplusArgs {
        directory: FileHandle::decode(reader)?,
        cookie: reader.u64()?,
        verifier: CookieVerifier(reader.fixed()?),
        directory_count: reader.u32()?,
        max_count: reader.u32()?,
    });
    /// FSSTAT: any object of the file system.
    fsstat: reader -> FileHandle = FileHandle::decode(reader);
    /// FSINFO: any object of the file system.
    fsinfo: reader -> FileHandle = FileHandle::decode(reader);
    /// PATHCONF: the object.
    pathconf: reader -> FileHandle = FileHandle::decode(reader);
    /// COMMIT.
    commit: reader -> CommitArgs = Ok(CommitArgs {
        file: FileHandle::decode(reader)?,
        offset: reader.u64()?,
        count: reader.u32()?,
    });
}

/// WRITE up to and including the length of the data, which stays unread and need not have
/// arrived.
///
/// # Errors
/// [`XdrError::TooLong`] for more than `max_count` bytes of data, [`XdrError::Invalid`] when the
/// count is not the length of the data, and what the [module](self) says.
pub fn write_head(reader: &mut Reader<'_>, max_count: u32) -> Result<WriteHead, XdrError> {
    let file = FileHandle::decode(reader)?;
    let offset = reader.u64()?;
    let count = reader.u32()?;
    let stable = StableHow::decode(reader)?;
    let data_len = reader.u32()?;
    // RFC 1813 section 3.3.7 lets a server refuse a count that is not the data's length; the
    // Linux server answers GARBAGE_ARGS.
    if data_len != count {
        return Err(XdrError::Invalid);
    }
    if count > max_count {
        return Err(XdrError::TooLong);
    }
    Ok(WriteHead {
        file,
        offset,
        count,
        stable,
    })
}
