//! Whole frames in one step: headers copied, file data attached.

use crate::limits::{FRAME_PARTS, FRAME_SEGMENTS};
use crate::{ExternalPool, Mbuf, Mempool};
use dpdk_sys::shim_part;
use extbuf::Loan;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// One stretch of a frame.
#[derive(Debug)]
pub enum Part<'a, L> {
    /// Copied into mbufs of the direct pool; joins what was copied just before it.
    Copy(&'a [u8]),
    /// Attached where it lies, and released when the frame is freed.
    Lend(L),
}

/// Why a frame was not built. Its loans are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// a pool is empty: frames in flight must be freed first
    #[error("a pool is empty: frames in flight must be freed first, or the pools be made larger")]
    PoolEmpty,
    /// more parts or segments than one frame may have
    #[error("more parts than {FRAME_PARTS} or segments than {FRAME_SEGMENTS}")]
    TooLong,
    /// a frame needs at least one byte
    #[error("a frame needs at least one byte")]
    Empty,
}

/// Builds frames out of two pools, allocating nothing else.
#[derive(Debug)]
pub struct FrameBuilder {
    direct: Mempool,
    external: ExternalPool,
}

impl FrameBuilder {
    /// A builder that copies into `direct` and attaches with `external`.
    pub fn new(direct: Mempool, external: ExternalPool) -> Self {
        Self { direct, external }
    }

    /// Builds one frame: the header, then the parts in their order, as one chain.
    ///
    /// Header and copied parts share mbufs where they are neighbours, so a frame of a
    /// header and one loan is two segments. Parts without bytes vanish.
    ///
    /// # Errors
    ///
    /// See [`FrameError`]; the loans taken so far are released, the others never taken.
    pub fn build<'a, L: Loan>(
        &self,
        header: &'a [u8],
        parts: impl IntoIterator<Item = Part<'a, L>>,
    ) -> Result<Mbuf, FrameError> {
        let mut list = PartList::new();
        list.copy(header).ok_or(FrameError::TooLong)?;
        for part in parts {
            match part {
                Part::Copy(bytes) => list.copy(bytes),
                Part::Lend(loan) => list.lend_bytes(loan),
            }
            .ok_or(FrameError::TooLong)?;
        }
        let mut frame = ptr::null_mut();
        let (first, count) = list.raw();
        // SAFETY: both pools live as long as the EAL, which the builder holds; the external
        // one has a private area for the shared info. `first` points to `count` parts, whose
        // copied bytes are borrowed for 'a and whose loans are valid until released.
        let code = unsafe {
            dpdk_sys::shim_frame(
                self.direct.pointer().as_ptr(),
                self.external.pointer().as_ptr(),
                first,
                count,
                &raw mut frame,
            )
        };
        match (code, NonNull::new(frame)) {
            (0, Some(frame)) => {
                list.hand_over();
                // SAFETY: on success the shim hands over a well-formed chain whose segments
                // have one reference each.
                Ok(unsafe { Mbuf::from_raw(frame) })
            }
            (code, _) => Err(match -code {
                ENOMEM => FrameError::PoolEmpty,
                E2BIG => FrameError::TooLong,
                _ => FrameError::Empty,
            }),
        }
    }

    /// The pool that is copied into.
    pub fn direct(&self) -> &Mempool {
        &self.direct
    }

    /// The pool whose mbufs loans are attached to.
    pub fn external(&self) -> &ExternalPool {
        &self.external
    }
}

/// Linux's numbers for what the shim returns.
const ENOMEM: i32 = 12;
const E2BIG: i32 = 7;

/// The parts of one frame, on the stack, owning the loans among them: dropping it
/// releases them.
pub(crate) struct PartList {
    parts: [MaybeUninit<shim_part>; FRAME_PARTS],
    len: usize,
}

impl PartList {
    pub(crate) fn new() -> Self {
        Self {
            parts: [const { MaybeUninit::uninit() }; FRAME_PARTS],
            len: 0,
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.is_empty() {
            return Some(());
        }
        let len = u32::try_from(bytes.len()).ok()?;
        self.push(shim_part {
            address: bytes.as_ptr().cast_mut().cast(),
            iova: 0,
            release: None,
            opaque: ptr::null_mut(),
            len,
        })
        .map(|_| ())
    }

    /// Adds a loan; without room for it, it is released at once.
    pub(crate) fn lend<L: Loan>(&mut self, loan: L) -> Option<&shim_part> {
        let loan = loan.into_parts();
        self.push(shim_part {
            address: loan.address.as_ptr().cast(),
            iova: loan.iova,
            release: Some(loan.release),
            opaque: loan.opaque,
            len: u32::from(loan.len),
        })
    }

    /// Adds a loan of at least one byte. An empty one is released, and counts as added:
    /// some NICs hang on a segment without bytes.
    fn lend_bytes<L: Loan>(&mut self, loan: L) -> Option<()> {
        let empty = self.lend(loan)?.len == 0;
        if empty {
            self.len -= 1;
            if let Some(slot) = self.parts.get(self.len) {
                // SAFETY: `lend` just wrote this slot; it is not counted any more, so that
                // this is its only release.
                release(unsafe { slot.assume_init_ref() });
            }
        }
        Some(())
    }

    fn push(&mut self, part: shim_part) -> Option<&shim_part> {
        match self.parts.get_mut(self.len) {
            Some(slot) => {
                self.len += 1;
                Some(slot.write(part))
            }
            None => {
                release(&part);
                None
            }
        }
    }

    fn raw(&self) -> (*const shim_part, u16) {
        #[expect(clippy::cast_possible_truncation, reason = "at most FRAME_PARTS")]
        let len = self.len as u16;
        (self.parts.as_ptr().cast(), len)
    }

    /// Forgets the loans: they belong to mbufs now.
    pub(crate) fn hand_over(mut self) {
        self.len = 0;
    }
}

impl Drop for PartList {
    fn drop(&mut self) {
        debug_assert!(self.len <= FRAME_PARTS);
        for slot in self.parts.iter().take(self.len) {
            // SAFETY: the first `len` slots were written by `push`.
            release(unsafe { slot.assume_init_ref() });
        }
    }
}

/// Gives a loan back that was not attached.
fn release(part: &shim_part) {
    if let Some(release) = part.release {
        // SAFETY: the loan's parts came from `into_parts`, and as the part is not handed
        // over this is the one call that its contract asks for, with its own arguments.
        unsafe { release(part.address, part.opaque) };
    }
}
