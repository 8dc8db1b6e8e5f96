use super::{Bytes, XdrError, padding};

/// Reads XDR values from a scattered message.
///
/// A failed read may have consumed part of the value: keep a clone to try again from. Cloning
/// costs a few words. Lengths are checked against the field's bound before anything else is
/// looked at, so a length bomb is [`XdrError::TooLong`] even before its bytes arrive.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// The segment being read, from the next byte on. May reach past the end of the range.
    current: &'a [u8],
    later: &'a [&'a [u8]],
    /// Bytes left in the range.
    remaining: usize,
    position: usize,
}

impl<'a> Reader<'a> {
    /// Reads the concatenation of `segments`, some of which may be empty.
    #[must_use]
    pub fn new(segments: &'a [&'a [u8]]) -> Self {
        let len = segments
            .iter()
            .fold(0usize, |sum, segment| sum.saturating_add(segment.len()));
        Reader::from_bytes(Bytes {
            current: &[],
            later: segments,
            len,
        })
    }

    /// Reads one slice.
    #[must_use]
    pub const fn contiguous(bytes: &'a [u8]) -> Self {
        Reader::from_bytes(Bytes::contiguous(bytes))
    }

    pub(super) const fn from_bytes(bytes: Bytes<'a>) -> Self {
        Reader {
            current: bytes.current,
            later: bytes.later,
            remaining: bytes.len,
            position: 0,
        }
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.remaining
    }

    /// Bytes read so far: the offset of the next value in the message.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Everything not read yet, without reading it.
    #[must_use]
    pub const fn rest(&self) -> Bytes<'a> {
        Bytes {
            current: self.current,
            later: self.later,
            len: self.remaining,
        }
    }

    /// What was read since `start`, an earlier clone of this reader: for forwarding verbatim.
    #[must_use]
    pub const fn since(&self, start: &Reader<'a>) -> Bytes<'a> {
        let read = start.remaining.saturating_sub(self.remaining);
        Bytes {
            current: start.current,
            later: start.later,
            len: read,
        }
    }

    /// Moves past `len` bytes.
    ///
    /// # Errors
    /// [`XdrError::Short`] if there are fewer; then nothing is consumed.
    pub fn skip(&mut self, len: usize) -> Result<(), XdrError> {
        self.raw(len).map(drop)
    }

    /// The next `len` bytes as they are, without padding.
    ///
    /// # Errors
    /// [`XdrError::Short`] if there are fewer; then nothing is consumed.
    pub fn raw(&mut self, len: usize) -> Result<Bytes<'a>, XdrError> {
        let left = self.remaining.checked_sub(len).ok_or(XdrError::Short)?;
        let bytes = Bytes {
            current: self.current,
            later: self.later,
            len,
        };
        let mut skip = len;
        loop {
            if let Some(rest) = self.current.get(skip..) {
                self.current = rest;
                break;
            }
            skip = skip.saturating_sub(self.current.len());
            (self.current, self.later) = match self.later.split_first() {
                Some((next, later)) => (*next, later),
                // Only a reader whose range outlives its segments would come here.
                None => return Err(XdrError::Short),
            };
        }
        self.remaining = left;
        self.position = self.position.saturating_add(len);
        Ok(bytes)
    }

    /// `opaque[N]` for an N that is a multiple of 4 (RFC 4506 section 4.9), or N raw bytes.
    ///
    /// # Errors
    /// [`XdrError::Short`].
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], XdrError> {
        if let Some(left) = self.remaining.checked_sub(N)
            && let Some((value, rest)) = self.current.split_first_chunk::<N>()
        {
            self.current = rest;
            self.remaining = left;
            self.position = self.position.saturating_add(N);
            return Ok(*value);
        }
        self.fixed_across_segments()
    }

    #[cold]
    fn fixed_across_segments<const N: usize>(&mut self) -> Result<[u8; N], XdrError> {
        let mut value = [0; N];
        self.raw(N)?.copy_to(&mut value);
        Ok(value)
    }

    /// `unsigned int` (RFC 4506 section 4.2).
    ///
    /// # Errors
    /// [`XdrError::Short`].
    #[inline]
    pub fn u32(&mut self) -> Result<u32, XdrError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// `int` (RFC 4506 section 4.1).
    ///
    /// # Errors
    /// [`XdrError::Short`].
    pub fn i32(&mut self) -> Result<i32, XdrError> {
        self.fixed().map(i32::from_be_bytes)
    }

    /// `unsigned hyper` (RFC 4506 section 4.5).
    ///
    /// # Errors
    /// [`XdrError::Short`].
    #[inline]
    pub fn u64(&mut self) -> Result<u64, XdrError> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// `bool` (RFC 4506 section 4.4).
    ///
    /// # Errors
    /// [`XdrError::Invalid`] for anything but 0 and 1; [`XdrError::Short`].
    pub fn bool(&mut self) -> Result<bool, XdrError> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(XdrError::Invalid),
        }
    }

    /// `opaque<max>` or `string<max>` (RFC 4506 sections 4.10 and 4.11), padding consumed but not
    /// in the result. The padding's content is not looked at.
    ///
    /// # Errors
    /// [`XdrError::TooLong`] for a length above `max`, whether its bytes are there or not;
    /// [`XdrError::Short`].
    pub fn opaque(&mut self, max: usize) -> Result<Bytes<'a>, XdrError> {
        let len = self.length(max)?;
        let body = len.checked_add(padding(len)).ok_or(XdrError::TooLong)?;
        let padded = self.raw(body)?;
        Ok(Bytes { len, ..padded })
    }

    /// The length word of an `opaque<max>` or array; what it counts stays unread.
    ///
    /// # Errors
    /// [`XdrError::TooLong`] above `max`; [`XdrError::Short`].
    pub fn length(&mut self, max: usize) -> Result<usize, XdrError> {
        let len = usize::try_from(self.u32()?).map_err(|_| XdrError::TooLong)?;
        if len > max {
            Err(XdrError::TooLong)
        } else {
            Ok(len)
        }
    }

    /// `opaque<N>` copied into an array, zeros after its length.
    ///
    /// # Errors
    /// [`XdrError::TooLong`] for a length above `N`; [`XdrError::Short`].
    pub fn opaque_array<const N: usize>(&mut self) -> Result<([u8; N], usize), XdrError> {
        let bytes = self.opaque(N)?;
        let mut array = [0; N];
        bytes.copy_to(&mut array);
        Ok((array, bytes.len()))
    }

    /// XDR optional data, `*T`: a bool, then the value if it is true (RFC 4506 section 4.19).
    ///
    /// # Errors
    /// [`XdrError::Invalid`] for a bool that is none, [`XdrError::Short`], and what `value` gives.
    pub fn optional<T>(
        &mut self,
        value: impl FnOnce(&mut Self) -> Result<T, XdrError>,
    ) -> Result<Option<T>, XdrError> {
        if self.bool()? {
            value(self).map(Some)
        } else {
            Ok(None)
        }
    }
}
