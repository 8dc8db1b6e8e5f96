//! Frames out of payloads: copied into mbufs, or attached where the payload lies.

use crate::Source;
use cache::{BlockSlice, WireRef};
use dpdk::{FrameBuilder, Mbuf, Part};

/// Ethernet, IPv4 and TCP without options.
pub const HEADER: [u8; 54] = [0x11; 54];

/// Frames that are out, as in a transmit ring: the oldest is freed when one is added.
///
/// So copies go to memory that is not hot either, as on the way to a NIC.
pub struct Frames<'a> {
    builder: &'a FrameBuilder,
    out: Vec<Option<Mbuf>>,
    oldest: usize,
}

impl<'a> Frames<'a> {
    /// So many of them out at a time.
    pub fn new(builder: &'a FrameBuilder, outstanding: usize) -> Self {
        Self {
            builder,
            out: std::iter::repeat_with(|| None).take(outstanding).collect(),
            oldest: 0,
        }
    }

    /// One more frame, its payload copied.
    pub fn copy(&mut self, payload: &BlockSlice) {
        let frame = copied(self.builder, payload);
        self.put(frame);
    }

    /// One more frame, its payload attached.
    pub fn attach(&mut self, payload: &BlockSlice) {
        let frame = attached(self.builder, payload);
        self.put(frame);
    }

    fn put(&mut self, frame: Mbuf) {
        self.out[self.oldest] = Some(frame);
        self.oldest += 1;
        if self.oldest == self.out.len() {
            self.oldest = 0;
        }
    }
}

/// A frame whose payload is copied.
///
/// # Panics
/// When a pool is empty.
pub fn copied(builder: &FrameBuilder, payload: &BlockSlice) -> Mbuf {
    let part = Part::<WireRef>::Copy(payload.as_slice());
    builder
        .build(&HEADER, [part])
        .expect("the pools are large enough")
}

/// A frame whose payload is attached.
///
/// # Panics
/// When a pool is empty.
pub fn attached(builder: &FrameBuilder, payload: &BlockSlice) -> Mbuf {
    let parts = Source::lend(payload).map(Part::Lend);
    builder
        .build(&HEADER, parts)
        .expect("the pools are large enough")
}
