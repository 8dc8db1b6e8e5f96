//! Decoders under random segmentations, followed by foreign bytes, and cut at every byte.

use crate::generate::Random;
use nfs::xdr::{Reader, XdrError};

const SEGMENTATIONS: usize = 6;
const MAX_CUTS: u64 = 9;

/// Cuts `bytes` into segments, some of them empty.
pub fn cut<'a>(bytes: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let cuts = random.below(MAX_CUTS + 1);
    let mut at: Vec<usize> = (0..cuts).map(|_| random.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// `decode`, which asserts on what it decodes, reads exactly the first `len` bytes of `wire`
/// however they are cut, whatever follows them, and misses bytes if any are missing.
pub fn check(
    wire: &[u8],
    len: usize,
    random: &mut Random,
    decode: impl Fn(&mut Reader<'_>) -> Result<(), XdrError>,
) {
    for _ in 0..SEGMENTATIONS {
        let mut message = wire.to_vec();
        message.extend(random.bytes(20));
        let segments = cut(&message, random);
        let mut reader = Reader::new(&segments);
        assert_eq!(decode(&mut reader), Ok(()));
        assert_eq!(
            reader.position(),
            len,
            "reads neither more nor less than the value"
        );
        assert_eq!(reader.rest(), message[len..]);
        assert_eq!(reader.since(&Reader::new(&segments)), message[..len]);
    }
    for missing_from in 0..len {
        let segments = cut(&wire[..missing_from], random);
        let result = decode(&mut Reader::new(&segments));
        assert_eq!(
            result,
            Err(XdrError::Short),
            "cut at {missing_from} of {len}"
        );
    }
}
