//! What a cached block is called, and how names are hashed.

use core::hash::Hasher;

use siphasher::sip::SipHasher13;

/// A file, as the user of the cache numbers it. The cache gives it no meaning; a
/// number should not be given to another file later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u64);

/// A block of a file: bytes `index * block_size ..` of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey {
    /// The file.
    pub file: FileId,
    /// Offset in the file divided by the block size.
    pub index: u64,
}

/// Keyed hash of names: clients choose offsets, so without a secret they could
/// choose ones that fall into one bucket.
#[derive(Debug, Clone)]
pub(crate) struct KeyHasher(SipHasher13);

impl KeyHasher {
    pub(crate) fn new(seed: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(seed))
    }

    pub(crate) fn block(&self, key: BlockKey) -> u64 {
        let mut hasher = self.0;
        hasher.write_u64(key.file.0);
        hasher.write_u64(key.index);
        hasher.finish()
    }

    pub(crate) fn file(&self, file: FileId) -> u64 {
        let mut hasher = self.0;
        hasher.write_u64(file.0);
        hasher.finish()
    }
}
