//! Arguments of the calls a gateway makes on its own. Those that are a handle alone are written
//! by [`crate::nfs3::FileHandle::encode`].

use super::{AccessArgs, CommitArgs, DirectoryEntry, ReadArgs, WriteHead};
use crate::xdr::{Overflow, Writer};

impl DirectoryEntry<'_> {
    /// Writes the arguments.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        self.directory.encode(writer)?;
        writer.opaque_bytes(self.name)
    }
}

impl AccessArgs {
    /// Writes the arguments.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        self.object.encode(writer)?;
        writer.u32(self.access)
    }
}

impl ReadArgs {
    /// Writes the arguments.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        self.file.encode(writer)?;
        writer.u64(self.offset)?;
        writer.u32(self.count)
    }
}

impl WriteHead {
    /// Writes the arguments up to and including the length of the data; `count` bytes of data
    /// and their [`crate::xdr::padding`] must follow.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        self.file.encode(writer)?;
        writer.u64(self.offset)?;
        writer.u32(self.count)?;
        writer.u32(self.stable as u32)?;
        writer.u32(self.count)
    }
}

impl CommitArgs {
    /// Writes the arguments.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        self.file.encode(writer)?;
        writer.u64(self.offset)?;
        writer.u32(self.count)
    }
}
