//! What the application is told, and how it names a connection.

use core::net::SocketAddrV4;

/// Names one connection of one stack. It is tagged with a generation: once the
/// connection's [`Event::Closed`] was polled (or it was aborted) the id names
/// nothing, even when its slot is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ConnectionId {
    /// The slot, below [`Limits::connections`](crate::Limits::connections):
    /// unique among live connections, so it can index an array.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// Something that happened on a connection. For one connection the order is
/// `Accepted` or `Connected`, any number of `Readable`, `PeerClosed`, `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer completed a handshake with one of our listening ports.
    Accepted {
        /// The new connection.
        connection: ConnectionId,
        /// The listening port.
        local_port: u16,
        /// The peer.
        remote: SocketAddrV4,
    },
    /// A connection opened by `connect` is established.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// There are new in-order bytes: see `peek`. Edge triggered: reported once
    /// for all that arrived before it was polled.
    Readable {
        /// The connection.
        connection: ConnectionId,
    },
    /// The peer sent FIN; all data before it is readable. We may go on sending.
    PeerClosed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The connection is over and its id dead. Not reported after `abort`.
    /// With [`CloseReason::Finished`] it is held back until all received bytes
    /// are consumed, for [`limits::TIME_WAIT`](crate::limits::TIME_WAIT) at most.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both directions were closed in order.
    Finished,
    /// The peer reset the connection.
    Reset,
    /// The peer refused the connection (RST in answer to our SYN).
    Refused,
    /// The peer did not answer for too long.
    TimedOut,
    /// The next hop did not answer ARP requests while connecting.
    Unreachable,
}

/// Why a connection could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// the remote address or a port is not one that can be connected to
    #[error("the remote address or a port is not one that can be connected to")]
    InvalidAddress,
    /// the remote address is not on the link and there is no gateway
    #[error("the remote address is not on the link and there is no gateway")]
    NoRoute,
    /// a connection between these two endpoints exists
    #[error("a connection between these two endpoints exists")]
    InUse,
    /// the connection table is full
    #[error("the connection table is full")]
    TableFull,
}
