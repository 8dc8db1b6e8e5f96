//! Many frames at a time.

use super::Mbuf;
use std::fmt;
use std::mem::MaybeUninit;

/// A queue of frames with a fixed capacity, which owns them: dropping it frees them.
///
/// Bursts fill it and empty it. Frames go in behind and come out in front, so what a
/// full ring refused stays first.
///
/// It moves like any owner; whoever gave it away cannot use it:
///
/// ```compile_fail,E0382
/// let batch = dpdk::MbufBatch::with_capacity(32);
/// let elsewhere = batch;
/// batch.len();
/// ```
///
/// nor can it be copied:
///
/// ```compile_fail,E0599
/// let batch = dpdk::MbufBatch::with_capacity(32);
/// let twice = batch.clone();
/// ```
///
/// ```
/// let batch = dpdk::MbufBatch::with_capacity(32);
/// let elsewhere = batch;
/// assert_eq!(elsewhere.len(), 0);
/// ```
pub struct MbufBatch {
    /// Initialised from `head` to `tail`.
    slots: Box<[MaybeUninit<Mbuf>]>,
    head: usize,
    tail: usize,
}

impl MbufBatch {
    /// An empty batch; the only allocation it makes.
    pub fn with_capacity(capacity: u16) -> Self {
        Self {
            slots: Box::new_uninit_slice(usize::from(capacity)),
            head: 0,
            tail: 0,
        }
    }

    /// Frames in it.
    pub fn len(&self) -> usize {
        self.tail - self.head
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// Most frames it can hold.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Frames that still fit.
    pub fn room(&self) -> usize {
        self.capacity() - self.len()
    }

    /// Puts a frame behind the others.
    ///
    /// # Errors
    ///
    /// Gives the frame back when the batch is full.
    pub fn push(&mut self, frame: Mbuf) -> Result<(), Mbuf> {
        if self.tail == self.slots.len() {
            self.move_to_front();
        }
        match self.slots.get_mut(self.tail) {
            Some(slot) => {
                slot.write(frame);
                self.tail += 1;
                Ok(())
            }
            None => Err(frame),
        }
    }

    /// Takes the first frame out.
    pub fn pop(&mut self) -> Option<Mbuf> {
        if self.is_empty() {
            return None;
        }
        let slot = self.slots.get(self.head)?;
        self.head += 1;
        // SAFETY: the slot was within `head..tail`, so it is initialised; it no longer is
        // within, so it is not read again.
        Some(unsafe { slot.assume_init_read() })
    }

    /// Takes the frame at a place out; those behind it move up.
    pub fn remove(&mut self, index: usize) -> Option<Mbuf> {
        let frames = self.as_mut_slice().get_mut(index..)?;
        if frames.is_empty() {
            return None;
        }
        // The frame wanted goes last, all others keep their order.
        frames.rotate_left(1);
        self.tail -= 1;
        let slot = self.slots.get(self.tail)?;
        // SAFETY: the slot was the last within `head..tail`, so it is initialised; it no
        // longer is within, so it is not read again.
        Some(unsafe { slot.assume_init_read() })
    }

    /// The frames, first to last.
    pub fn as_slice(&self) -> &[Mbuf] {
        debug_assert!(self.head <= self.tail && self.tail <= self.slots.len());
        // SAFETY: `head..tail` is within the slots (`push` and `filled` see to it).
        let frames = unsafe { self.slots.get_unchecked(self.head..self.tail) };
        // SAFETY: `head..tail` is initialised, and `MaybeUninit` changes no layout.
        unsafe { &*(&raw const *frames as *const [Mbuf]) }
    }

    /// The frames, first to last, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [Mbuf] {
        debug_assert!(self.head <= self.tail && self.tail <= self.slots.len());
        // SAFETY: `head..tail` is within the slots (`push` and `filled` see to it).
        let frames = unsafe { self.slots.get_unchecked_mut(self.head..self.tail) };
        // SAFETY: `head..tail` is initialised, and `MaybeUninit` changes no layout.
        unsafe { &mut *(&raw mut *frames as *mut [Mbuf]) }
    }

    /// Frees all frames.
    pub fn clear(&mut self) {
        while self.pop().is_some() {}
        self.head = 0;
        self.tail = 0;
    }

    /// Where frames can be added, all of the room in one piece.
    pub(crate) fn spare(&mut self) -> &mut [MaybeUninit<Mbuf>] {
        self.move_to_front();
        self.slots.get_mut(self.tail..).unwrap_or_default()
    }

    /// Counts frames in that were written to [`spare`](Self::spare).
    ///
    /// # Safety
    ///
    /// The first `count` slots of the last `spare` hold frames that the batch now owns.
    pub(crate) unsafe fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.slots.len() - self.tail);
        self.tail += count;
    }

    /// Forgets the first frames without freeing them.
    ///
    /// # Safety
    ///
    /// `count` is at most `len()`, and somebody else owns those frames now.
    pub(crate) unsafe fn forget(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.head += count;
        if self.is_empty() {
            self.head = 0;
            self.tail = 0;
        }
    }

    fn move_to_front(&mut self) {
        if self.head != 0 {
            let first = self.slots.as_mut_ptr();
            // SAFETY: `head` is within the slots.
            let from = unsafe { first.add(self.head) };
            // SAFETY: both stretches of `len()` are within the slots and may overlap; the
            // old places of the frames are no longer within `head..tail` afterwards.
            unsafe { std::ptr::copy(from, first, self.len()) };
            self.tail -= self.head;
            self.head = 0;
        }
    }
}

impl Drop for MbufBatch {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for MbufBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MbufBatch")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
