//! Record marking. The input is the limits, then the lengths of the pieces that a stream arrives in (up to a zero),
//! then the stream; what comes out must be what a reader makes of it that sees the stream as a whole.

use nfs::record::{MARK_LEN, RecordLimits, RecordReader};

/// Bytes of the records found, the end of each, and whether the stream broke a limit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    broke: bool,
}

pub fn run(input: &[u8]) {
    let Some(([record, fragments], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let limits = RecordLimits {
        record: u32::from(*record) * 8,
        fragments: u32::from(*fragments),
    };
    let pieces_end = rest.iter().position(|len| *len == 0).unwrap_or(rest.len());
    let (pieces, rest) = rest.split_at(pieces_end);
    let stream = rest.get(1..).unwrap_or_default();
    let expected = whole(limits, stream);
    assert_eq!(in_pieces(limits, pieces, stream, false), expected);
    assert_eq!(in_pieces(limits, pieces, stream, true), expected);
}

/// RFC 5531 section 11, with all of the stream at hand.
fn whole(limits: RecordLimits, mut stream: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut announced, mut fragments) = (0_u64, 0);
    while let Some((mark, rest)) = stream.split_first_chunk::<MARK_LEN>() {
        let mark = u32::from_be_bytes(*mark);
        let (len, is_last) = (mark & 0x7fff_ffff, mark >> 31 == 1);
        announced += u64::from(len);
        fragments += 1;
        if announced > u64::from(limits.record) || fragments > limits.fragments {
            outcome.broke = true;
            break;
        }
        let (fragment, after) = rest.split_at((len as usize).min(rest.len()));
        outcome.bytes.extend(fragment);
        if fragment.len() < len as usize {
            break;
        }
        if is_last {
            outcome.ends.push(outcome.bytes.len());
            (announced, fragments) = (0, 0);
        }
        stream = after;
    }
    outcome
}

/// Through the reader; `passes` has somebody else take what is contiguous every now and then.
fn in_pieces(limits: RecordLimits, pieces: &[u8], mut stream: &[u8], passes: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reader = RecordReader::new(limits);
    let mut lengths = pieces.iter().map(|len| usize::from(*len));
    while !stream.is_empty() {
        let len = lengths.next().unwrap_or(usize::MAX).min(stream.len());
        let (mut piece, later) = stream.split_at(len);
        stream = later;
        while !piece.is_empty() {
            let contiguous = reader.contiguous().min(piece.len());
            if passes && contiguous > 1 {
                let (taken, rest) = piece.split_at(contiguous - contiguous / 2);
                outcome.bytes.extend(taken);
                if reader.pass(taken.len()) {
                    outcome.ends.push(outcome.bytes.len());
                }
                piece = rest;
                continue;
            }
            let Ok((consumed, found)) = reader.next(piece) else {
                assert!(
                    reader.next(piece).is_err(),
                    "broken once is broken for good"
                );
                outcome.broke = true;
                return outcome;
            };
            assert!(consumed > 0 && (found.is_some() || consumed == piece.len()));
            piece = &piece[consumed..];
            if let Some(found) = found {
                assert!(!found.bytes.is_empty() || found.end_of_record);
                assert_eq!(reader.is_between_records(), found.end_of_record);
                outcome.bytes.extend(found.bytes);
                if found.end_of_record {
                    outcome.ends.push(outcome.bytes.len());
                }
            }
        }
    }
    outcome
}
