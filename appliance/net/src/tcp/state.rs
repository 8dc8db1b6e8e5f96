//! The states of a connection (RFC 9293, 3.3.2).

/// The state of a connection. LISTEN has no connection here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// We sent, or are about to send, a SYN.
    SynSent,
    /// We answered a SYN and wait for its acknowledgement.
    SynReceived,
    /// Data flows both ways.
    Established,
    /// We closed; our FIN is not acknowledged yet.
    FinWait1,
    /// Our FIN is acknowledged; the peer may still send.
    FinWait2,
    /// The peer closed; we may still send.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged yet.
    Closing,
    /// The peer closed, then we did; our FIN is not acknowledged yet.
    LastAck,
    /// Both closed; we answer what is still under way.
    TimeWait,
    /// Over; kept until the application knows.
    Closed,
}

impl State {
    /// Whether new bytes may be pulled from the source.
    pub(crate) fn may_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Whether the peer may still send data.
    pub(crate) fn may_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }
}

impl State {
    /// Whether both initial sequence numbers are known and acknowledged.
    pub(crate) fn is_synchronised(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived)
    }
}
