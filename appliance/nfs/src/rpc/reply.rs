use super::{AuthFlavor, AuthStatus, REPLY};
use crate::limits;
use crate::xdr::{Overflow, Reader, Writer, XdrError};

/// `reply_stat`
const MSG_ACCEPTED: u32 = 0;
const MSG_DENIED: u32 = 1;

/// The verifier of a server that speaks TLS (RFC 9289, 4.1).
const STARTTLS: &[u8] = b"STARTTLS";

/// `accept_stat`
const SUCCESS: u32 = 0;
const PROG_UNAVAIL: u32 = 1;
const PROG_MISMATCH: u32 = 2;
const PROC_UNAVAIL: u32 = 3;
const GARBAGE_ARGS: u32 = 4;
const SYSTEM_ERR: u32 = 5;

/// `reject_stat`
const RPC_MISMATCH: u32 = 0;
const AUTH_ERROR: u32 = 1;

/// A reply without its results: `reply_body` (RFC 5531 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// The xid of the call that it answers.
    pub xid: u32,
    /// `Ok` when the results follow, otherwise why the call was not executed.
    pub outcome: Result<(), ErrorReply>,
}

/// A reply without results: the call was not executed, or failed below the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply {
    /// `PROG_UNAVAIL`
    #[error("the program is not exported")]
    ProgramUnavailable,
    /// `PROG_MISMATCH`
    #[error("the program exists in versions {low} to {high}")]
    ProgramMismatch {
        /// Lowest version supported.
        low: u32,
        /// Highest version supported.
        high: u32,
    },
    /// `PROC_UNAVAIL`
    #[error("the program has no such procedure")]
    ProcedureUnavailable,
    /// `GARBAGE_ARGS`
    #[error("the arguments could not be decoded")]
    GarbageArguments,
    /// `SYSTEM_ERR`
    #[error("system error")]
    SystemError,
    /// `MSG_DENIED` / `RPC_MISMATCH`
    #[error("RPC is spoken in versions {low} to {high}")]
    RpcMismatch {
        /// Lowest version supported.
        low: u32,
        /// Highest version supported.
        high: u32,
    },
    /// `MSG_DENIED` / `AUTH_ERROR`
    #[error("authentication failed: auth_stat {}", .0.0)]
    AuthError(AuthStatus),
}

impl ErrorReply {
    /// Writes the whole reply message, at most [`super::ERROR_REPLY_MAX_LEN`] bytes.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn encode(&self, writer: &mut Writer<'_>, xid: u32) -> Result<(), Overflow> {
        match *self {
            ErrorReply::ProgramUnavailable => encode_accepted(writer, xid, PROG_UNAVAIL),
            ErrorReply::ProgramMismatch { low, high } => {
                encode_accepted(writer, xid, PROG_MISMATCH)?;
                writer.u32(low)?;
                writer.u32(high)
            }
            ErrorReply::ProcedureUnavailable => encode_accepted(writer, xid, PROC_UNAVAIL),
            ErrorReply::GarbageArguments => encode_accepted(writer, xid, GARBAGE_ARGS),
            ErrorReply::SystemError => encode_accepted(writer, xid, SYSTEM_ERR),
            ErrorReply::RpcMismatch { low, high } => {
                encode_words(writer, &[xid, REPLY, MSG_DENIED, RPC_MISMATCH, low, high])
            }
            ErrorReply::AuthError(status) => {
                encode_words(writer, &[xid, REPLY, MSG_DENIED, AUTH_ERROR, status.0])
            }
        }
    }
}

/// Writes the header of an accepted, successful reply with the verifier `AUTH_NONE`,
/// [`super::SUCCESS_HEADER_LEN`] bytes; the results follow it.
///
/// # Errors
/// [`Overflow`].
pub fn encode_success(writer: &mut Writer<'_>, xid: u32) -> Result<(), Overflow> {
    encode_accepted(writer, xid, SUCCESS)
}

