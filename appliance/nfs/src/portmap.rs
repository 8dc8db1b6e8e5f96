//! Port mapper, version 2 of the rpcbind program (RFC 1833 section 3).

use crate::xdr::{Overflow, Reader, Writer, XdrError};

/// RPC program number of the port mapper and of rpcbind.
pub const PROGRAM: u32 = 100_000;

/// The version of this module.
pub const VERSION: u32 = 2;

/// TCP and UDP port of the port mapper.
pub const PORT: u16 = 111;

/// Protocol number of TCP in a [`Mapping`].
pub const PROTOCOL_TCP: u32 = 6;

/// Protocol number of UDP in a [`Mapping`].
pub const PROTOCOL_UDP: u32 = 17;

/// The procedures of the port mapper, numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Procedure {
    /// Does nothing.
    Null = 0,
    /// Registers a program: a [`Mapping`] in, a bool out.
    Set = 1,
    /// Removes a program: a [`Mapping`] in, a bool out.
    Unset = 2,
    /// Asks for a program's port: a [`Mapping`] whose port is ignored in, a port out.
    Getport = 3,
    /// Lists all programs.
    Dump = 4,
    /// Calls a procedure of another program.
    Callit = 5,
}

impl Procedure {
    /// The procedure of this number; `None` if there is none: `PROC_UNAVAIL`.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Procedure::Null,
            1 => Procedure::Set,
            2 => Procedure::Unset,
            3 => Procedure::Getport,
            4 => Procedure::Dump,
            5 => Procedure::Callit,
            _ => return None,
        })
    }
}

/// `mapping`: where a program is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// RPC program number.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// [`PROTOCOL_TCP`] or [`PROTOCOL_UDP`].
    pub protocol: u32,
    /// Port number.
    pub port: u32,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`XdrError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(Mapping {
            program: reader.u32()?,
            version: reader.u32()?,
            protocol: reader.u32()?,
            port: reader.u32()?,
        })
    }

    /// Writes a mapping.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        [self.program, self.version, self.protocol, self.port]
            .iter()
            .try_for_each(|word| writer.u32(*word))
    }
}

/// Reads the result of GETPORT; `None` if the program is not registered.
///
/// # Errors
/// [`XdrError::Short`]; [`XdrError::Invalid`] for a number that is no port.
pub fn decode_port(reader: &mut Reader<'_>) -> Result<Option<u16>, XdrError> {
    let port = u16::try_from(reader.u32()?).map_err(|_| XdrError::Invalid)?;
    Ok((port != 0).then_some(port))
}

/// Writes the result of GETPORT.
///
/// # Errors
/// [`Overflow`].
pub fn encode_port(writer: &mut Writer<'_>, port: Option<u16>) -> Result<(), Overflow> {
    writer.u32(port.map_or(0, u32::from))
}

/// Writes the result of DUMP.
///
/// # Errors
/// [`Overflow`].
pub fn encode_dump<'a>(
    writer: &mut Writer<'_>,
    mappings: impl IntoIterator<Item = &'a Mapping>,
) -> Result<(), Overflow> {
    for mapping in mappings {
        writer.bool(true)?;
        mapping.encode(writer)?;
    }
    writer.bool(false)
}

/// Reads one entry of the result of DUMP; `None` at the end of the list.
///
/// # Errors
/// [`XdrError`].
pub fn decode_dump_entry(reader: &mut Reader<'_>) -> Result<Option<Mapping>, XdrError> {
    reader.optional(Mapping::decode)
}
