//! XDR (RFC 4506) over scattered bytes: nothing is copied but numbers and file handles.

mod bytes;
mod reader;
mod writer;

pub use bytes::{Bytes, Slices};
pub use reader::Reader;
pub use writer::{Overflow, Writer};

/// Why a value could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum XdrError {
    /// The bytes end before the value does. While a message still arrives: more bytes needed.
    #[error("the bytes end before the value does")]
    Short,
    /// A length on the wire is above the bound of its field.
    #[error("a length is above the bound of its field")]
    TooLong,
    /// A value that the field's type does not have.
    #[error("a value that the type does not have")]
    Invalid,
}

/// How many zero bytes follow `len` bytes of opaque data: 0 to 3 (RFC 4506 section 4.10).
#[must_use]
pub const fn padding(len: usize) -> usize {
    len.wrapping_neg() & 3
}
