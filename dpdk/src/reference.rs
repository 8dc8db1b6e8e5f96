//! The attaching loop in plain C, which [`FrameBuilder`] is measured against.

use crate::FrameBuilder;
use dpdk_sys::{rte_mbuf, shim_reference, shim_reference_piece};
use std::marker::PhantomData;
use std::ptr;

/// One block's reference count, on a cache line of its own as in the cache.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
struct References(u32);

/// Frames of a header and one piece attached, built in C, so many of them out at a time.
///
/// It does what a loop over [`FrameBuilder::build`] does: allocates both mbufs, copies
/// the header, counts a reference to the piece's block, attaches, chains, frees the
/// oldest frame, whose callback drops its reference.
#[derive(Debug)]
pub struct AttachInC<'a> {
    builder: &'a FrameBuilder,
    header: &'a [u8],
    pieces: Vec<shim_reference_piece>,
    outstanding: Vec<*mut rte_mbuf>,
    next: u32,
    oldest: u32,
    /// What `pieces` points to.
    _references: Vec<References>,
    _pieces: PhantomData<&'a [u8]>,
}

impl<'a> AttachInC<'a> {
    /// A loop over `pieces`, each with the number of its block, below `blocks`; the bytes
    /// are attached and never read. `None` if there is nothing to loop over, a piece has
    /// more than 65,535 bytes, or the header does not fit one mbuf.
    pub fn new(
        builder: &'a FrameBuilder,
        header: &'a [u8],
        pieces: impl IntoIterator<Item = (&'a [u8], usize)>,
        blocks: usize,
        outstanding: usize,
    ) -> Option<Self> {
        let mut references = vec![References::default(); blocks];
        let mut list = Vec::new();
        for (bytes, block) in pieces {
            let count = references.get_mut(block)?;
            list.push(shim_reference_piece {
                address: bytes.as_ptr().cast_mut().cast(),
                iova: bytes.as_ptr().addr() as u64,
                references: &raw mut count.0,
                len: u16::try_from(bytes.len()).ok()?,
            });
        }
        let fits = header.len() <= usize::from(builder.direct().room());
        (fits && !list.is_empty() && outstanding > 0).then(|| Self {
            builder,
            header,
            pieces: list,
            outstanding: vec![ptr::null_mut(); outstanding],
            next: 0,
            oldest: 0,
            _references: references,
            _pieces: PhantomData,
        })
    }

    /// Builds so many frames, and frees as many as are then too many.
    ///
    /// The process aborts when a pool is empty.
    pub fn run(&mut self, frames: u32) {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let mut state = shim_reference {
            pieces: self.pieces.as_ptr(),
            outstanding: self.outstanding.as_mut_ptr(),
            nb_pieces: count(self.pieces.len()),
            nb_outstanding: count(self.outstanding.len()),
            next: self.next,
            oldest: self.oldest,
        };
        // SAFETY: both pools live as long as the EAL, which the builder holds, and the
        // external one has a private area for the shared info. The header fits an mbuf
        // (`new`). Pieces, counts and the ring of frames are owned by `self` or borrowed
        // for 'a, and outlive the frames, which are freed before them (`drop`).
        unsafe {
            dpdk_sys::shim_reference_attach(
                self.builder.direct().pointer().as_ptr(),
                self.builder.external().pointer().as_ptr(),
                self.header.as_ptr().cast(),
                u16::try_from(self.header.len()).unwrap_or(0),
                &raw mut state,
                frames,
            );
        }
        self.next = state.next;
        self.oldest = state.oldest;
    }
}

impl Drop for AttachInC<'_> {
    fn drop(&mut self) {
        for frame in self.outstanding.drain(..) {
            // SAFETY: null, or a chain that the loop built and nobody else has.
            unsafe { dpdk_sys::rte_pktmbuf_free(frame) };
        }
    }
}
