//! The memory contracts: what a received piece and a piece to send must offer.

use core::ops::Range;

/// One owned contiguous piece of a received frame, such as an mbuf segment.
/// Dropping it gives the memory back to where it came from.
pub trait RxBuffer {
    /// The bytes of the piece; the same slice at every call.
    fn bytes(&self) -> &[u8];
}

/// Refcounted immutable bytes to send. The stack holds each one it pulled until
/// all its bytes are acknowledged, and drops it then.
pub trait TxBuffer {
    /// Number of bytes.
    fn len(&self) -> usize;

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes; the same memory and content for as long as any share lives.
    fn bytes(&self) -> &[u8];

    /// A further reference to `range` of the same memory. Sinks use it to keep
    /// the memory alive while a frame is on its way out.
    fn share(&self, range: Range<usize>) -> Self;
}
