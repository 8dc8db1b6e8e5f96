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

/// Whether the name can be that of an object created, renamed, linked or removed: not empty,
/// without '/' and NUL, neither "." nor "..".
#[must_use]
pub fn is_valid_name(name: &Bytes<'_>) -> bool {
    classify_name(name) == NameClass::Ordinary
}
