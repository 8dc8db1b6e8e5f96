//! Frames on their way in and out, and the two sides the stack sends between:
//! the [`Source`] of bytes and the [`FrameSink`].

use core::ops::Range;

use crate::event::ConnectionId;

/// What the receiving device has already verified about a frame. What is not
/// known to be good is verified in software.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxChecksums {
    /// The IPv4 header checksum is good.
    pub ip_good: bool,
    /// The TCP (or other layer 4) checksum is good, or need not be checked
    /// because the frame never crossed a wire.
    pub l4_good: bool,
}

/// Where the bytes of a connection come from. Sending is pull: the stack asks
/// when the windows and the sink have room.
pub trait Source<T> {
    /// The next bytes of `connection`'s stream, at most `room` (never 0) and at
    /// least one; `None` when there is nothing to send at the moment, after
    /// which [`Stack::wake`](crate::Stack::wake) must be called to be asked
    /// again.
    fn pull(&mut self, connection: ConnectionId, room: usize) -> Option<T>;
}

/// Where frames go.
pub trait FrameSink<T> {
    /// Whether one more frame is accepted.
    fn has_room(&self) -> bool;

    /// Takes one frame. Called only after `has_room` answered true; the sink
    /// copies the header and shares the payload buffers it needs to keep.
    fn emit(&mut self, frame: TxFrame<'_, T>);
}

/// A range of a buffer's bytes within a frame.
#[derive(Debug)]
pub struct Piece<'a, T> {
    /// The buffer in the send queue.
    pub buffer: &'a T,
    /// The bytes of it that belong to the frame; never empty.
    pub range: Range<usize>,
}

impl<T> Clone for Piece<'_, T> {
    fn clone(&self) -> Self {
        Self {
            buffer: self.buffer,
            range: self.range.clone(),
        }
    }
}

/// One frame to send: header bytes followed by the payload pieces.
#[derive(Debug)]
pub struct TxFrame<'a, T> {
    /// Ethernet, IP and TCP headers, or a whole ARP or ICMP frame; at most
    /// [`limits::MAX_HEADER_BYTES`](crate::limits::MAX_HEADER_BYTES).
    pub header: &'a [u8],
    /// The payload in order; empty for frames without data.
    pub payload: &'a [Piece<'a, T>],
    /// Bytes of the Ethernet header.
    pub l2_len: u16,
    /// Bytes of the IPv4 header; 0 when the frame is not IPv4.
    pub l3_len: u16,
    /// Bytes of the TCP header; 0 when the frame is not TCP.
    pub l4_len: u16,
    /// What the device has to complete.
    pub offload: FrameOffload,
}

/// What the device has to do to a frame before it goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameOffload {
    /// Fill in the IPv4 header checksum; the field holds 0.
    pub ip_checksum: bool,
    /// Fill in the TCP checksum; the field holds the folded, not inverted sum
    /// of the pseudo-header. With `tso_segment` that sum leaves the length out.
    pub tcp_checksum: bool,
    /// Cut the payload into segments of this many bytes.
    pub tso_segment: Option<u16>,
}
