use super::DirectoryEntry;
use crate::limits;
use crate::nfs3::{DeviceNumber, FileType, SetAttributes};
use crate::xdr::{Bytes, Reader, XdrError};

/// `CREATE3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateArgs<'a> {
    /// The file to create.
    pub place: DirectoryEntry<'a>,
    /// How.
    pub how: CreateHow,
}

/// `createhow3` (RFC 1813 section 3.3.8)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateHow {
    /// An existing file is taken, and set to these attributes: a size of 0 truncates it.
    Unchecked(SetAttributes),
    /// An existing file is an error.
    Guarded(SetAttributes),
    /// An existing file is an error unless it was created with the same verifier.
    Exclusive([u8; 8]),
}

/// `MKDIR3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MkdirArgs<'a> {
    /// The directory to create.
    pub place: DirectoryEntry<'a>,
    /// Its attributes.
    pub attributes: SetAttributes,
}

/// `SYMLINK3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymlinkArgs<'a> {
    /// The symbolic link to create.
    pub place: DirectoryEntry<'a>,
    /// Its attributes.
    pub attributes: SetAttributes,
    /// What it contains, at most [`limits::PATH`] bytes.
    pub target: Bytes<'a>,
}

/// `MKNOD3args`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MknodArgs<'a> {
    /// The object to create.
    pub place: DirectoryEntry<'a>,
    /// What it is.
    pub object: MknodObject,
}

/// `mknoddata3` (RFC 1813 section 3.3.11)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MknodObject {
    /// A block or character device.
    Device {
        /// Which of the two.
        file_type: FileType,
        /// Its attributes.
        attributes: SetAttributes,
        /// Its number.
        number: DeviceNumber,
    },
    /// A socket or named pipe.
    Special {
        /// Which of the two.
        file_type: FileType,
        /// Its attributes.
        attributes: SetAttributes,
    },
    /// A type that MKNOD does not create; the server answers `NFS3ERR_BADTYPE`.
    Other(FileType),
}

/// CREATE.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn create<'a>(reader: &mut Reader<'a>) -> Result<CreateArgs<'a>, XdrError> {
    let place = DirectoryEntry::decode(reader)?;
    let how = match reader.u32()? {
        0 => CreateHow::Unchecked(SetAttributes::decode(reader)?),
        1 => CreateHow::Guarded(SetAttributes::decode(reader)?),
        2 => CreateHow::Exclusive(reader.fixed()?),
        _ => return Err(XdrError::Invalid),
    };
    Ok(CreateArgs { place, how })
}

/// MKDIR.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn mkdir<'a>(reader: &mut Reader<'a>) -> Result<MkdirArgs<'a>, XdrError> {
    Ok(MkdirArgs {
        place: DirectoryEntry::decode(reader)?,
        attributes: SetAttributes::decode(reader)?,
    })
}

/// SYMLINK.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn symlink<'a>(reader: &mut Reader<'a>) -> Result<SymlinkArgs<'a>, XdrError> {
    Ok(SymlinkArgs {
        place: DirectoryEntry::decode(reader)?,
        attributes: SetAttributes::decode(reader)?,
        target: reader.opaque(limits::PATH)?,
    })
}

/// MKNOD.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn mknod<'a>(reader: &mut Reader<'a>) -> Result<MknodArgs<'a>, XdrError> {
    let place = DirectoryEntry::decode(reader)?;
    let file_type = FileType::decode(reader)?;
    let object = match file_type {
        FileType::BlockDevice | FileType::CharacterDevice => MknodObject::Device {
            file_type,
            attributes: SetAttributes::decode(reader)?,
            number: DeviceNumber::decode(reader)?,
        },
        FileType::Socket | FileType::Fifo => MknodObject::Special {
            file_type,
            attributes: SetAttributes::decode(reader)?,
        },
        FileType::Regular | FileType::Directory | FileType::SymbolicLink => {
            MknodObject::Other(file_type)
        }
    };
    Ok(MknodArgs { place, object })
}
