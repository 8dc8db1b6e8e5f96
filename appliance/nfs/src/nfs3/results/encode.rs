//! Results that a gateway gives itself. Failures whose attributes are unknown are written by
//! [`crate::nfs3::encode_failure`].

use super::{Access, Commit, Getattr, ReadHead, Write};
use crate::nfs3::FileAttributes;
use crate::nfs3::attributes::encode_post_op;
use crate::xdr::{Overflow, Writer};

impl Getattr {
    /// Writes the result. A success without attributes has no encoding and is written as the
    /// status alone.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.status.0)?;
        match &self.attributes {
            Some(attributes) if self.status.is_ok() => FileAttributes::encode(attributes, writer),
            _ => Ok(()),
        }
    }
}

impl Access {
    /// Writes the result.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.status.0)?;
        encode_post_op(&self.attributes, writer)?;
        if self.status.is_ok() {
            writer.u32(self.access)
        } else {
            Ok(())
        }
    }
}

impl ReadHead {
    /// Longest encoding in bytes.
    pub const MAX_LEN: usize = 104;

    /// Writes the result up to and including the length of the data; after a success `count`
    /// bytes of data and their [`crate::xdr::padding`] must follow.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.status.0)?;
        encode_post_op(&self.attributes, writer)?;
        if !self.status.is_ok() {
            return Ok(());
        }
        writer.u32(self.count)?;
        writer.bool(self.end_of_file)?;
        writer.u32(self.count)
    }
}

impl Write {
    /// Writes the result.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.status.0)?;
        self.file.encode(writer)?;
        match &self.written {
            Some(written) if self.status.is_ok() => {
                writer.u32(written.count)?;
                writer.u32(written.committed as u32)?;
                writer.raw(&written.verifier.0)
            }
            _ => Ok(()),
        }
    }
}

impl Commit {
    /// Writes the result.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.status.0)?;
        self.file.encode(writer)?;
        match &self.verifier {
            Some(verifier) if self.status.is_ok() => writer.raw(&verifier.0),
            _ => Ok(()),
        }
    }
}