/// Writes the reply to a probe for TLS: success, with a verifier that says that TLS is spoken here
/// (RFC 9289, 4.1).
pub fn encode_starttls(writer: &mut Writer<'_>, xid: u32) -> Result<(), Overflow> {
    encode_words(writer, &[xid, REPLY, MSG_ACCEPTED, AuthFlavor::NONE.0])?;
    writer.opaque(STARTTLS)?;
    encode_words(writer, &[SUCCESS])
}

/// Reads the reply to a probe for TLS: whether TLS is spoken there. What became of the call itself does
/// not matter (RFC 9289, 4.1).
///
/// # Errors
/// It is no reply.
pub fn decode_starttls(reader: &mut Reader<'_>) -> Result<bool, XdrError> {
    let _xid = reader.u32()?;
    if reader.u32()? != REPLY {
        return Err(XdrError::Invalid);
    }
    if reader.u32()? != MSG_ACCEPTED || reader.u32()? != AuthFlavor::NONE.0 {
        return Ok(false);
    }
    let verifier = reader.opaque(limits::OPAQUE_AUTH)?;
    let mut bytes = [0; STARTTLS.len()];
    Ok(verifier.len() == STARTTLS.len()
        && verifier
            .copy_to(&mut bytes)
            .is_some_and(|bytes| bytes == STARTTLS))
}

fn encode_accepted(writer: &mut Writer<'_>, xid: u32, accept_status: u32) -> Result<(), Overflow> {
    encode_words(
        writer,
        &[
            xid,
            REPLY,
            MSG_ACCEPTED,
            AuthFlavor::NONE.0,
            0,
            accept_status,
        ],
    )
}

fn encode_words(writer: &mut Writer<'_>, words: &[u32]) -> Result<(), Overflow> {
    words.iter().try_for_each(|word| writer.u32(*word))
}

/// Reads a reply header; after a success the reader is left at the results.
///
/// # Errors
/// [`XdrError::Short`]; [`XdrError::Invalid`] for a message that is no reply or has a status that
/// RFC 5531 does not know; [`XdrError::TooLong`] for a verifier above 400 bytes.
pub fn decode_reply(reader: &mut Reader<'_>) -> Result<ReplyHeader, XdrError> {
    let xid = reader.u32()?;
    if reader.u32()? != REPLY {
        return Err(XdrError::Invalid);
    }
    let outcome = match reader.u32()? {
        MSG_ACCEPTED => decode_accepted(reader)?,
        MSG_DENIED => Err(decode_denied(reader)?),
        _ => return Err(XdrError::Invalid),
    };
    Ok(ReplyHeader { xid, outcome })
}

fn decode_accepted(reader: &mut Reader<'_>) -> Result<Result<(), ErrorReply>, XdrError> {
    reader.u32()?;
    reader.opaque(limits::OPAQUE_AUTH)?;
    Ok(Err(match reader.u32()? {
        SUCCESS => return Ok(Ok(())),
        PROG_UNAVAIL => ErrorReply::ProgramUnavailable,
        PROG_MISMATCH => ErrorReply::ProgramMismatch {
            low: reader.u32()?,
            high: reader.u32()?,
        },
        PROC_UNAVAIL => ErrorReply::ProcedureUnavailable,
        GARBAGE_ARGS => ErrorReply::GarbageArguments,
        SYSTEM_ERR => ErrorReply::SystemError,
        _ => return Err(XdrError::Invalid),
    }))
}

fn decode_denied(reader: &mut Reader<'_>) -> Result<ErrorReply, XdrError> {
    match reader.u32()? {
        RPC_MISMATCH => Ok(ErrorReply::RpcMismatch {
            low: reader.u32()?,
            high: reader.u32()?,
        }),
        AUTH_ERROR => Ok(ErrorReply::AuthError(AuthStatus(reader.u32()?))),
        _ => Err(XdrError::Invalid),
    }
}
