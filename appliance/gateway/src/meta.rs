//! Small reference-counted buffers for everything that is not file data: headers, arguments, results.
//!
//! Two sizes: a small buffer holds any call or reply head (and nearly every metadata message) whole;
//! large ones continue the rare long message (a directory listing). Both are recycled and bounded in
//! number, so that after start nothing is allocated per message.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::{Rc, Weak};

use crate::limits::{LARGE_META_LEN, SMALL_META_LEN};

#[derive(Debug)]
struct Buffer {
    bytes: Box<[u8]>,
    home: Weak<Shelves>,
}

#[derive(Debug, Default)]
struct Shelf {
    spare: RefCell<Vec<Rc<Buffer>>>,
    made: Cell<usize>,
    bound: usize,
}

#[derive(Debug)]
struct Shelves {
    small: Shelf,
    large: Shelf,
}

/// The pool all [`MetaMut`] come from and all [`MetaSlice`] go back to.
///
/// A handle: [`MetaPool::share`] gives another one to the same pool.
#[derive(Debug)]
pub struct MetaPool {
    shelves: Rc<Shelves>,
}

impl MetaPool {
    /// A pool of at most `small` + `large` buffers; they are made when first needed and kept from then on.
    pub fn new(small: usize, large: usize) -> Self {
        let shelf = |bound| Shelf {
            spare: RefCell::new(Vec::with_capacity(bound)),
            made: Cell::new(0),
            bound,
        };
        Self {
            shelves: Rc::new(Shelves {
                small: shelf(small),
                large: shelf(large),
            }),
        }
    }

    /// Another handle to the same pool.
    pub fn share(&self) -> Self {
        Self {
            shelves: Rc::clone(&self.shelves),
        }
    }

    /// A buffer of [`SMALL_META_LEN`] bytes, or `None` when all are in use.
    pub fn small(&self) -> Option<MetaMut> {
        self.take(&self.shelves.small, SMALL_META_LEN)
    }

    /// A buffer of [`LARGE_META_LEN`] bytes, or `None` when all are in use.
    pub fn large(&self) -> Option<MetaMut> {
        self.take(&self.shelves.large, LARGE_META_LEN)
    }

    /// Small buffers that can still be taken.
    pub fn small_available(&self) -> usize {
        self.shelves.small.available()
    }

    /// Buffers of both sizes now in use.
    pub fn in_use(&self) -> usize {
        self.shelves.small.in_use() + self.shelves.large.in_use()
    }

    fn take(&self, shelf: &Shelf, len: usize) -> Option<MetaMut> {
        let recycled = shelf.spare.borrow_mut().pop();
        let buffer = match recycled {
            Some(buffer) => buffer,
            None if shelf.made.get() < shelf.bound => {
                shelf.made.set(shelf.made.get() + 1);
                Rc::new(Buffer {
                    bytes: vec![0; len].into_boxed_slice(),
                    home: Rc::downgrade(&self.shelves),
                })
            }
            None => return None,
        };
        Some(MetaMut {
            slice: MetaSlice {
                buffer: Some(buffer),
                range: 0..0,
            },
        })
    }
}

impl Shelf {
    fn available(&self) -> usize {
        self.bound - self.made.get() + self.spare.borrow().len()
    }

    fn in_use(&self) -> usize {
        self.made.get() - self.spare.borrow().len()
    }
}

/// A uniquely owned buffer being filled from its start.
#[derive(Debug)]
pub struct MetaMut {
    /// Its buffer has no other owner until [`MetaMut::freeze`].
    slice: MetaSlice,
}

