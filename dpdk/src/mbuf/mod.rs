//! Frames and their segments.

mod batch;
mod offload;
mod segments;

pub use batch::MbufBatch;
pub use offload::{RxChecksum, TxOffload};
pub use segments::{IntoSegments, Segment, Segments};

use dpdk_sys::rte_mbuf;
use std::fmt;
use std::ptr::{self, NonNull};

/// Why an mbuf was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MbufError {
    /// the last segment has not that much room, or lent bytes, which are not written
    #[error("the last segment has no room for {0} bytes")]
    NoRoom(usize),
    /// the headers must lie in the first segment, which must be a direct one
    #[error("the headers that the offload needs are not in the first segment, or are too short")]
    Headers,
}

/// One frame: a chain of segments with one owner, freed when it is dropped.
///
/// Every segment is referenced by this chain alone, and its bytes are written through
/// the owner only. Segments that carry a loan are never written.
///
/// It cannot be copied, since two owners would free it twice:
///
/// ```compile_fail,E0277
/// fn copied<T: Clone>() {}
/// copied::<dpdk::Mbuf>();
/// ```
///
/// nor be seen by two threads at once, though it can be given to another:
///
/// ```compile_fail,E0277
/// fn seen_by_many<T: Sync>() {}
/// seen_by_many::<dpdk::Mbuf>();
/// ```
///
/// ```
/// fn given_away<T: Send>() {}
/// given_away::<dpdk::Mbuf>();
/// ```
#[repr(transparent)]
pub struct Mbuf(NonNull<rte_mbuf>);

// SAFETY: the chain has one owner, pools take mbufs back from any thread, and a loan's
// release may run on any thread (contract of `Loan`).
unsafe impl Send for Mbuf {}

/// Neither attached nor shared: the segment's bytes are its own.
const NOT_DIRECT: u64 = dpdk_sys::RTE_MBUF_F_EXTERNAL | dpdk_sys::RTE_MBUF_F_INDIRECT;

impl Mbuf {
    /// Takes over a chain.
    ///
    /// # Safety
    ///
    /// `first` heads a well-formed chain (`next`, `nb_segs`, `pkt_len` and each segment's
    /// `data_len` and `data_off` agree with its buffer), every segment has one reference
    /// and lies in a pool of this EAL, and nobody else uses the chain from now on.
    pub(crate) unsafe fn from_raw(first: NonNull<rte_mbuf>) -> Self {
        Self(first)
    }

    /// Gives the chain up without freeing it.
    pub(crate) fn into_raw(self) -> NonNull<rte_mbuf> {
        let first = self.0;
        std::mem::forget(self);
        first
    }

    /// For calls that read the mbuf, or write it as its owner may.
    pub(crate) fn as_raw(&mut self) -> *mut rte_mbuf {
        self.0.as_ptr()
    }

    fn head(&self) -> &rte_mbuf {
        // SAFETY: `self` owns a valid mbuf, which only `&mut self` changes.
        unsafe { self.0.as_ref() }
    }

    fn head_mut(&mut self) -> &mut rte_mbuf {
        // SAFETY: `self` owns a valid mbuf, borrowed exclusively here.
        unsafe { self.0.as_mut() }
    }

    /// Bytes of the frame, of all segments.
    pub fn packet_len(&self) -> usize {
        self.head().pkt_len as usize
    }

    /// Segments of the frame, at least one.
    pub fn segment_count(&self) -> usize {
        usize::from(self.head().nb_segs)
    }

    /// Bytes of the first segment.
    pub fn bytes(&self) -> &[u8] {
        Segment::of(self.head()).bytes()
    }

    /// Has the headers brought near while something else is done: they come from the device, not from a cache.
    pub fn prefetch(&self) {
        // SAFETY: `self` owns a valid mbuf. What it points to is not read, only named to the processor.
        unsafe { dpdk_sys::shim_prefetch(self.0.as_ptr()) }
    }

    /// All segments, first to last.
    pub fn segments(&self) -> Segments<'_> {
        Segments::of(self.head())
    }

    /// Cuts the chain into its segments, each an mbuf of its own, first to last. Those
    /// not taken are freed with the iterator.
    pub fn into_segments(self) -> IntoSegments {
        IntoSegments::of(self)
    }

    /// Copies bytes behind the last byte of the last segment.
    ///
    /// # Errors
    ///
    /// [`MbufError::NoRoom`] if they do not fit there, or that segment is lent.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), MbufError> {
        let no_room = MbufError::NoRoom(bytes.len());
        let last = self.last();
        // SAFETY: `last` is a segment of this chain, exclusively borrowed with it; a first
        // segment is not borrowed otherwise while this reference lives.
        let segment = unsafe { &mut *last.as_ptr() };
        let used = usize::from(segment.data_off) + usize::from(segment.data_len);
        let room = usize::from(segment.buf_len)
            .checked_sub(used)
            .ok_or(no_room)?;
        if segment.ol_flags & NOT_DIRECT != 0 || bytes.len() > room {
            return Err(no_room);
        }
        let Ok(len) = u16::try_from(bytes.len()) else {
            return Err(no_room);
        };
        // SAFETY: `used` is within the buffer of `buf_len` bytes at `buf_addr`.
        let end = unsafe { segment.buf_addr.cast::<u8>().add(used) };
        // SAFETY: `room` bytes follow `end`, of a direct buffer that this chain alone
        // references, so the source cannot overlap it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len()) };
        segment.data_len += len;
        self.head_mut().pkt_len += u32::from(len);
        Ok(())
    }

    /// Puts another frame's segments behind this one's.
    ///
    /// # Errors
    ///
    /// Gives the other frame back when both have more than 65,535 segments, or 4 GiB,
    /// together.
    pub fn chain(&mut self, tail: Self) -> Result<(), Self> {
        let segments = self.head().nb_segs.checked_add(tail.head().nb_segs);
        let bytes = self.head().pkt_len.checked_add(tail.head().pkt_len);
        let (Some(segments), Some(bytes)) = (segments, bytes) else {
            return Err(tail);
        };
        let last = self.last();
        let tail = tail.into_raw();
        // SAFETY: `last` is this chain's last segment, exclusively borrowed, and `tail` a
        // whole chain that was just given up to it.
        unsafe { (*last.as_ptr()).next = tail.as_ptr() };
        let head = self.head_mut();
        head.nb_segs = segments;
        head.pkt_len = bytes;
        Ok(())
    }

    fn last(&mut self) -> NonNull<rte_mbuf> {
        let mut last = self.0;
        // SAFETY: every `next` of an owned chain is a valid segment of it, or null at its
        // end; chains have no cycles, since `chain` takes whole owned chains only.
        while let Some(next) = NonNull::new(unsafe { last.as_ref() }.next) {
            last = next;
        }
        last
    }
}

impl Drop for Mbuf {
    fn drop(&mut self) {
        // SAFETY: `self` owns the chain, and pools outlive mbufs.
        unsafe { dpdk_sys::rte_pktmbuf_free(self.0.as_ptr()) };
    }
}

impl fmt::Debug for Mbuf {
    /// Sizes only: file data does not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mbuf")
            .field("packet_len", &self.packet_len())
            .field("segments", &self.segment_count())
            .finish()
    }
}
