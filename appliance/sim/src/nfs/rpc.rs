//! ONC RPC over TCP (RFC 5531): records, calls and replies.

use super::xdr::{Decoder, Encoder};

const LAST_FRAGMENT: u32 = 1 << 31;

/// A whole call with its record mark, with the credential of a user.
pub(crate) fn call(
    xid: u32,
    user: u32,
    (program, version, procedure): (u32, u32, u32),
    arguments: &[u8],
) -> Vec<u8> {
    let mut credential = Encoder::default();
    credential
        .u32(1)
        .opaque(b"client")
        .u32(user)
        .u32(1000)
        .u32(0);
    let mut body = Encoder::default();
    body.u32(xid)
        .u32(0)
        .u32(2)
        .u32(program)
        .u32(version)
        .u32(procedure);
    body.u32(1).opaque(&credential.0).u32(0).u32(0);
    body.0.extend_from_slice(arguments);
    record(&body.0)
}

/// Flavor of the credential of a call that asks for TLS (RFC 9289, 4.1).
pub(crate) const AUTH_TLS: u32 = 7;

/// A whole NULL call of NFS that asks for TLS.
pub(crate) fn probe(xid: u32) -> Vec<u8> {
    let mut body = Encoder::default();
    for word in [xid, 0, 2, super::NFS, 3, 0, AUTH_TLS, 0, 0, 0] {
        body.u32(word);
    }
    record(&body.0)
}

/// A whole reply that agrees to it.
pub(crate) fn starttls(xid: u32) -> Vec<u8> {
    let mut body = Encoder::default();
    body.u32(xid)
        .u32(1)
        .u32(0)
        .u32(0)
        .opaque(b"STARTTLS")
        .u32(0);
    record(&body.0)
}

/// A whole reply to a call that was accepted and executed, with its record mark.
pub(crate) fn reply(xid: u32, results: &[u8]) -> Vec<u8> {
    let mut body = Encoder::default();
    body.u32(xid).u32(1).u32(0).u32(0).u32(0).u32(0);
    body.0.extend_from_slice(results);
    record(&body.0)
}

fn record(body: &[u8]) -> Vec<u8> {
    let mut record = Encoder::default();
    record.u32(LAST_FRAGMENT | u32::try_from(body.len()).expect("a short record"));
    record.0.extend_from_slice(body);
    record.0
}

/// A call as the origin reads it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) xid: u32,
    pub(crate) program: u32,
    pub(crate) procedure: u32,
    /// Flavor of the credential.
    pub(crate) flavor: u32,
    /// User of the credential, if it names one.
    pub(crate) user: Option<u32>,
    pub(crate) arguments: Decoder<'a>,
}

/// Reads a call.
pub(crate) fn decode_call(record: &[u8]) -> Option<Call<'_>> {
    let mut input = Decoder(record);
    let xid = input.u32()?;
    if (input.u32()?, input.u32()?) != (0, 2) {
        return None;
    }
    let program = input.u32()?;
    input.u32()?;
    let procedure = input.u32()?;
    let flavor = input.u32()?;
    let credential = Decoder(input.opaque()?);
    input.u32()?;
    input.opaque()?;
    Some(Call {
        xid,
        program,
        procedure,
        flavor,
        user: user_of(credential),
        arguments: input,
    })
}

/// The user of an AUTH_SYS credential.
fn user_of(mut credential: Decoder<'_>) -> Option<u32> {
    credential.u32()?;
    credential.opaque()?;
    credential.u32()
}

/// Reads a reply to an executed call: its xid and the results.
pub(crate) fn decode_reply(record: &[u8]) -> Option<(u32, Decoder<'_>)> {
    let mut input = Decoder(record);
    let xid = input.u32()?;
    if (input.u32()?, input.u32()?) != (1, 0) {
        return None;
    }
    input.u32()?;
    input.opaque()?;
    (input.u32()? == 0).then_some((xid, input))
}

/// Cuts a stream into records.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<u8>);

impl Records {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole record without its marks.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let mut record = Vec::new();
        let mut at = 0;
        loop {
            let mark = u32::from_be_bytes(*self.0.get(at..at + 4)?.first_chunk()?);
            let end = at + 4 + usize::try_from(mark & !LAST_FRAGMENT).ok()?;
            record.extend_from_slice(self.0.get(at + 4..end)?);
            at = end;
            if mark & LAST_FRAGMENT != 0 {
                self.0.drain(..at);
                return Some(record);
            }
        }
    }
}
