//! What TCP's send queue holds: the gateway's payloads.

use core::ops::Range;

use gateway::{Charge, Payload};

/// A payload as the stack sees it: refcounted immutable bytes.
///
/// The last piece of a reply carries what the reply is charged to its client. TCP keeps it until the client
/// has acknowledged all of it, and so everything before it.
#[derive(Debug)]
pub struct TxBytes(
    pub Payload,
    #[expect(dead_code, reason = "what matters is when it is dropped")] pub(crate) Option<Charge>,
);

impl net::TxBuffer for TxBytes {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn share(&self, range: Range<usize>) -> Self {
        Self(self.0.share(range), None)
    }
}
