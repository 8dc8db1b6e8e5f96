//! The pieces of a frame.

use super::Mbuf;
use dpdk_sys::rte_mbuf;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// A look at one segment: for reading a received frame, and for checking that a frame
/// to be sent carries the cache's own bytes.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a>(&'a rte_mbuf);

impl<'a> Segment<'a> {
    pub(super) fn of(segment: &'a rte_mbuf) -> Self {
        Self(segment)
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        debug_assert!(
            usize::from(self.0.data_off) + usize::from(self.0.data_len)
                <= usize::from(self.0.buf_len),
            "data reach out of their buffer"
        );
        // SAFETY: an mbuf's data lies within its buffer, which its pool zeroed or a device
        // or a loan's owner filled. Direct buffers are written through their owner only,
        // which is borrowed for 'a, and lent ones not at all while they are attached.
        unsafe {
            std::slice::from_raw_parts(
                self.data_address() as *const u8,
                usize::from(self.0.data_len),
            )
        }
    }

    /// Bytes in this segment.
    #[expect(clippy::len_without_is_empty, reason = "a count, not a collection")]
    pub fn len(&self) -> usize {
        usize::from(self.0.data_len)
    }

    /// Whether the bytes are lent: attached to the mbuf rather than copied into it.
    pub fn is_external(&self) -> bool {
        self.0.ol_flags & dpdk_sys::RTE_MBUF_F_EXTERNAL != 0
    }

    /// Where the first byte lies.
    pub fn data_address(&self) -> usize {
        self.0.buf_addr.addr() + usize::from(self.0.data_off)
    }

    /// The address that a device reads the first byte at.
    pub fn data_iova(&self) -> u64 {
        self.0.buf_iova.wrapping_add(u64::from(self.0.data_off))
    }
}

/// The segments of a frame, first to last.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    next: *const rte_mbuf,
    _frame: PhantomData<&'a Mbuf>,
}

impl<'a> Segments<'a> {
    pub(super) fn of(first: &'a rte_mbuf) -> Self {
        Self {
            next: first,
            _frame: PhantomData,
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        // SAFETY: null at the end of the chain, else a segment of the frame borrowed for 'a.
        let segment: &'a rte_mbuf = unsafe { self.next.as_ref() }?;
        self.next = segment.next;
        Some(Segment(segment))
    }
}

/// The segments of a frame, each an mbuf of its own; those not taken are freed.
#[derive(Debug)]
pub struct IntoSegments {
    /// What is left, as a frame.
    rest: Option<Mbuf>,
}

impl IntoSegments {
    pub(super) fn of(frame: Mbuf) -> Self {
        Self { rest: Some(frame) }
    }
}

impl Iterator for IntoSegments {
    type Item = Mbuf;

    fn next(&mut self) -> Option<Mbuf> {
        let mut first = self.rest.take()?;
        let head = first.head_mut();
        let next = std::mem::replace(&mut head.next, ptr::null_mut());
        let (segments, bytes) = (head.nb_segs, head.pkt_len);
        head.nb_segs = 1;
        head.pkt_len = u32::from(head.data_len);
        let bytes_left = bytes.saturating_sub(head.pkt_len);
        self.rest = NonNull::new(next).map(|next| {
            // SAFETY: the chain behind its first segment is a chain, whose owner is now
            // `rest`; the counts of its head are set right below.
            let mut rest = unsafe { Mbuf::from_raw(next) };
            let head = rest.head_mut();
            head.nb_segs = segments.saturating_sub(1).max(1);
            head.pkt_len = bytes_left;
            rest
        });
        Some(first)
    }
}
