use super::{Procedure, Status};
use crate::xdr::{Overflow, Writer};

/// Writes the result of a failed call: the status and the attributes that the failure arm of the
/// procedure has, all of them absent. NULL cannot fail, and nothing is written for it. At most 20
/// bytes.
///
/// # Errors
/// [`Overflow`].
pub fn encode_failure(
    writer: &mut Writer<'_>,
    procedure: Procedure,
    status: Status,
) -> Result<(), Overflow> {
    // An absent post_op_attr is one false; an empty wcc_data is two, for before and after.
    let absent_attributes = match procedure {
        Procedure::Null => return Ok(()),
        Procedure::Getattr => 0,
        Procedure::Lookup
        | Procedure::Access
        | Procedure::Readlink
        | Procedure::Read
        | Procedure::Readdir
        | Procedure::Readdirplus
        | Procedure::Fsstat
        | Procedure::Fsinfo
        | Procedure::Pathconf => 1,
        Procedure::Setattr
        | Procedure::Write
        | Procedure::Create
        | Procedure::Mkdir
        | Procedure::Symlink
        | Procedure::Mknod
        | Procedure::Remove
        | Procedure::Rmdir
        | Procedure::Commit => 2,
        // The file's post_op_attr and the directory's wcc_data.
        Procedure::Link => 3,
        // The wcc_data of both directories.
        Procedure::Rename => 4,
    };
    writer.u32(status.0)?;
    (0..absent_attributes).try_for_each(|_| writer.bool(false))
}
