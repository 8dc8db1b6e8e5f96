//! Record marking: any legal fragmentation of a record, arriving in any pieces, is the record.

use crate::generate::Random;
use nfs::record::{self, RecordError, RecordLimits, RecordReader};
use proptest::prelude::*;

const LIMITS: RecordLimits = RecordLimits {
    record: 2000,
    fragments: 3000,
};

fn mark(len: usize, last: bool) -> [u8; 4] {
    (u32::try_from(len).expect("fits") | u32::from(last) << 31).to_be_bytes()
}

/// A record in fragments of these lengths; the last takes what is left.
fn fragmented(record: &[u8], lengths: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut rest = record;
    for len in lengths {
        let (fragment, tail) = rest.split_at(len.min(rest.len()));
        stream.extend(mark(fragment.len(), false));
        stream.extend(fragment);
        rest = tail;
    }
    stream.extend(mark(rest.len(), true));
    stream.extend(rest);
    stream
}

/// The records in `stream`, which arrives in chunks of at most `chunk_len()` bytes.
fn records(
    reader: &mut RecordReader,
    stream: &[u8],
    mut chunk_len: impl FnMut() -> usize,
) -> Result<Vec<Vec<u8>>, RecordError> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (mut chunk, tail) = rest.split_at(chunk_len().clamp(1, rest.len()));
        rest = tail;
        while !chunk.is_empty() {
            let (consumed, piece) = reader.next(chunk)?;
            assert!(
                piece.is_some() || consumed == chunk.len(),
                "stops only with a piece"
            );
            assert!(consumed > 0, "goes on");
            chunk = &chunk[consumed..];
            let Some(piece) = piece else { continue };
            assert!(!piece.bytes.is_empty() || piece.end_of_record);
            record.extend(piece.bytes);
            assert_eq!(reader.is_between_records(), piece.end_of_record);
            if piece.end_of_record {
                records.push(std::mem::take(&mut record));
            }
        }
    }
    assert!(record.is_empty(), "the stream ends with a record");
    Ok(records)
}

#[test]
fn our_mark_is_that_of_a_single_fragment() {
    assert_eq!(record::mark(0), [0x80, 0, 0, 0]);
    assert_eq!(record::mark(0x0001_0203), [0x80, 1, 2, 3]);
    assert_eq!(record::mark(0x7fff_ffff), [0xff; 4]);
}

#[test]
fn fragments_of_one_byte_and_of_none_are_a_record() {
    let record: Vec<u8> = (0..=255).collect();
    let ones = fragmented(&record, [1; 256]);
    let zeros_between = fragmented(&record, [0, 1].into_iter().cycle().take(512));
    let one = fragmented(&record, []);
    for stream in [ones, zeros_between, one] {
        for chunk in [1, 2, 3, 5, 7, 4096] {
            let mut reader = RecordReader::new(LIMITS);
            assert_eq!(
                records(&mut reader, &stream, || chunk),
                Ok(vec![record.clone()])
            );
            assert!(reader.is_between_records());
        }
    }
}

#[test]
fn a_record_cut_in_two_anywhere_is_the_record() {
    let record: Vec<u8> = (0..60).collect();
    for first in 0..=record.len() {
        let stream = fragmented(&record, [first]);
        for cut in 1..stream.len() {
            let mut chunks = [cut, stream.len()].into_iter();
            let mut reader = RecordReader::new(LIMITS);
            let result = records(&mut reader, &stream, || {
                chunks.next().expect("two chunks are all")
            });
            assert_eq!(
                result,
                Ok(vec![record.clone()]),
                "fragment {first}, chunk {cut}"
            );
        }
    }
}

#[test]
fn an_empty_record_is_a_record() {
    let stream = [record::mark(0), record::mark(0)].concat();
    let mut reader = RecordReader::new(LIMITS);
    assert_eq!(
        records(&mut reader, &stream, || 3),
        Ok(vec![vec![], vec![]])
    );
}

#[test]
fn the_reader_knows_when_a_record_is_open() {
    let mut reader = RecordReader::new(LIMITS);
    assert!(reader.is_between_records());
    assert_eq!(reader.next(&[]), Ok((0, None)));
    assert_eq!(reader.next(&[0x80]), Ok((1, None)));
    assert!(!reader.is_between_records(), "within a mark");
    assert_eq!(reader.next(&[0, 0, 4]), Ok((3, None)));
    assert!(!reader.is_between_records(), "behind a mark");
}