impl MetaMut {
    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.slice.len()
    }

    /// Nothing written yet.
    pub fn is_empty(&self) -> bool {
        self.slice.is_empty()
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.slice.capacity() - self.len()
    }

    /// The bytes written so far.
    pub fn bytes(&self) -> &[u8] {
        self.slice.bytes()
    }

    /// The bytes written so far, to patch them.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let range = self.slice.range.clone();
        self.whole_mut().get_mut(range).unwrap_or_default()
    }

    /// Appends as much of `bytes` as fits and returns how many that were.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let take = bytes.len().min(self.room());
        let start = self.len();
        if let (Some(into), Some(from)) = (
            self.whole_mut().get_mut(start..start + take),
            bytes.get(..take),
        ) {
            into.copy_from_slice(from);
        }
        self.slice.range.end += take;
        take
    }

    /// Lets `write` fill the room that is left; it returns how many bytes it wrote.
    pub fn append_with<E>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let start = self.len();
        let room = self.whole_mut().get_mut(start..).unwrap_or_default();
        let room_len = room.len();
        let written = write(room)?;
        self.slice.range.end += written.min(room_len);
        Ok(())
    }

    /// Keeps only the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.slice.range.end = self.slice.range.end.min(len);
    }

    /// What was written, immutable from now on.
    pub fn freeze(self) -> MetaSlice {
        self.slice
    }

    fn whole_mut(&mut self) -> &mut [u8] {
        match self.slice.buffer.as_mut().and_then(Rc::get_mut) {
            Some(buffer) => &mut buffer.bytes,
            None => &mut [],
        }
    }
}

/// A reference to a range of an immutable buffer; the buffer is recycled when the last one is dropped.
#[derive(Debug)]
pub struct MetaSlice {
    /// `None` only while being dropped.
    buffer: Option<Rc<Buffer>>,
    /// Within the buffer.
    range: Range<usize>,
}

impl MetaSlice {
    /// Bytes referred to.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// No bytes referred to.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The bytes referred to.
    pub fn bytes(&self) -> &[u8] {
        self.buffer
            .as_ref()
            .and_then(|buffer| buffer.bytes.get(self.range.clone()))
            .unwrap_or_default()
    }

    /// Another reference, to `range` of these bytes (clipped to them).
    pub fn share(&self, range: Range<usize>) -> Self {
        let end = (self.range.start + range.end.min(self.len())).min(self.range.end);
        let start = (self.range.start + range.start.min(self.len())).min(end);
        Self {
            buffer: self.buffer.clone(),
            range: start..end,
        }
    }

    /// The bytes, to patch them, if nobody else refers to the buffer.
    pub(crate) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        let buffer = Rc::get_mut(self.buffer.as_mut()?)?;
        buffer.bytes.get_mut(self.range.clone())
    }

    fn capacity(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.bytes.len())
    }
}

impl Drop for MetaSlice {
    fn drop(&mut self) {
        let Some(buffer) = self.buffer.take() else {
            return;
        };
        if Rc::strong_count(&buffer) > 1 {
            return;
        }
        if let Some(home) = buffer.home.upgrade() {
            let shelf = if buffer.bytes.len() == SMALL_META_LEN {
                &home.small
            } else {
                &home.large
            };
            shelf.spare.borrow_mut().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_slice_goes() {
        let pool = MetaPool::new(1, 0);
        let mut buffer = pool.small().expect("one is there");
        assert_eq!(buffer.append(b"header"), 6);
        assert!(pool.small().is_none(), "the bound is one");
        let whole = buffer.freeze();
        let part = whole.share(2..4);
        drop(whole);
        assert_eq!(part.bytes(), b"ad");
        assert!(pool.small().is_none(), "still referred to");
        drop(part);
        assert_eq!(pool.in_use(), 0);
        assert!(
            pool.small().expect("recycled").is_empty(),
            "a recycled buffer starts empty"
        );
    }

    #[test]
    fn append_stops_at_the_end_of_the_buffer() {
        let pool = MetaPool::new(1, 0);
        let mut buffer = pool.small().expect("one is there");
        assert_eq!(buffer.append(&[7; SMALL_META_LEN + 9]), SMALL_META_LEN);
        assert_eq!(buffer.append(&[7]), 0);
        assert_eq!(buffer.room(), 0);
    }

    #[test]
    fn sharing_is_clipped_to_what_is_shared() {
        let pool = MetaPool::new(1, 0);
        let mut buffer = pool.small().expect("one is there");
        buffer.append(b"0123456789");
        let part = buffer.freeze().share(3..6);
        assert_eq!(part.share(1..100).bytes(), b"45");
        assert_eq!(part.share(50..60).bytes(), b"");
    }

    #[test]
    fn a_slice_may_outlive_the_pool() {
        let pool = MetaPool::new(1, 1);
        let mut buffer = pool.large().expect("one is there");
        buffer.append(b"late");
        let slice = buffer.freeze();
        drop(pool);
        assert_eq!(slice.bytes(), b"late");
    }
}
