//! What the gateway asks of the engine, and the names of connections.

use crate::message::Message;

/// A client connection; chosen by the engine, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// A connection to the origin; chosen by the gateway, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginId(pub u64);

/// What the engine is to do next.
#[derive(Debug)]
pub enum Action {
    /// Send `message` after everything sent to this client before.
    SendToClient {
        /// To whom.
        client: ClientId,
        /// What.
        message: Message,
    },
    /// Close the connection once what was sent before is on its way, and call `client_closed`; what the
    /// client still sends is of no interest.
    CloseClient {
        /// Whose.
        client: ClientId,
    },
    /// Reset the connection at once, with all that waits to be sent, and call `client_closed`.
    ResetClient {
        /// Whose.
        client: ClientId,
    },
    /// What was sent to this client before is the last in clear: a TLS handshake follows. Then call
    /// `client_secured`, or `client_closed` if that fails.
    SecureClient {
        /// Whose.
        client: ClientId,
    },
    /// Set up TLS on this connection; then call `origin_secured`, or `origin_closed` if that fails.
    SecureOrigin {
        /// Which connection.
        origin: OriginId,
    },
    /// Connect to the origin; then call `origin_opened`, or `origin_closed` if that fails.
    OpenOrigin {
        /// The new connection's name.
        origin: OriginId,
        /// The origin's TCP port.
        port: u16,
    },
    /// Send `message` after everything sent on this connection before.
    SendToOrigin {
        /// On which connection.
        origin: OriginId,
        /// What.
        message: Message,
    },
    /// Close this connection; `origin_closed` need not be called for it.
    CloseOrigin {
        /// Which connection.
        origin: OriginId,
    },
    /// Reset this connection at once and forget what it has not sent: the origin does not answer on it.
    /// `origin_closed` need not be called for it.
    ResetOrigin {
        /// Which connection.
        origin: OriginId,
    },
}
