use super::Reader;

/// A range of a scattered message, borrowed: names, paths, file data and whole argument bodies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes<'a> {
    pub(super) current: &'a [u8],
    pub(super) later: &'a [&'a [u8]],
    pub(super) len: usize,
}

impl<'a> Bytes<'a> {
    /// The range that is one slice.
    #[must_use]
    pub const fn contiguous(bytes: &'a [u8]) -> Self {
        Bytes {
            current: bytes,
            later: &[],
            len: bytes.len(),
        }
    }

    /// Length in bytes, without padding.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is not a byte in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The range as non-empty contiguous pieces, in order.
    #[must_use]
    pub const fn slices(&self) -> Slices<'a> {
        Slices { rest: *self }
    }

    /// The range as one slice, if it lies in one segment.
    #[must_use]
    pub fn as_contiguous(&self) -> Option<&'a [u8]> {
        let mut slices = self.slices();
        let first = slices.next().unwrap_or_default();
        (first.len() == self.len).then_some(first)
    }

    /// Copies the range to the front of `out` and returns the part that was filled; `None`, with
    /// nothing copied, if `out` is too small.
    pub fn copy_to<'b>(&self, out: &'b mut [u8]) -> Option<&'b mut [u8]> {
        let out = out.get_mut(..self.len)?;
        let mut free = &mut *out;
        for slice in self.slices() {
            let (filled, rest) = free.split_at_mut_checked(slice.len())?;
            filled.copy_from_slice(slice);
            free = rest;
        }
        Some(out)
    }

    /// The single bytes, in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.slices().flatten().copied()
    }

    /// A reader over just this range, its position starting at 0.
    #[must_use]
    pub const fn reader(&self) -> Reader<'a> {
        Reader::from_bytes(*self)
    }
}

impl PartialEq<[u8]> for Bytes<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.len == other.len() && self.iter().eq(other.iter().copied())
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Bytes<'_> {
    fn eq(&self, other: &[u8; N]) -> bool {
        *self == other[..]
    }
}

impl PartialEq for Bytes<'_> {
    /// Equal contents, however they are scattered.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for Bytes<'_> {}

/// Iterator over the non-empty contiguous pieces of a [`Bytes`].
#[derive(Clone, Debug)]
pub struct Slices<'a> {
    rest: Bytes<'a>,
}

impl<'a> Iterator for Slices<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &mut self.rest;
        while rest.len > 0 {
            let slice = rest.current.get(..rest.len).unwrap_or(rest.current);
            (rest.current, rest.later) = match rest.later.split_first() {
                Some((next, later)) => (*next, later),
                None => (&[][..], &[][..]),
            };
            rest.len = rest.len.saturating_sub(slice.len());
            if !slice.is_empty() {
                return Some(slice);
            }
            if rest.current.is_empty() && rest.later.is_empty() {
                rest.len = 0;
            }
        }
        None
    }
}
