//! The `AUTH_TLS` probe (RFC 9289 section 4.1): a NULL call with credential flavor 7, answered
//! by the verifier `STARTTLS`.

use nfs::record::{MARK_LEN, mark};
use nfs::rpc::{
    AuthFlavor, AuthStatus, CallError, CallHeader, Credential, ErrorReply, decode_call, encode_call,
};
use nfs::xdr::{Overflow, Reader, Writer, XdrError};

/// Both programs in the version that goes with NFSv3. A server of NFSv4 alone has no such version,
/// and agrees all the same.
const VERSION: u32 = 3;
const NULL: u32 = 0;

const STARTTLS: &[u8] = b"STARTTLS";
const REPLY: u32 = 1;
const MSG_ACCEPTED: u32 = 0;
const SUCCESS: u32 = 0;

/// Longest message that this module writes.
const MESSAGE_MAX: usize = 64;

/// What a clear call means to one who wants TLS.
#[derive(Debug, PartialEq, Eq)]
pub enum ClearCall {
    /// The probe. Answer with these bytes, then expect a TLS handshake.
    Probe(Vec<u8>),
    /// `AUTH_TLS` where it is not allowed. Answer with these bytes.
    Misused(Vec<u8>),
    /// Any other message: plain RPC. Refuse it with these bytes, if there are any.
    Plain(Vec<u8>),
}

/// The probe as a record, mark included.
pub fn encode_probe(xid: u32, program: u32) -> Vec<u8> {
    encode_null(xid, program, AuthFlavor::TLS)
}

/// A NULL call with an empty credential as a record, mark included.
pub fn encode_null(xid: u32, program: u32, flavor: AuthFlavor) -> Vec<u8> {
    record(|writer| {
        let credential = Credential::new(flavor, &[]).ok_or(Overflow)?;
        encode_call(writer, xid, program, VERSION, NULL, &credential)
    })
}

/// Whether the reply to a probe (its record mark stripped) agrees to TLS. The status of the call
/// does not matter: a server without the probed version may have TLS all the same.
///
/// # Errors
/// [`XdrError`] if it is no reply to the probe at all.
pub fn agrees_to_tls(reply: &[u8], xid: u32) -> Result<bool, XdrError> {
    let mut reader = Reader::contiguous(reply);
    if reader.u32()? != xid || reader.u32()? != REPLY {
        return Err(XdrError::Invalid);
    }
    if reader.u32()? != MSG_ACCEPTED {
        return Ok(false);
    }
    let flavor = AuthFlavor(reader.u32()?);
    let verifier = reader.opaque(nfs::limits::OPAQUE_AUTH)?;
    Ok(flavor == AuthFlavor::NONE && verifier.as_contiguous() == Some(STARTTLS))
}

/// Judges a clear call, or the beginning of one, its record mark stripped.
pub fn judge(call: &[u8]) -> ClearCall {
    match decode_call(&mut Reader::contiguous(call)) {
        Ok(CallHeader {
            xid,
            procedure,
            credential,
            ..
        }) => match (credential.flavor(), procedure) {
            (AuthFlavor::TLS, NULL) => ClearCall::Probe(encode_agreement(xid)),
            (AuthFlavor::TLS, _) => ClearCall::Misused(denial(xid, AuthStatus::BAD_CREDENTIAL)),
            _ => ClearCall::Plain(denial(xid, AuthStatus::TOO_WEAK)),
        },
        Err(error @ CallError::BadCredential { .. }) => ClearCall::Misused(answer(error)),
        Err(error) => ClearCall::Plain(answer(error)),
    }
}

fn answer(error: CallError) -> Vec<u8> {
    error.reply().map_or_else(Vec::new, |(xid, reply)| {
        record(|writer| reply.encode(writer, xid))
    })
}

fn denial(xid: u32, status: AuthStatus) -> Vec<u8> {
    record(|writer| ErrorReply::AuthError(status).encode(writer, xid))
}

fn encode_agreement(xid: u32) -> Vec<u8> {
    record(|writer| {
        for word in [xid, REPLY, MSG_ACCEPTED, AuthFlavor::NONE.0] {
            writer.u32(word)?;
        }
        writer.opaque(STARTTLS)?;
        writer.u32(SUCCESS)
    })
}

/// A record of one fragment; empty if the message does not fit, which none of ours does not.
fn record(encode: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>) -> Vec<u8> {
    let mut buffer = [0; MESSAGE_MAX];
    let mut writer = Writer::new(&mut buffer);
    let Ok(()) = encode(&mut writer) else {
        return Vec::new();
    };
    let message = writer.written();
    let len = u32::try_from(message.len()).unwrap_or_default();
    let mut record = Vec::with_capacity(MARK_LEN + message.len());
    record.extend_from_slice(&mark(len));
    record.extend_from_slice(message);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn probe_is_a_null_call_with_flavor_7() {
        let expected = [0x8000_0028, 9, 0, 2, 100_003, 3, 0, 7, 0, 0, 0];
        assert_eq!(encode_probe(9, 100_003), words(&expected));
    }

    #[test]
    fn probe_is_answered_with_starttls() {
        // xid, REPLY, MSG_ACCEPTED, AUTH_NONE, "STARTTLS", SUCCESS
        let expected = [0x8000_0020, 9, 1, 0, 0, 8, 0x5354_4152, 0x5454_4C53, 0];
        assert_eq!(
            judge(&encode_probe(9, 100_003)[MARK_LEN..]),
            ClearCall::Probe(words(&expected))
        );
    }

    #[test]
    fn auth_tls_elsewhere_is_a_bad_credential() {
        let denied = ClearCall::Misused(words(&[0x8000_0014, 9, 1, 1, 1, 1]));
        let getattr = words(&[9, 0, 2, 100_003, 3, 1, 7, 0, 0, 0]);
        assert_eq!(judge(&getattr), denied);
        let with_a_body = words(&[9, 0, 2, 100_003, 3, 0, 7, 4, 1, 0, 0]);
        assert_eq!(judge(&with_a_body), denied);
    }

    #[test]
    fn plain_call_is_too_weak() {
        let call = words(&[9, 0, 2, 100_003, 3, 0, 0, 0, 0, 0]);
        let refusal = words(&[0x8000_0014, 9, 1, 1, 1, 5]);
        assert_eq!(judge(&call), ClearCall::Plain(refusal));
    }

    #[test]
    fn agreement_is_the_verifier_and_nothing_else() {
        let reply = |verifier: &[u32], status: u32| {
            let mut reply = words(&[9, 1, 0]);
            reply.extend(words(verifier));
            reply.extend(words(&[status]));
            reply
        };
        let starttls = [0, 8, 0x5354_4152, 0x5454_4C53];
        assert_eq!(agrees_to_tls(&reply(&starttls, 0), 9), Ok(true));
        // A status other than SUCCESS: "the client SHOULD go on".
        assert_eq!(agrees_to_tls(&reply(&starttls, 1), 9), Ok(true));
        assert_eq!(agrees_to_tls(&reply(&[0, 0], 0), 9), Ok(false));
        let denied = words(&[9, 1, 1, 1, 1]);
        assert_eq!(agrees_to_tls(&denied, 9), Ok(false));
        assert!(agrees_to_tls(&reply(&starttls, 0), 8).is_err());
        assert!(agrees_to_tls(b"HTTP", 9).is_err());
    }
}
