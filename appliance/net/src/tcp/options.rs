//! TCP options: maximum segment size, window scale, timestamps, selective
//! acknowledgement (RFC 9293, 3.2; RFC 7323; RFC 2018).

use arrayvec::ArrayVec;

use super::sack::SackBlocks;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Most bytes of options in a header.
pub(crate) const MAX_OPTIONS_LEN: usize = 40;

/// Bytes that timestamps take in every segment, padding included.
pub(crate) const TIMESTAMPS_LEN: u16 = 12;

/// Largest shift that may be used (RFC 7323, 2.3).
pub(crate) const MAX_WINDOW_SCALE: u8 = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// The clock of the other side that is echoed; valid with ACK.
    pub echo: u32,
}

/// The options of a segment that we understand; all others are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub timestamps: Option<Timestamps>,
    pub sack_permitted: bool,
    pub sack: SackBlocks,
}

impl Options {
    /// Reads the bytes between the fixed header and the payload. An option that
    /// does not fit ends the list; what came before it counts.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        // What nearly every segment carries: NOP NOP timestamps.
        if let [NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10, value @ ..] = bytes
            && let Some(timestamps) = parse_timestamps(value)
            && value.len() == 8
        {
            return Self {
                timestamps: Some(timestamps),
                ..Self::default()
            };
        }
        let mut options = Self::default();
        let mut rest = bytes;
        loop {
            match rest {
                [] | [END, ..] => return options,
                [NO_OPERATION, after @ ..] => rest = after,
                [kind, len, ..] => {
                    let Some((option, after)) = rest.split_at_checked(usize::from(*len)) else {
                        return options;
                    };
                    let Some(value) = option.get(2..) else {
                        return options;
                    };
                    options.take(*kind, value);
                    rest = after;
                }
                [_] => return options,
            }
        }
    }

    fn take(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (MAXIMUM_SEGMENT_SIZE, &[high, low]) => {
                self.mss = Some(u16::from_be_bytes([high, low]))
            }
            // RFC 7323, 2.3: a larger shift counts as 14.
            (WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift.min(MAX_WINDOW_SCALE)),
            (SACK_PERMITTED, &[]) => self.sack_permitted = true,
            (SACK, value) => self.sack = SackBlocks::parse(value),
            (TIMESTAMPS, value) if value.len() == 8 => self.timestamps = parse_timestamps(value),
            _ => {}
        }
    }

    /// The bytes for a header, a multiple of four. Timestamps are laid out as
    /// RFC 7323, appendix A recommends, so that receivers' fast paths match; in
    /// a SYN the permission for SACK takes the place of their padding.
    pub(crate) fn encode(&self) -> ArrayVec<u8, MAX_OPTIONS_LEN> {
        let mut out = ArrayVec::new();
        // All that there can be fits.
        let mut put = |bytes: &[u8]| _ = out.try_extend_from_slice(bytes);
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            put(&[MAXIMUM_SEGMENT_SIZE, 4, high, low]);
        }
        if self.sack_permitted {
            put(&[SACK_PERMITTED, 2]);
        } else if self.timestamps.is_some() {
            put(&[NO_OPERATION, NO_OPERATION]);
        }
        if let Some(timestamps) = self.timestamps {
            put(&[TIMESTAMPS, 10]);
            put(&timestamps.value.to_be_bytes());
            put(&timestamps.echo.to_be_bytes());
        } else if self.sack_permitted {
            put(&[NO_OPERATION, NO_OPERATION]);
        }
        if let Some(shift) = self.window_scale {
            put(&[NO_OPERATION, WINDOW_SCALE, 3, shift]);
        }
        if !self.sack.is_empty() {
            put(&[NO_OPERATION, NO_OPERATION, SACK, self.sack.option_len()]);
            for block in self.sack.iter() {
                put(&block.start.0.to_be_bytes());
                put(&block.end.0.to_be_bytes());
            }
        }
        out
    }
}

fn parse_timestamps(value: &[u8]) -> Option<Timestamps> {
    let (value, rest) = value.split_first_chunk::<4>()?;
    let echo = rest.first_chunk::<4>()?;
    Some(Timestamps {
        value: u32::from_be_bytes(*value),
        echo: u32::from_be_bytes(*echo),
    })
}

#[cfg(test)]
mod tests {
    use super::{Options, SackBlocks, Timestamps};
    use crate::tcp::sack::Block;
    use crate::tcp::sequence::Seq;
    use proptest::prelude::*;

    #[test]
    fn an_option_cut_short_ends_the_list_and_keeps_what_came_before() {
        let options = Options::parse(&[2, 4, 5, 0xb4, 8, 10, 1, 2]);
        assert_eq!(options.mss, Some(1460));
        assert_eq!(options.timestamps, None);
    }

    #[test]
    fn a_length_below_two_ends_the_list() {
        assert_eq!(Options::parse(&[9, 0, 2, 4, 5, 0xb4]), Options::default());
        assert_eq!(Options::parse(&[9, 1, 2, 4, 5, 0xb4]), Options::default());
    }

    #[test]
    fn blocks_of_a_sack_option_cut_short_do_not_count() {
        let options = Options::parse(&[4, 2, 5, 9, 0, 0, 0, 1, 0, 0, 0, 5, 4, 2]);
        assert!(options.sack_permitted && options.sack.is_empty());
        let options = Options::parse(&[5, 10, 0, 0, 0, 1, 0, 0, 0, 5]);
        let blocks: Vec<(u32, u32)> = options.sack.iter().map(|b| (b.start.0, b.end.0)).collect();
        assert_eq!(blocks, [(1, 5)]);
    }

    #[test]
    fn a_shift_beyond_fourteen_counts_as_fourteen() {
        assert_eq!(Options::parse(&[3, 3, 200]).window_scale, Some(14));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(
            mss in proptest::option::of(any::<u16>()),
            window_scale in proptest::option::of(0_u8..15),
            timestamps in proptest::option::of((any::<u32>(), any::<u32>())),
            sack_permitted in any::<bool>(),
            blocks in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..4),
        ) {
            let timestamps = timestamps.map(|(value, echo)| Timestamps { value, echo });
            let mut sack = SackBlocks::default();
            for (start, end) in blocks {
                sack.push(Block { start: Seq(start), end: Seq(end) });
            }
            // A SYN has no blocks, and nothing else has what is for SYNs only.
            let syn = sack.is_empty();
            let options = Options {
                mss: mss.filter(|_| syn),
                window_scale: window_scale.filter(|_| syn),
                timestamps,
                sack_permitted: sack_permitted && syn,
                sack,
            };
            let bytes = options.encode();
            prop_assert_eq!(bytes.len() % 4, 0);
            prop_assert_eq!(Options::parse(&bytes), options);
        }

        #[test]
        fn any_bytes_parse(bytes in proptest::collection::vec(any::<u8>(), 0..44)) {
            let _ = Options::parse(&bytes);
        }
    }
}
