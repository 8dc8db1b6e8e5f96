//! What TCP's send queue holds: the gateway's payloads.

use core::ops::Range;

use gateway::Payload;

/// A payload as the stack sees it: refcounted immutable bytes.
#[derive(Debug)]
pub struct TxBytes(pub Payload);

impl net::TxBuffer for TxBytes {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn share(&self, range: Range<usize>) -> Self {
        Self(self.0.share(range))
    }
}
