//! NFSACL version 3: access control lists beside NFSv3, passed through by a gateway.
//!
//! The protocol has no RFC. It came with Solaris and is spoken by Linux; every argument begins
//! with the file handle.

use crate::nfs3::{FileHandle, PostOp, Status};
use crate::xdr::{Overflow, Reader, Writer, XdrError};

/// RPC program number of NFSACL.
pub const PROGRAM: u32 = 100_227;

/// The version of this module.
pub const VERSION: u32 = 3;

/// The procedures of NFSACL version 3, numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Procedure {
    /// Does nothing.
    Null = 0,
    /// Gives the access control lists of a file.
    Getacl = 1,
    /// Sets the access control lists of a file.
    Setacl = 2,
    /// Gives the directory of the extended attributes of a file; Linux does not have it.
    Getxattrdir = 3,
}

impl Procedure {
    /// The procedure of this number; `None` if there is none: `PROC_UNAVAIL`.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Procedure::Null,
            1 => Procedure::Getacl,
            2 => Procedure::Setacl,
            3 => Procedure::Getxattrdir,
            _ => return None,
        })
    }
}

/// Reads the file handle that the arguments of every procedure but NULL begin with. What follows
/// it is not checked.
///
/// # Errors
/// [`XdrError::Short`], [`XdrError::TooLong`].
pub fn decode_handle(reader: &mut Reader<'_>) -> Result<FileHandle, XdrError> {
    FileHandle::decode(reader)
}

/// The beginning of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultHead {
    /// Outcome.
    pub status: Status,
    /// Attributes of the file.
    pub attributes: PostOp,
    /// The attribute directory, which a successful GETXATTRDIR gives: its attributes are those
    /// above.
    pub handle: Option<FileHandle>,
}

/// Reads the beginning of the results of `procedure`. The access control lists of GETACL are left
/// unread.
///
/// # Errors
/// [`XdrError`].
pub fn decode_result_head(
    procedure: Procedure,
    reader: &mut Reader<'_>,
) -> Result<ResultHead, XdrError> {
    if procedure == Procedure::Null {
        return Ok(ResultHead {
            status: Status::OK,
            attributes: None,
            handle: None,
        });
    }
    let status = Status(reader.u32()?);
    let handle = match procedure {
        Procedure::Getxattrdir if status.is_ok() => Some(FileHandle::decode(reader)?),
        // Its failure arm is empty.
        Procedure::Getxattrdir => {
            return Ok(ResultHead {
                status,
                attributes: None,
                handle: None,
            });
        }
        Procedure::Null | Procedure::Getacl | Procedure::Setacl => None,
    };
    let attributes = reader.optional(crate::nfs3::FileAttributes::decode)?;
    Ok(ResultHead {
        status,
        attributes,
        handle,
    })
}

/// Writes the result of a failed call: the status and, for GETACL and SETACL, an absent
/// `post_op_attr`. NULL cannot fail, and nothing is written for it.
///
/// # Errors
/// [`Overflow`].
pub fn encode_failure(
    writer: &mut Writer<'_>,
    procedure: Procedure,
    status: Status,
) -> Result<(), Overflow> {
    match procedure {
        Procedure::Null => Ok(()),
        Procedure::Getxattrdir => writer.u32(status.0),
        Procedure::Getacl | Procedure::Setacl => {
            writer.u32(status.0)?;
            writer.bool(false)
        }
    }
}
