//! ONC RPC version 2 (RFC 5531): call and reply headers, credentials, error replies.

mod auth;
mod call;
mod reply;

pub use auth::{AuthFlavor, AuthStatus, AuthSys, Credential};
pub use call::{CallError, CallHeader, CallView, decode_call, encode_call, view_call};
pub use reply::{
    ErrorReply, ReplyHeader, decode_reply, decode_starttls, encode_starttls, encode_success,
};

/// The RPC version of RFC 5531.
pub const RPC_VERSION: u32 = 2;

/// Length in bytes of the header of an accepted, successful reply with an empty verifier.
pub const SUCCESS_HEADER_LEN: usize = 24;

/// Where in a call its credential begins, in bytes from the xid.
pub const CREDENTIAL: usize = 24;

/// Where in a call the body of its credential begins, behind flavor and length.
pub const CREDENTIAL_BODY: usize = CREDENTIAL + 8;

/// Length in bytes of the longest error reply.
pub const ERROR_REPLY_MAX_LEN: usize = 32;

/// `msg_type`
const CALL: u32 = 0;
const REPLY: u32 = 1;