#[test]
fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
    let limit = LIMITS.record as usize;
    let too_long = Err(RecordError::TooLong {
        limit: LIMITS.record,
    });
    let longest = vec![7; limit];
    for lengths in [vec![], vec![limit], vec![1000, 999], vec![1; limit]] {
        let stream = fragmented(&longest, lengths);
        let mut reader = RecordReader::new(LIMITS);
        assert_eq!(
            records(&mut reader, &stream, || 100),
            Ok(vec![longest.clone()])
        );
    }
    let longer = vec![7; limit + 1];
    for lengths in [vec![], vec![limit], vec![1000, 1000], vec![1; limit]] {
        let stream = fragmented(&longer, lengths);
        assert_eq!(
            records(&mut RecordReader::new(LIMITS), &stream, || 100),
            too_long
        );
    }
}

#[test]
fn the_limit_is_checked_on_the_mark_and_stays_broken() {
    let too_long = Err(RecordError::TooLong {
        limit: LIMITS.record,
    });
    for announced in [2001, 0x7fff_ffff] {
        let mut reader = RecordReader::new(LIMITS);
        let mark = mark(announced, false);
        assert_eq!(reader.next(&mark[..3]), Ok((3, None)));
        assert_eq!(reader.next(&mark[3..]), too_long);
        assert_eq!(reader.next(&[0; 100]), too_long);
    }
    // The first bytes of a TLS handshake are no record either.
    let mut reader = RecordReader::new(RecordLimits::default());
    let limit = RecordLimits::default().record;
    assert_eq!(
        reader.next(&[0x16, 3, 1, 2]),
        Err(RecordError::TooLong { limit })
    );
}

#[test]
fn a_flood_of_empty_fragments_ends() {
    let flood = vec![0; 4 * 1_000_000];
    let mut reader = RecordReader::new(LIMITS);
    let limit = LIMITS.fragments;
    assert_eq!(
        reader.next(&flood),
        Err(RecordError::TooManyFragments { limit })
    );
}

#[test]
fn the_fragment_limit_counts_within_a_record() {
    let limits = RecordLimits {
        record: 100,
        fragments: 3,
    };
    let record = [1, 2, 3];
    let stream = fragmented(&record, [1, 1]).repeat(5);
    let mut reader = RecordReader::new(limits);
    assert_eq!(
        records(&mut reader, &stream, || 6),
        Ok(vec![record.to_vec(); 5])
    );
    let stream = fragmented(&record, [1, 1, 0]);
    let expected = Err(RecordError::TooManyFragments { limit: 3 });
    assert_eq!(
        records(&mut RecordReader::new(limits), &stream, || 6),
        expected
    );
}

proptest! {
    #[test]
    fn any_fragmentation_in_any_chunks_gives_the_records(seed: u64) {
        let mut random = Random(seed);
        let mut stream = Vec::new();
        let expected: Vec<Vec<u8>> = (0..random.below(6)).map(|_| random.bytes(2000)).collect();
        for record in &expected {
            let max = random.pick(&[1, 2, 50, 1000]);
            let lengths: Vec<_> = (0..random.below(100)).map(|_| random.index(max + 1)).collect();
            stream.extend(fragmented(record, lengths));
        }
        let max_chunk = random.pick(&[1, 3, 10, 1448, 9000]);
        let mut reader = RecordReader::new(LIMITS);
        let decoded = records(&mut reader, &stream, || random.index(max_chunk) + 1);
        prop_assert_eq!(decoded, Ok(expected));
        prop_assert!(reader.is_between_records());
    }

    #[test]
    fn any_bytes_give_no_more_than_they_are(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        small_marks: bool,
    ) {
        let mut bytes = bytes;
        if small_marks {
            // Most words become marks of short fragments.
            bytes.chunks_exact_mut(4).for_each(|word| word[..3].copy_from_slice(&[0; 3]));
        }
        let mut reader = RecordReader::new(LIMITS);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Ok((consumed, piece)) = reader.next(rest) else { break };
            prop_assert!(consumed > 0 && consumed <= rest.len());
            prop_assert!(piece.is_none_or(|piece| piece.bytes.len() <= consumed));
            rest = &rest[consumed..];
        }
    }
}
