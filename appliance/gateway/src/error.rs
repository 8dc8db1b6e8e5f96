//! Why a connection must be closed.

/// the exports there are do not come first, in their order
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the exports there are do not come first, in their order")]
pub struct ExportsMoved;

/// What a peer sent cannot be followed any further; its connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// the peer's record marking is malformed or beyond the limits
    #[error("the peer's record marking is malformed or beyond the limits")]
    Record,
    /// the peer's record is too short to be an RPC message
    #[error("the peer's record is too short to be an RPC message")]
    NotRpc,
    /// the peer's call is longer than any legal one
    #[error("the peer's call is longer than any legal one")]
    CallTooLong,
    /// the origin answers calls that it was not sent
    #[error("the origin answers calls that it was not sent")]
    StrayReplies,
    /// the origin was asked for TLS and does not speak it
    #[error("the origin was asked for TLS and does not speak it")]
    TlsRefused,
    /// the engine named a connection that is not open
    #[error("the engine named a connection that is not open")]
    UnknownConnection,
}
