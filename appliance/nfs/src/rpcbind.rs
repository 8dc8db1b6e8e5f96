//! rpcbind versions 3 and 4 (RFC 1833 section 2), the same program as [`crate::portmap`].

use crate::limits;
use crate::xdr::{Bytes, Overflow, Reader, Writer, XdrError};
use core::net::{Ipv4Addr, SocketAddrV4};

pub use crate::portmap::{PORT, PROGRAM};

/// The lower version of this module.
pub const VERSION_3: u32 = 3;

/// The higher version of this module.
pub const VERSION_4: u32 = 4;

/// Network id of TCP over IPv4.
pub const NETID_TCP: &[u8] = b"tcp";

/// Procedure numbers. Version 4 has all of them, version 3 those up to
/// [`TADDR2UADDR`](procedure::TADDR2UADDR); number 5 is CALLIT in version 3.
pub mod procedure {
    /// Does nothing.
    pub const NULL: u32 = 0;
    /// Registers a program: an [`super::Binding`] in, a bool out.
    pub const SET: u32 = 1;
    /// Removes a program: an [`super::Binding`] in, a bool out.
    pub const UNSET: u32 = 2;
    /// Asks for a program's address: an [`super::Binding`] in, a universal address out.
    pub const GETADDR: u32 = 3;
    /// Lists all programs.
    pub const DUMP: u32 = 4;
    /// Broadcast call.
    pub const BCAST: u32 = 5;
    /// The server's time.
    pub const GETTIME: u32 = 6;
    /// Converts an address.
    pub const UADDR2TADDR: u32 = 7;
    /// Converts an address.
    pub const TADDR2UADDR: u32 = 8;
    /// As GETADDR, for exactly this version of the program.
    pub const GETVERSADDR: u32 = 9;
    /// Indirect call.
    pub const INDIRECT: u32 = 10;
    /// All addresses of a program.
    pub const GETADDRLIST: u32 = 11;
    /// Statistics.
    pub const GETSTAT: u32 = 12;
}

/// `rpcb`: where a program is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// RPC program number.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Network id, as [`NETID_TCP`].
    pub netid: Bytes<'a>,
    /// Universal address.
    pub address: Bytes<'a>,
    /// Who registered it.
    pub owner: Bytes<'a>,
}

impl<'a> Binding<'a> {
    /// Reads a binding, each string at most [`limits::RPCBIND_STRING`] bytes.
    ///
    /// # Errors
    /// [`XdrError::Short`], [`XdrError::TooLong`].
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, XdrError> {
        Ok(Binding {
            program: reader.u32()?,
            version: reader.u32()?,
            netid: reader.opaque(limits::RPCBIND_STRING)?,
            address: reader.opaque(limits::RPCBIND_STRING)?,
            owner: reader.opaque(limits::RPCBIND_STRING)?,
        })
    }

    /// Writes a binding.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Overflow> {
        writer.u32(self.program)?;
        writer.u32(self.version)?;
        writer.opaque_bytes(self.netid)?;
        writer.opaque_bytes(self.address)?;
        writer.opaque_bytes(self.owner)
    }
}

/// Writes the result of DUMP.
///
/// # Errors
/// [`Overflow`].
pub fn encode_dump<'a>(
    writer: &mut Writer<'_>,
    bindings: impl IntoIterator<Item = Binding<'a>>,
) -> Result<(), Overflow> {
    for binding in bindings {
        writer.bool(true)?;
        binding.encode(writer)?;
    }
    writer.bool(false)
}

/// Reads one entry of the result of DUMP; `None` at the end of the list.
///
/// # Errors
/// [`XdrError`].
pub fn decode_dump_entry<'a>(reader: &mut Reader<'a>) -> Result<Option<Binding<'a>>, XdrError> {
    reader.optional(Binding::decode)
}

/// Writes the result of GETADDR and GETVERSADDR: a universal address, empty if the program is
/// not registered.
///
/// # Errors
/// [`Overflow`].
pub fn encode_address(
    writer: &mut Writer<'_>,
    address: Option<SocketAddrV4>,
) -> Result<(), Overflow> {
    match address {
        Some(address) => writer.opaque(UniversalAddress::new(address).as_bytes()),
        None => writer.opaque(&[]),
    }
}

/// Reads the result of GETADDR and GETVERSADDR; `None` if the program is not registered.
///
/// # Errors
/// [`XdrError::Invalid`] for anything but the universal address of an IPv4 socket;
/// [`XdrError::Short`], [`XdrError::TooLong`].
pub fn decode_address(reader: &mut Reader<'_>) -> Result<Option<SocketAddrV4>, XdrError> {
    let address = reader.opaque(limits::RPCBIND_STRING)?;
    if address.is_empty() {
        return Ok(None);
    }
    parse_universal_address(&address)
        .map(Some)
        .ok_or(XdrError::Invalid)
}

/// The universal address of an IPv4 socket: `h1.h2.h3.h4.p1.p2` in decimal, the port being
/// p1 × 256 + p2 (RFC 5665 section 5.2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniversalAddress {
    text: [u8; Self::MAX_LEN],
    len: usize,
}

impl UniversalAddress {
    /// Length in bytes of the longest: six numbers of three digits and five dots.
    pub const MAX_LEN: usize = 23;

    /// The text of an address.
    #[must_use]
    pub fn new(address: SocketAddrV4) -> Self {
        let [h1, h2, h3, h4] = address.ip().octets();
        let [p1, p2] = address.port().to_be_bytes();
        let mut text = [0; Self::MAX_LEN];
        let mut writer = Writer::new(&mut text);
        for (index, number) in [h1, h2, h3, h4, p1, p2].into_iter().enumerate() {
            // Cannot overflow: MAX_LEN is that of the longest address.
            let _ = write_number(&mut writer, index > 0, number);
        }
        let len = writer.len();
        UniversalAddress { text, len }
    }

    /// Its characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

fn write_number(writer: &mut Writer<'_>, dot: bool, number: u8) -> Result<(), Overflow> {
    if dot {
        writer.raw(b".")?;
    }
    let digits = [number / 100, number / 10 % 10, number % 10];
    let leading_zeros = if number < 10 {
        2
    } else {
        usize::from(number < 100)
    };
    digits
        .iter()
        .skip(leading_zeros)
        .try_for_each(|digit| writer.raw(&[b'0'.wrapping_add(*digit)]))
}

/// Parses the universal address of an IPv4 socket; `None` if it is none.
#[must_use]
pub fn parse_universal_address(text: &Bytes<'_>) -> Option<SocketAddrV4> {
    let mut numbers = [0u8; 6];
    let mut index = 0usize;
    let mut has_digit = false;
    for character in text.iter() {
        match character {
            b'0'..=b'9' => {
                let number = numbers.get_mut(index)?;
                *number = number
                    .checked_mul(10)?
                    .checked_add(character.wrapping_sub(b'0'))?;
                has_digit = true;
            }
            b'.' if has_digit => {
                index = index.checked_add(1)?;
                has_digit = false;
            }
            _ => return None,
        }
    }
    let [h1, h2, h3, h4, p1, p2] = numbers;
    (index == 5 && has_digit)
        .then(|| SocketAddrV4::new(Ipv4Addr::new(h1, h2, h3, h4), u16::from_be_bytes([p1, p2])))
}
