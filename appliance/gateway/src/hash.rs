//! Hashing with a key of our own: peers choose handles and credentials, so the hash must not be theirs.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Keyed SipHash-1-3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeededHash(SipHasher13);

impl SeededHash {
    pub(crate) fn new(seed: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(seed))
    }
}

impl BuildHasher for SeededHash {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
