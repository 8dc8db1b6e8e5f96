use crate::xdr::{Overflow, Reader, Writer, XdrError};

/// `ftype3` (RFC 1813 section 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// Regular file
    Regular = 1,
    /// Directory
    Directory = 2,
    /// Block device
    BlockDevice = 3,
    /// Character device
    CharacterDevice = 4,
    /// Symbolic link
    SymbolicLink = 5,
    /// Socket
    Socket = 6,
    /// Named pipe
    Fifo = 7,
}

impl FileType {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(match reader.u32()? {
            1 => FileType::Regular,
            2 => FileType::Directory,
            3 => FileType::BlockDevice,
            4 => FileType::CharacterDevice,
            5 => FileType::SymbolicLink,
            6 => FileType::Socket,
            7 => FileType::Fifo,
            _ => return Err(XdrError::Invalid),
        })
    }
}

/// `nfstime3`: since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds.
    pub seconds: u32,
    /// Nanoseconds, not checked to be below 10⁹.
    pub nanoseconds: u32,
}

impl Time {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(Time {
            seconds: reader.u32()?,
            nanoseconds: reader.u32()?,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.seconds)?;
        writer.u32(self.nanoseconds)
    }
}

/// `specdata3`: major and minor number of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceNumber {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl DeviceNumber {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(DeviceNumber {
            major: reader.u32()?,
            minor: reader.u32()?,
        })
    }
}

/// `fattr3`: the attributes of a file (RFC 1813 section 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileAttributes {
    /// Type of the object.
    pub file_type: FileType,
    /// Permission bits.
    pub mode: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Disk space used in bytes.
    pub used: u64,
    /// Device number, of devices.
    pub rdev: DeviceNumber,
    /// Identifies the file system.
    pub fsid: u64,
    /// Identifies the file within its file system.
    pub fileid: u64,
    /// Last access.
    pub atime: Time,
    /// Last modification of the data.
    pub mtime: Time,
    /// Last change of the attributes.
    pub ctime: Time,
}

impl FileAttributes {
    /// Length on the wire in bytes.
    pub const LEN: usize = 84;

    /// Reads the attributes.
    ///
    /// # Errors
    /// [`XdrError::Invalid`] for an unknown file type; [`XdrError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(FileAttributes {
            file_type: FileType::decode(reader)?,
            mode: reader.u32()?,
            nlink: reader.u32()?,
            uid: reader.u32()?,
            gid: reader.u32()?,
            size: reader.u64()?,
            used: reader.u64()?,
            rdev: DeviceNumber::decode(reader)?,
            fsid: reader.u64()?,
            fileid: reader.u64()?,
            atime: Time::decode(reader)?,
            mtime: Time::decode(reader)?,
            ctime: Time::decode(reader)?,
        })
    }

    /// Writes the attributes.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        let halves = |value: u64| [(value >> 32) as u32, (value & 0xffff_ffff) as u32];
        let ([size, size_low], [used, used_low]) = (halves(self.size), halves(self.used));
        let ([fsid, fsid_low], [fileid, fileid_low]) = (halves(self.fsid), halves(self.fileid));
        // All at once: nearly every reply has attributes.
        let words = [
            self.file_type as u32,
            self.mode,
            self.nlink,
            self.uid,
            self.gid,
            size,
            size_low,
            used,
            used_low,
            self.rdev.major,
            self.rdev.minor,
            fsid,
            fsid_low,
            fileid,
            fileid_low,
            self.atime.seconds,
            self.atime.nanoseconds,
            self.mtime.seconds,
            self.mtime.nanoseconds,
            self.ctime.seconds,
            self.ctime.nanoseconds,
        ];
        writer.raw(words.map(u32::to_be_bytes).as_flattened())
    }

    /// The part of them that weak cache consistency compares.
    #[must_use]
    pub const fn wcc(&self) -> WccAttributes {
        WccAttributes {
            size: self.size,
            mtime: self.mtime,
            ctime: self.ctime,
        }
    }
}

/// `wcc_attr`: attributes from before an operation (RFC 1813 section 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WccAttributes {
    /// Size in bytes.
    pub size: u64,
    /// Last modification of the data.
    pub mtime: Time,
    /// Last change of the attributes.
    pub ctime: Time,
}

impl WccAttributes {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(WccAttributes {
            size: reader.u64()?,
            mtime: Time::decode(reader)?,
            ctime: Time::decode(reader)?,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u64(self.size)?;
        self.mtime.encode(writer)?;
        self.ctime.encode(writer)
    }
}

/// `pre_op_attr`: attributes from before an operation, if the server sent them.
pub type PreOp = Option<WccAttributes>;

/// `post_op_attr`: attributes from after an operation, if the server sent them.
pub type PostOp = Option<FileAttributes>;

pub(super) fn decode_post_op(reader: &mut Reader<'_>) -> Result<PostOp, XdrError> {
    reader.optional(FileAttributes::decode)
}

pub(super) fn encode_post_op(post_op: &PostOp, writer: &mut Writer<'_>) -> Result<(), Overflow> {
    writer.optional(post_op.as_ref(), FileAttributes::encode)
}

/// `wcc_data`: attributes from before and after an operation, taken in one atomic step if both
/// are there (RFC 1813 section 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WccData {
    /// From before the operation.
    pub before: PreOp,
    /// From after the operation.
    pub after: PostOp,
}

impl WccData {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(WccData {
            before: reader.optional(WccAttributes::decode)?,
            after: decode_post_op(reader)?,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.optional(self.before.as_ref(), WccAttributes::encode)?;
        encode_post_op(&self.after, writer)
    }
}

/// `set_atime`, `set_mtime`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetTime {
    /// Leave it.
    #[default]
    DontChange,
    /// Set it to the server's time.
    ServerTime,
    /// Set it to this time.
    ClientTime(Time),
}

impl SetTime {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(match reader.u32()? {
            0 => SetTime::DontChange,
            1 => SetTime::ServerTime,
            2 => SetTime::ClientTime(Time::decode(reader)?),
            _ => return Err(XdrError::Invalid),
        })
    }
}

/// `sattr3`: attributes to be set; `None` leaves one as it is (RFC 1813 section 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttributes {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Size in bytes: truncates or extends.
    pub size: Option<u64>,
    /// Last access.
    pub atime: SetTime,
    /// Last modification.
    pub mtime: SetTime,
}

impl SetAttributes {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(SetAttributes {
            mode: reader.optional(Reader::u32)?,
            uid: reader.optional(Reader::u32)?,
            gid: reader.optional(Reader::u32)?,
            size: reader.optional(Reader::u64)?,
            atime: SetTime::decode(reader)?,
            mtime: SetTime::decode(reader)?,
        })
    }
}
