//! Hashing with a key of our own: peers choose handles and credentials, so the hash must not be theirs.

use std::hash::{BuildHasher, Hasher};

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

/// For numbers that we give, and no peer chooses: one multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnNumbers(u64);

impl BuildHasher for OwnNumbers {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for OwnNumbers {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn write_u64(&mut self, number: u64) {
        // The golden ratio; both halves of the product, as a table looks at the lowest and the highest bits.
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product ^ (product >> 64)) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
