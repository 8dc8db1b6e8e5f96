use crate::nfs3::{FileHandle, PostOp, Procedure, Status, WccData};
use crate::xdr::{Reader, XdrError};

/// What a result says about files, whichever procedure it is of.
///
/// Which files these are is in the arguments: the *object* is what the call's handle names, or
/// what it found or created; the *directory* is that of the entry it looked up, created, removed
/// or renamed; the *target directory* is that of RENAME's new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Outcome; NULL has none and counts as `NFS3_OK`.
    pub status: Status,
    /// Attributes of the object. Those of READDIR and READDIRPLUS are the directory's, whose
    /// handle they are called with, and stand here.
    pub object: WccData,
    /// Attributes of the directory.
    pub directory: WccData,
    /// Attributes of the directory of RENAME's new name.
    pub target_directory: WccData,
    /// Handle of the object found or created. Those in a READDIRPLUS result are not here.
    pub handle: Option<FileHandle>,
}

impl Learned {
    fn nothing(status: Status) -> Self {
        Learned {
            status,
            object: WccData::default(),
            directory: WccData::default(),
            target_directory: WccData::default(),
            handle: None,
        }
    }
}

const fn after_only(after: PostOp) -> WccData {
    WccData {
        before: None,
        after,
    }
}

/// Reads the results of any procedure. Left unread are the data of READ and the entries of
/// READDIR and READDIRPLUS; READ's data may have any length.
///
/// # Errors
/// [`XdrError`], see the [module](super).
pub fn learn(procedure: Procedure, reader: &mut Reader<'_>) -> Result<Learned, XdrError> {
    Ok(match procedure {
        Procedure::Null => Learned::nothing(Status::OK),
        Procedure::Getattr
        | Procedure::Access
        | Procedure::Readlink
        | Procedure::Read
        | Procedure::Readdir
        | Procedure::Readdirplus
        | Procedure::Fsstat
        | Procedure::Fsinfo
        | Procedure::Pathconf => {
            let (status, after) = status_and_attributes(procedure, reader)?;
            Learned {
                object: after_only(after),
                ..Learned::nothing(status)
            }
        }
        Procedure::Setattr => {
            let result = super::setattr(reader)?;
            Learned {
                object: result.object,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Lookup => {
            let result = super::lookup(reader)?;
            Learned {
                object: after_only(result.attributes),
                directory: after_only(result.directory),
                handle: result.handle,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Write => {
            let result = super::write(reader)?;
            Learned {
                object: result.file,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Create | Procedure::Mkdir | Procedure::Symlink | Procedure::Mknod => {
            let result = super::created(reader)?;
            Learned {
                object: after_only(result.attributes),
                directory: result.directory,
                handle: result.handle,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Remove | Procedure::Rmdir => {
            let result = super::removed(reader)?;
            Learned {
                directory: result.directory,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Rename => {
            let result = super::rename(reader)?;
            Learned {
                directory: result.from_directory,
                target_directory: result.to_directory,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Link => {
            let result = super::link(reader)?;
            Learned {
                object: after_only(result.attributes),
                directory: result.directory,
                ..Learned::nothing(result.status)
            }
        }
        Procedure::Commit => {
            let result = super::commit(reader)?;
            Learned {
                object: result.file,
                ..Learned::nothing(result.status)
            }
        }
    })
}

/// The procedures that tell the attributes of their object and nothing else about files.
fn status_and_attributes(
    procedure: Procedure,
    reader: &mut Reader<'_>,
) -> Result<(Status, PostOp), XdrError> {
    macro_rules! attributes_of {
        ($result:expr, $field:ident) => {{
            let result = $result?;
            Ok((result.status, result.$field))
        }};
    }
    match procedure {
        Procedure::Access => attributes_of!(super::access(reader), attributes),
        Procedure::Readlink => attributes_of!(super::readlink(reader), attributes),
        Procedure::Read => attributes_of!(super::read_head(reader, u32::MAX), attributes),
        Procedure::Readdir => attributes_of!(super::readdir(reader), directory),
        Procedure::Readdirplus => attributes_of!(super::readdirplus(reader), directory),
        Procedure::Fsstat => attributes_of!(super::fsstat(reader), attributes),
        Procedure::Fsinfo => attributes_of!(super::fsinfo(reader), attributes),
        Procedure::Pathconf => attributes_of!(super::pathconf(reader), attributes),
        _ => attributes_of!(super::getattr(reader), attributes),
    }
}
