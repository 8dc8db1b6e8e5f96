//! What files hold: every byte follows from its file, its place and the WRITE it came with, so that any byte found
//! anywhere can be judged.

use crate::random::mix;

/// Numbers a WRITE; 0 is the zeros of a hole.
pub(crate) type Version = u32;

/// The byte at `offset` that was written to `file` with `version`.
fn word(file: u64, version: Version, index: u64) -> [u8; 8] {
    if version == 0 {
        return [0; 8];
    }
    mix(mix(u64::from(version) << 8 ^ file).wrapping_add(index)).to_le_bytes()
}

/// The bytes from `offset` on, as they were written with `version`.
pub(crate) fn content(file: u64, version: Version, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    let skip = usize::try_from(offset % 8).expect("less than eight");
    let mut index = offset / 8;
    while bytes.len() < skip + len {
        bytes.extend_from_slice(&word(file, version, index));
        index += 1;
    }
    bytes.truncate(skip + len);
    bytes.drain(..skip);
    bytes
}
