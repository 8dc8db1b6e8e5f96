//! MOUNT protocol version 3 (RFC 1813 appendix I): arguments and results.

use crate::limits;
use crate::nfs3::FileHandle;
use crate::xdr::{Bytes, Overflow, Reader, Writer, XdrError};

/// RPC program number of MOUNT.
pub const PROGRAM: u32 = 100_005;

/// The version of this module.
pub const VERSION: u32 = 3;

/// TCP port where MOUNT is commonly found; registered for it.
pub const PORT: u16 = 20048;

/// The procedures of MOUNT version 3, numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Procedure {
    /// Does nothing.
    Null = 0,
    /// Gives the file handle of an export.
    Mnt = 1,
    /// Lists what is mounted.
    Dump = 2,
    /// Forgets a mount.
    Umnt = 3,
    /// Forgets all mounts of the client.
    Umntall = 4,
    /// Lists the exports.
    Export = 5,
}

impl Procedure {
    /// The procedure of this number; `None` if there is none: `PROC_UNAVAIL`.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Procedure::Null,
            1 => Procedure::Mnt,
            2 => Procedure::Dump,
            3 => Procedure::Umnt,
            4 => Procedure::Umntall,
            5 => Procedure::Export,
            _ => return None,
        })
    }
}

/// `mountstat3`. A status that the RFC does not know is kept as it is and counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MountStatus(pub u32);

impl MountStatus {
    /// The call succeeded.
    pub const OK: Self = MountStatus(0);
    /// Not owner.
    pub const PERM: Self = MountStatus(1);
    /// No such file or directory.
    pub const NOENT: Self = MountStatus(2);
    /// I/O error.
    pub const IO: Self = MountStatus(5);
    /// Permission denied.
    pub const ACCES: Self = MountStatus(13);
    /// Not a directory.
    pub const NOTDIR: Self = MountStatus(20);
    /// Invalid argument.
    pub const INVAL: Self = MountStatus(22);
    /// The path is too long.
    pub const NAMETOOLONG: Self = MountStatus(63);
    /// Operation not supported.
    pub const NOTSUPP: Self = MountStatus(10004);
    /// A failure on the server.
    pub const SERVERFAULT: Self = MountStatus(10006);

    /// Whether it is `MNT3_OK`.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == MountStatus::OK.0
    }
}

/// Reads the arguments of MNT and UMNT: the path, at most [`limits::MOUNT_PATH`] bytes. The other
/// procedures have none.
///
/// # Errors
/// [`XdrError::Short`], [`XdrError::TooLong`].
pub fn decode_path<'a>(reader: &mut Reader<'a>) -> Result<Bytes<'a>, XdrError> {
    reader.opaque(limits::MOUNT_PATH)
}

/// Writes the arguments of MNT and UMNT.
///
/// # Errors
/// [`Overflow`].
pub fn encode_path(writer: &mut Writer<'_>, path: &[u8]) -> Result<(), Overflow> {
    writer.opaque(path)
}

/// `mountres3`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MntResult<'a> {
    /// Outcome.
    pub status: MountStatus,
    /// Handle of the export's root; `None` after a failure.
    pub handle: Option<FileHandle>,
    flavors: Bytes<'a>,
}

impl<'a> MntResult<'a> {
    /// The authentication flavors that the server accepts, best first.
    pub fn flavors(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut reader = self.flavors.reader();
        core::iter::from_fn(move || reader.u32().ok())
    }
}

/// Reads the results of MNT.
///
/// # Errors
/// [`XdrError::Short`]; [`XdrError::TooLong`] for a handle above 64 bytes or more than
/// [`limits::AUTH_FLAVORS`] flavors.
pub fn decode_mnt_result<'a>(reader: &mut Reader<'a>) -> Result<MntResult<'a>, XdrError> {
    let status = MountStatus(reader.u32()?);
    if !status.is_ok() {
        return Ok(MntResult {
            status,
            handle: None,
            flavors: Bytes::default(),
        });
    }
    let handle = Some(FileHandle::decode(reader)?);
    let count = reader.length(limits::AUTH_FLAVORS)?;
    let flavors = reader.raw(count.saturating_mul(size_of::<u32>()))?;
    Ok(MntResult {
        status,
        handle,
        flavors,
    })
}

/// Writes the results of a successful MNT.
///
/// # Errors
/// [`Overflow`]; also for more flavors than 32 bits count.
pub fn encode_mnt_success(
    writer: &mut Writer<'_>,
    handle: &FileHandle,
    flavors: &[u32],
) -> Result<(), Overflow> {
    writer.u32(MountStatus::OK.0)?;
    handle.encode(writer)?;
    writer.u32(u32::try_from(flavors.len()).map_err(|_| Overflow)?)?;
    flavors.iter().try_for_each(|flavor| writer.u32(*flavor))
}

/// Writes the results of a failed MNT.
///
/// # Errors
/// [`Overflow`].
pub fn encode_mnt_failure(writer: &mut Writer<'_>, status: MountStatus) -> Result<(), Overflow> {
    writer.u32(status.0)
}

/// Writes the results of DUMP: client name and path of each mount.
///
/// # Errors
/// [`Overflow`].
pub fn encode_dump<'a>(
    writer: &mut Writer<'_>,
    mounts: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), Overflow> {
    for (client, path) in mounts {
        writer.bool(true)?;
        writer.opaque(client)?;
        writer.opaque(path)?;
    }
    writer.bool(false)
}

/// Reads one entry of the results of DUMP: client name and path; `None` at the end of the list.
///
/// # Errors
/// [`XdrError`].
pub fn decode_dump_entry<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<(Bytes<'a>, Bytes<'a>)>, XdrError> {
    reader.optional(|reader| {
        Ok((
            reader.opaque(limits::MOUNT_NAME)?,
            reader.opaque(limits::MOUNT_PATH)?,
        ))
    })
}

/// Writes the results of EXPORT: the path of each export, with no groups, which means everyone.
///
/// # Errors
/// [`Overflow`].
pub fn encode_exports<'a>(
    writer: &mut Writer<'_>,
    paths: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), Overflow> {
    for path in paths {
        writer.bool(true)?;
        writer.opaque(path)?;
        writer.bool(false)?;
    }
    writer.bool(false)
}

/// Reads one entry of the results of EXPORT, its groups skipped: the path; `None` at the end of
/// the list.
///
/// # Errors
/// [`XdrError`].
pub fn decode_export_entry<'a>(reader: &mut Reader<'a>) -> Result<Option<Bytes<'a>>, XdrError> {
    reader.optional(|reader| {
        let path = reader.opaque(limits::MOUNT_PATH)?;
        while reader
            .optional(|reader| reader.opaque(limits::MOUNT_NAME))?
            .is_some()
        {}
        Ok(path)
    })
}
