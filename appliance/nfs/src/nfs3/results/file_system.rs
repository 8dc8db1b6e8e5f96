use super::{decode_post_op, decode_status};
use crate::nfs3::{PostOp, Status, Time};
use crate::xdr::{Reader, XdrError};

/// `FSSTAT3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fsstat {
    /// Outcome.
    pub status: Status,
    /// Attributes of the object.
    pub attributes: PostOp,
    /// The numbers; `None` after a failure.
    pub values: Option<FsstatValues>,
}

/// What changes about a file system (RFC 1813 section 3.3.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsstatValues {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
    /// Free bytes that this user may use.
    pub available_bytes: u64,
    /// File slots.
    pub total_files: u64,
    /// Free file slots.
    pub free_files: u64,
    /// Free file slots that this user may use.
    pub available_files: u64,
    /// For how many seconds nothing of this is expected to change.
    pub invariant_seconds: u32,
}

/// `FSINFO3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fsinfo {
    /// Outcome.
    pub status: Status,
    /// Attributes of the object.
    pub attributes: PostOp,
    /// The numbers; `None` after a failure.
    pub values: Option<FsinfoValues>,
}

/// What does not change about a file system (RFC 1813 section 3.3.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsinfoValues {
    /// Transfer sizes.
    pub limits: FsinfoLimits,
    /// Where they lie in the message, as [`Reader::position`] counts: seven words in the order
    /// of the fields of [`FsinfoLimits`], to be overwritten by [`FsinfoLimits::to_bytes`].
    pub limits_position: usize,
    /// Largest file in bytes.
    pub max_file_size: u64,
    /// Granularity of times.
    pub time_delta: Time,
    /// Bits of [`crate::nfs3::properties`].
    pub properties: u32,
}

/// Transfer sizes of a server in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsinfoLimits {
    /// `rtmax`: largest READ.
    pub read_max: u32,
    /// `rtpref`: preferred READ.
    pub read_preferred: u32,
    /// `rtmult`: READ sizes should be multiples of it.
    pub read_multiple: u32,
    /// `wtmax`: largest WRITE.
    pub write_max: u32,
    /// `wtpref`: preferred WRITE.
    pub write_preferred: u32,
    /// `wtmult`: WRITE sizes should be multiples of it.
    pub write_multiple: u32,
    /// `dtpref`: preferred READDIR.
    pub directory_preferred: u32,
}

impl FsinfoLimits {
    /// Length on the wire in bytes.
    pub const LEN: usize = 28;

    /// No transfer larger than these: what a gateway with its own limits tells its clients.
    #[must_use]
    pub fn clamped(self, read_max: u32, write_max: u32) -> Self {
        FsinfoLimits {
            read_max: self.read_max.min(read_max),
            read_preferred: self.read_preferred.min(read_max),
            write_max: self.write_max.min(write_max),
            write_preferred: self.write_preferred.min(write_max),
            directory_preferred: self.directory_preferred.min(read_max),
            ..self
        }
    }

    /// The seven words as they are on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let words = [
            self.read_max,
            self.read_preferred,
            self.read_multiple,
            self.write_max,
            self.write_preferred,
            self.write_multiple,
            self.directory_preferred,
        ];
        let mut bytes = [0; Self::LEN];
        for (place, word) in bytes.chunks_exact_mut(size_of::<u32>()).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(FsinfoLimits {
            read_max: reader.u32()?,
            read_preferred: reader.u32()?,
            read_multiple: reader.u32()?,
            write_max: reader.u32()?,
            write_preferred: reader.u32()?,
            write_multiple: reader.u32()?,
            directory_preferred: reader.u32()?,
        })
    }
}

/// `PATHCONF3res`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pathconf {
    /// Outcome.
    pub status: Status,
    /// Attributes of the object.
    pub attributes: PostOp,
    /// The values; `None` after a failure.
    pub values: Option<PathconfValues>,
}

/// POSIX path properties (RFC 1813 section 3.3.20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of RFC 1813")]
pub struct PathconfValues {
    /// Most hard links to an object.
    pub link_max: u32,
    /// Longest name in bytes.
    pub name_max: u32,
    /// Longer names are refused, not cut.
    pub no_trunc: bool,
    /// Only a privileged user may change the owner.
    pub chown_restricted: bool,
    /// Upper and lower case are the same.
    pub case_insensitive: bool,
    /// Upper and lower case are kept.
    pub case_preserving: bool,
}

/// FSSTAT.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn fsstat(reader: &mut Reader<'_>) -> Result<Fsstat, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    let values = if status.is_ok() {
        Some(FsstatValues {
            total_bytes: reader.u64()?,
            free_bytes: reader.u64()?,
            available_bytes: reader.u64()?,
            total_files: reader.u64()?,
            free_files: reader.u64()?,
            available_files: reader.u64()?,
            invariant_seconds: reader.u32()?,
        })
    } else {
        None
    };
    Ok(Fsstat {
        status,
        attributes,
        values,
    })
}

/// FSINFO.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn fsinfo(reader: &mut Reader<'_>) -> Result<Fsinfo, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    let values = if status.is_ok() {
        Some(FsinfoValues {
            limits_position: reader.position(),
            limits: FsinfoLimits::decode(reader)?,
            max_file_size: reader.u64()?,
            time_delta: Time::decode(reader)?,
            properties: reader.u32()?,
        })
    } else {
        None
    };
    Ok(Fsinfo {
        status,
        attributes,
        values,
    })
}

/// PATHCONF.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn pathconf(reader: &mut Reader<'_>) -> Result<Pathconf, XdrError> {
    let status = decode_status(reader)?;
    let attributes = decode_post_op(reader)?;
    let values = if status.is_ok() {
        Some(PathconfValues {
            link_max: reader.u32()?,
            name_max: reader.u32()?,
            no_trunc: reader.bool()?,
            chown_restricted: reader.bool()?,
            case_insensitive: reader.bool()?,
            case_preserving: reader.bool()?,
        })
    } else {
        None
    };
    Ok(Pathconf {
        status,
        attributes,
        values,
    })
}
