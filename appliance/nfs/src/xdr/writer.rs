use super::{Bytes, padding};

/// The buffer is too small for the message; nothing of the failed value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the buffer is too small for the message")]
pub struct Overflow;

/// Writes XDR values into a buffer, from its front.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the first byte of `buffer` on.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Writer { buffer, len: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Room left, in bytes.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.len)
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Reserves the next `len` bytes.
    fn reserve(&mut self, len: usize) -> Result<&mut [u8], Overflow> {
        let end = self.len.checked_add(len).ok_or(Overflow)?;
        let room = self.buffer.get_mut(self.len..end).ok_or(Overflow)?;
        self.len = end;
        Ok(room)
    }

    /// Bytes as they are: no length, no padding.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Overflow> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Scattered bytes as they are: no length, no padding.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn raw_bytes(&mut self, bytes: Bytes<'_>) -> Result<(), Overflow> {
        bytes.copy_to(self.reserve(bytes.len())?);
        Ok(())
    }

    /// `unsigned int`.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn u32(&mut self, value: u32) -> Result<(), Overflow> {
        self.raw(&value.to_be_bytes())
    }

    /// `unsigned hyper`.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn u64(&mut self, value: u64) -> Result<(), Overflow> {
        self.raw(&value.to_be_bytes())
    }

    /// `bool`.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn bool(&mut self, value: bool) -> Result<(), Overflow> {
        self.u32(u32::from(value))
    }

    /// `opaque<>` or `string<>`: length, bytes, zero padding.
    ///
    /// # Errors
    /// [`Overflow`]; also for a length that 32 bits do not hold.
    pub fn opaque(&mut self, bytes: &[u8]) -> Result<(), Overflow> {
        self.opaque_bytes(Bytes::contiguous(bytes))
    }

    /// As [`Writer::opaque`], from scattered bytes.
    ///
    /// # Errors
    /// [`Overflow`]; also for a length that 32 bits do not hold.
    pub fn opaque_bytes(&mut self, bytes: Bytes<'_>) -> Result<(), Overflow> {
        let len = u32::try_from(bytes.len()).map_err(|_| Overflow)?;
        let body = bytes
            .len()
            .checked_add(padding(bytes.len()))
            .ok_or(Overflow)?;
        let whole = body.checked_add(size_of::<u32>()).ok_or(Overflow)?;
        if whole > self.room() {
            return Err(Overflow);
        }
        self.u32(len)?;
        let room = self.reserve(body)?;
        room.fill(0);
        bytes.copy_to(room);
        Ok(())
    }

    /// XDR optional data, `*T`: a bool, then the value if there is one.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn optional<T>(
        &mut self,
        value: Option<&T>,
        encode: impl FnOnce(&T, &mut Self) -> Result<(), Overflow>,
    ) -> Result<(), Overflow> {
        self.bool(value.is_some())?;
        value.map_or(Ok(()), |value| encode(value, self))
    }

    /// Overwrites the word at offset `at` of what was written.
    ///
    /// # Errors
    /// [`Overflow`] if those four bytes were not written yet.
    pub fn patch_u32(&mut self, at: usize, value: u32) -> Result<(), Overflow> {
        let end = at
            .checked_add(size_of::<u32>())
            .filter(|end| *end <= self.len);
        let word = self
            .buffer
            .get_mut(at..end.ok_or(Overflow)?)
            .ok_or(Overflow)?;
        word.copy_from_slice(&value.to_be_bytes());
        Ok(())
    }
}
