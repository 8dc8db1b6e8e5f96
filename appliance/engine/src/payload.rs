//! What TCP's send queue holds: the gateway's payloads, and records made of them.

use core::ops::Range;

use cache::BlockSlice;
use gateway::{Charge, Payload};

/// Bytes to send as the stack sees them: refcounted and immutable.
///
/// The last piece of a reply carries what the reply is charged to its client. TCP keeps it until the client
/// has acknowledged all of it, and so everything before it.
#[derive(Debug)]
pub struct TxBytes {
    /// Where they lie.
    pub memory: TxMemory,
    #[expect(dead_code, reason = "what matters is when it is dropped")]
    charge: Option<Charge>,
}

/// Where bytes to send lie.
#[derive(Debug)]
pub enum TxMemory {
    /// Of a message, as it is.
    Payload(Payload),
    /// Of what TLS sends, in transmit memory. Retransmission sends these very bytes again: nothing is
    /// sealed twice (invariant I4).
    Record(BlockSlice),
}

impl TxBytes {
    pub(crate) fn payload(payload: Payload, charge: Option<Charge>) -> Self {
        Self {
            memory: TxMemory::Payload(payload),
            charge,
        }
    }

    pub(crate) fn record(record: BlockSlice, charge: Option<Charge>) -> Self {
        Self {
            memory: TxMemory::Record(record),
            charge,
        }
    }
}

impl net::TxBuffer for TxBytes {
    fn len(&self) -> usize {
        match &self.memory {
            TxMemory::Payload(payload) => payload.len(),
            TxMemory::Record(record) => record.len(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.memory {
            TxMemory::Payload(payload) => payload.bytes(),
            TxMemory::Record(record) => record.as_slice(),
        }
    }

    fn share(&self, range: Range<usize>) -> Self {
        match &self.memory {
            TxMemory::Payload(payload) => Self::payload(payload.share(range), None),
            TxMemory::Record(record) => Self::record(record.slice(range), None),
        }
    }
}
