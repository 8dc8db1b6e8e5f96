use super::{AuthFlavor, AuthStatus, AuthSys, CALL, Credential, ErrorReply, RPC_VERSION};
use crate::limits;
use crate::xdr::{Overflow, Reader, Writer, XdrError, padding};

/// A call without its arguments: `call_body` (RFC 5531 section 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHeader {
    /// Matches the reply with the call.
    pub xid: u32,
    /// Program number.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Procedure of the program.
    pub procedure: u32,
    /// Who calls, well-formed if it is `AUTH_NONE`, `AUTH_SYS` or `AUTH_TLS`.
    pub credential: Credential,
    /// Flavor of the verifier, which itself is dropped.
    pub verifier_flavor: AuthFlavor,
}

/// A call header that cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The bytes end before the header does.
    #[error("the call header is incomplete")]
    Short,
    /// The message is no call: a peer that sends such a thing has lost the protocol.
    #[error("message {xid:#010x} is not a call")]
    NotACall {
        /// Its xid.
        xid: u32,
    },
    /// The RPC version is not 2.
    #[error("call {xid:#010x} is not of RPC version 2")]
    RpcMismatch {
        /// Its xid.
        xid: u32,
    },
    /// The credential is longer than 400 bytes or not what its flavor demands.
    #[error("call {xid:#010x} has a malformed credential")]
    BadCredential {
        /// Its xid.
        xid: u32,
    },
    /// The verifier is longer than 400 bytes.
    #[error("call {xid:#010x} has a malformed verifier")]
    BadVerifier {
        /// Its xid.
        xid: u32,
    },
}

impl CallError {
    /// The xid and the answer RFC 5531 has for the error; `None` where it has none: wait for more
    /// bytes if the header is short, close the connection in the other cases.
    #[must_use]
    pub const fn reply(&self) -> Option<(u32, ErrorReply)> {
        match *self {
            CallError::Short | CallError::NotACall { .. } => None,
            CallError::RpcMismatch { xid } => Some((
                xid,
                ErrorReply::RpcMismatch {
                    low: RPC_VERSION,
                    high: RPC_VERSION,
                },
            )),
            CallError::BadCredential { xid } => {
                Some((xid, ErrorReply::AuthError(AuthStatus::BAD_CREDENTIAL)))
            }
            CallError::BadVerifier { xid } => {
                Some((xid, ErrorReply::AuthError(AuthStatus::BAD_VERIFIER)))
            }
        }
    }
}

impl From<XdrError> for CallError {
    /// For the plain words of the header, which can only be missing.
    fn from(_: XdrError) -> Self {
        CallError::Short
    }
}

/// Reads a call header; the reader is left at the arguments.
///
/// # Errors
/// [`CallError`], which knows its reply.
pub fn decode_call(reader: &mut Reader<'_>) -> Result<CallHeader, CallError> {
    let xid = reader.u32()?;
    if reader.u32()? != CALL {
        return Err(CallError::NotACall { xid });
    }
    if reader.u32()? != RPC_VERSION {
        return Err(CallError::RpcMismatch { xid });
    }
    let program = reader.u32()?;
    let version = reader.u32()?;
    let procedure = reader.u32()?;
    let credential = match Credential::decode(reader) {
        Ok(credential) if credential.is_well_formed() => credential,
        Err(XdrError::Short) => return Err(CallError::Short),
        Ok(_) | Err(_) => return Err(CallError::BadCredential { xid }),
    };
    let verifier_flavor = AuthFlavor(reader.u32()?);
    match reader.opaque(limits::OPAQUE_AUTH) {
        Ok(_) => {}
        Err(XdrError::Short) => return Err(CallError::Short),
        Err(_) => return Err(CallError::BadVerifier { xid }),
    }
    Ok(CallHeader {
        xid,
        program,
        version,
        procedure,
        credential,
        verifier_flavor,
    })
}

/// A call header where it lies, for whoever looks at it once and keeps nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// Matches the reply with the call.
    pub xid: u32,
    /// Program number.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Procedure of the program.
    pub procedure: u32,
    /// Flavor of the credential.
    pub flavor: AuthFlavor,
    body: &'a [u8],
}

impl<'a> CallView<'a> {
    /// The fields of an `AUTH_SYS` credential; `None` for other flavors and malformed bodies.
    #[must_use]
    pub fn auth_sys(&self) -> Option<AuthSys<'a>> {
        AuthSys::of(self.flavor, self.body)
    }

    /// Whether the credential is `AUTH_NONE` as it should be.
    #[must_use]
    pub const fn is_from_nobody(&self) -> bool {
        self.flavor.0 == AuthFlavor::NONE.0 && self.body.is_empty()
    }
}

/// Looks at a call header, whose credential is not checked; the reader is left at the arguments. `None` for
/// everything that only [`decode_call`] can tell the meaning of.
#[must_use]
pub fn view_call<'a>(reader: &mut Reader<'a>) -> Option<CallView<'a>> {
    let words = reader.fixed::<32>().ok()?;
    let [
        xid,
        kind,
        rpc_version,
        program,
        version,
        procedure,
        flavor,
        len,
    ] = words.as_chunks().0.first_chunk()?.map(u32::from_be_bytes);
    let len = usize::try_from(len).ok()?;
    if kind != CALL || rpc_version != RPC_VERSION || len > limits::OPAQUE_AUTH {
        return None;
    }
    let padded = reader.raw(len.checked_add(padding(len))?).ok()?;
    let body = padded.as_contiguous()?.get(..len)?;
    reader.u32().ok()?;
    reader.opaque(limits::OPAQUE_AUTH).ok()?;
    Some(CallView {
        xid,
        program,
        version,
        procedure,
        flavor: AuthFlavor(flavor),
        body,
    })
}

/// Writes a call header with the verifier `AUTH_NONE`; the arguments follow it.
///
/// # Errors
/// [`Overflow`].
pub fn encode_call(
    writer: &mut Writer<'_>,
    xid: u32,
    program: u32,
    version: u32,
    procedure: u32,
    credential: &Credential,
) -> Result<(), Overflow> {
    for word in [xid, CALL, RPC_VERSION, program, version, procedure] {
        writer.u32(word)?;
    }
    credential.encode(writer)?;
    writer.u32(AuthFlavor::NONE.0)?;
    writer.opaque(&[])
}
