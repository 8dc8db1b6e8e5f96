//! XDR as the tests speak it, written apart from the code under test.

/// Writes big-endian words and padded opaques.
#[derive(Clone, Default, Debug)]
pub struct Out(pub Vec<u8>);

impl Out {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn opaque(self, bytes: &[u8]) -> Self {
        let mut out = self.u32(bytes.len() as u32);
        out.0.extend(bytes);
        while !out.0.len().is_multiple_of(4) {
            out.0.push(0);
        }
        out
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// Reads what [`Out`] writes.
#[derive(Clone, Debug)]
pub struct In<'a>(pub &'a [u8]);

impl<'a> In<'a> {
    pub fn u32(&mut self) -> u32 {
        let (word, rest) = self.0.split_at(4);
        self.0 = rest;
        u32::from_be_bytes(word.try_into().unwrap())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    pub fn opaque(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        let (bytes, rest) = self.0.split_at(len);
        self.0 = &rest[len.next_multiple_of(4) - len..];
        bytes
    }
}

/// One record in one fragment.
pub fn record(body: &[u8]) -> Vec<u8> {
    let mark = 0x8000_0000 | body.len() as u32;
    [&mark.to_be_bytes(), body].concat()
}

/// One record in fragments of `len` bytes.
pub fn fragmented(body: &[u8], len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let count = body.chunks(len).count();
    for (index, chunk) in body.chunks(len).enumerate() {
        let last = if index + 1 == count { 0x8000_0000 } else { 0 };
        out.extend((last | chunk.len() as u32).to_be_bytes());
        out.extend(chunk);
    }
    out
}
