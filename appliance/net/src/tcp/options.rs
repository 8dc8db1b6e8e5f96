//! TCP options: maximum segment size, window scale, timestamps (RFC 9293, 3.2;
//! RFC 7323).

use arrayvec::ArrayVec;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const TIMESTAMPS: u8 = 8;

/// Most bytes of options in a header.
const MAX_OPTIONS_LEN: usize = 40;

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
            (TIMESTAMPS, value) if value.len() == 8 => self.timestamps = parse_timestamps(value),
            _ => {}
        }
    }

    /// The bytes for a header, a multiple of four. Timestamps are laid out as
    /// RFC 7323, appendix A recommends, so that receivers' fast paths match.
    pub(crate) fn encode(&self) -> ArrayVec<u8, MAX_OPTIONS_LEN> {
        let mut out = ArrayVec::new();
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            out.extend([MAXIMUM_SEGMENT_SIZE, 4, high, low]);
        }
        if let Some(timestamps) = self.timestamps {
            out.extend([NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10]);
            out.extend(timestamps.value.to_be_bytes());
            out.extend(timestamps.echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            out.extend([NO_OPERATION, WINDOW_SCALE, 3, shift]);
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
    use super::{Options, Timestamps};
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
    fn a_shift_beyond_fourteen_counts_as_fourteen() {
        assert_eq!(Options::parse(&[3, 3, 200]).window_scale, Some(14));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(
            mss in proptest::option::of(any::<u16>()),
            window_scale in proptest::option::of(0_u8..15),
            timestamps in proptest::option::of((any::<u32>(), any::<u32>())),
        ) {
            let timestamps = timestamps.map(|(value, echo)| Timestamps { value, echo });
            let options = Options { mss, window_scale, timestamps };
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
