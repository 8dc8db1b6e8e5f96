use super::{Procedure, Status};
use crate::xdr::Bytes;

/// What a `filename3` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameClass {
    /// The name of a directory entry.
    Ordinary,
    /// ".": the directory itself.
    Current,
    /// "..": its parent, which may lie outside the export.
    Parent,
    /// Empty, or with a '/' or NUL in it: no name at all.
    Invalid,
}

/// Says what a name means. LOOKUP may ask for "." and "..", and READDIR returns them.
#[must_use]
pub fn classify_name(name: &Bytes<'_>) -> NameClass {
    if name.is_empty() || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        NameClass::Invalid
    } else if *name == *b"." {
        NameClass::Current
    } else if *name == *b".." {
        NameClass::Parent
    } else {
        NameClass::Ordinary
    }
}

/// The status a procedure refuses a name with, or `None` if an entry of that name is the origin's to
/// judge. LOOKUP may ask for "." and ".."; nobody may create, rename, link or remove them, because ".."
/// may lie outside the export (RFC 1813 sections 3.3.8 to 3.3.15: they always exist).
#[must_use]
pub const fn refuse_name(procedure: Procedure, class: NameClass) -> Option<Status> {
    match (class, procedure) {
        (NameClass::Invalid, _) => Some(Status::INVAL),
        (NameClass::Ordinary, _) | (_, Procedure::Lookup) => None,
        (_, Procedure::Remove | Procedure::Rmdir | Procedure::Rename) => Some(Status::INVAL),
        (NameClass::Current | NameClass::Parent, _) => Some(Status::EXIST),
    }
}
