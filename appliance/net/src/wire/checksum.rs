//! The Internet checksum (RFC 1071) over scattered bytes.

/// A running one's complement sum.
#[derive(Clone, Copy, Default)]
pub(crate) struct Checksum {
    sum: u64,
    /// An odd number of bytes was added: the next ones are the other halves.
    odd: bool,
}

impl Checksum {
    /// The sum of a pseudo-header (RFC 9293, 3.1). `length` is that of header
    /// and payload, or 0 where the device adds it for each segment it cuts.
    pub(crate) fn pseudo_header(
        source: [u8; 4],
        destination: [u8; 4],
        protocol: u8,
        length: u16,
    ) -> Self {
        // 2^16 is 1 in this arithmetic, so two words may be added as one.
        let addresses = [source, destination].map(|address| u64::from(u32::from_be_bytes(address)));
        Self {
            sum: addresses.into_iter().sum::<u64>() + u64::from(protocol) + u64::from(length),
            odd: false,
        }
    }

    /// Adds the length of a pseudo-header that was made without.
    pub(crate) fn add_length(&mut self, length: u16) {
        self.sum += u64::from(length);
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        // Native order, swapped once at the end: RFC 1071, 2 (B). A packet has
        // at most 2^14 words of 32 bits, so 64 bits do not overflow.
        let mut sum: u64 = words
            .iter()
            .map(|word| u64::from(u32::from_ne_bytes(*word)))
            .sum();
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum += u64::from(u32::from_ne_bytes(last));
        let mut part = u16::from_be(fold(sum));
        if self.odd {
            part = part.swap_bytes();
        }
        self.sum += u64::from(part);
        self.odd ^= bytes.len() & 1 == 1;
    }

    /// The folded sum, not inverted.
    pub(crate) fn folded(self) -> u16 {
        fold(self.sum)
    }

    /// What goes into the checksum field. Over bytes that hold a correct
    /// checksum it is 0.
    pub(crate) fn finish(self) -> u16 {
        !fold(self.sum)
    }
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::Checksum;
    use proptest::prelude::*;

    fn by_definition(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    proptest! {
        #[test]
        fn any_split_gives_the_checksum_of_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            first in 0usize..400,
            second in 0usize..400,
        ) {
            let first = first.min(bytes.len());
            let second = second.clamp(first, bytes.len());
            let mut checksum = Checksum::default();
            checksum.add_bytes(&bytes[..first]);
            checksum.add_bytes(&bytes[first..second]);
            checksum.add_bytes(&bytes[second..]);
            prop_assert_eq!(checksum.finish(), by_definition(&bytes));
        }
    }
}
