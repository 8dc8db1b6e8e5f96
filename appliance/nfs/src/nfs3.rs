//! NFS version 3 (RFC 1813): arguments, results, failure replies.

pub mod args;
mod attributes;
mod failure;
mod file_handle;
mod name;
mod procedure;
pub mod results;
mod status;

pub use attributes::{
    DeviceNumber, FileAttributes, FileType, PostOp, PreOp, SetAttributes, SetTime, Time,
    WccAttributes, WccData,
};
pub use failure::encode_failure;
pub use file_handle::FileHandle;
pub use name::{NameClass, classify_name, refuse_name};
pub use procedure::{Procedure, UnknownProcedure};
pub use status::Status;

/// RPC program number of NFS.
pub const PROGRAM: u32 = 100_003;

/// The version of this module.
pub const VERSION: u32 = 3;

/// TCP port of NFS.
pub const PORT: u16 = 2049;

/// Rights that ACCESS asks about (RFC 1813 section 3.3.4).
pub mod access {
    /// Read data from a file or read a directory.
    pub const READ: u32 = 0x01;
    /// Look up a name in a directory.
    pub const LOOKUP: u32 = 0x02;
    /// Rewrite existing file data or modify existing directory entries.
    pub const MODIFY: u32 = 0x04;
    /// Write new data or add directory entries.
    pub const EXTEND: u32 = 0x08;
    /// Delete an existing directory entry.
    pub const DELETE: u32 = 0x10;
    /// Execute a file.
    pub const EXECUTE: u32 = 0x20;
}

/// Bits of the FSINFO result's `properties` (RFC 1813 section 3.3.19).
pub mod properties {
    /// Hard links are supported.
    pub const LINK: u32 = 0x01;
    /// Symbolic links are supported.
    pub const SYMLINK: u32 = 0x02;
    /// PATHCONF is the same for every object of the file system.
    pub const HOMOGENEOUS: u32 = 0x08;
    /// Times can be set by SETATTR.
    pub const CAN_SET_TIME: u32 = 0x10;
}

/// How stable written data must be: `stable_how` (RFC 1813 section 3.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StableHow {
    /// The server may answer before the data is stable.
    Unstable = 0,
    /// The data and what is needed to retrieve it must be stable.
    DataSync = 1,
    /// Data and all metadata must be stable.
    FileSync = 2,
}

impl StableHow {
    fn decode(reader: &mut crate::xdr::Reader<'_>) -> Result<Self, crate::xdr::XdrError> {
        match reader.u32()? {
            0 => Ok(StableHow::Unstable),
            1 => Ok(StableHow::DataSync),
            2 => Ok(StableHow::FileSync),
            _ => Err(crate::xdr::XdrError::Invalid),
        }
    }
}

/// Verifier of a server instance in WRITE and COMMIT results: it changes when uncommitted data
/// may be lost (RFC 1813 section 3.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteVerifier(pub [u8; 8]);

/// Says that a directory cookie is still valid (RFC 1813 section 3.3.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieVerifier(pub [u8; 8]);
