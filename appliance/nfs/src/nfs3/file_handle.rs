use crate::limits;
use crate::xdr::{Bytes, Overflow, Reader, Writer, XdrError};
use core::fmt;
use core::hash::{Hash, Hasher};

/// `nfs_fh3`: what a server calls a file, up to 64 opaque bytes (RFC 1813 section 2.3.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileHandle {
    /// Zero from `len` on, so that the derived equality is that of the handles.
    bytes: [u8; limits::FILE_HANDLE],
    len: u8,
}

impl FileHandle {
    /// A handle of these bytes; `None` for more than 64.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut handle = [0; limits::FILE_HANDLE];
        Bytes::contiguous(bytes).copy_to(&mut handle)?;
        Some(FileHandle {
            bytes: handle,
            len: u8::try_from(bytes.len()).ok()?,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Reads a handle.
    ///
    /// # Errors
    /// [`XdrError::TooLong`] above 64 bytes; [`XdrError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        let (bytes, len) = reader.opaque_array()?;
        Ok(FileHandle {
            bytes,
            len: u8::try_from(len).map_err(|_| XdrError::TooLong)?,
        })
    }

    /// Writes the handle; also the whole arguments of GETATTR, READLINK, FSSTAT, FSINFO and
    /// PATHCONF.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.opaque(self.as_bytes())
    }
}

impl Hash for FileHandle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for FileHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FileHandle(")?;
        for byte in self.as_bytes() {
            write!(formatter, "{byte:02x}")?;
        }
        formatter.write_str(")")
    }
}
