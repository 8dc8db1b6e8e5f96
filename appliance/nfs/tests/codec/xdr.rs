//! The reader and the writer themselves.

use crate::generate::Random;
use crate::segmentation::cut;
use nfs::xdr::{Bytes, Overflow, Reader, Writer, XdrError, padding};
use proptest::prelude::*;

#[test]
fn padding_fills_up_to_four_bytes() {
    for (len, expected) in [
        (0, 0),
        (1, 3),
        (2, 2),
        (3, 1),
        (4, 0),
        (5, 3),
        (usize::MAX, 1),
    ] {
        assert_eq!(padding(len), expected, "{len}");
    }
}

#[test]
fn a_failed_read_of_raw_bytes_consumes_nothing() {
    let segments = [&b"ab"[..], b"", b"cd"];
    let mut reader = Reader::new(&segments);
    assert_eq!(reader.raw(5), Err(XdrError::Short));
    assert_eq!(reader.skip(5), Err(XdrError::Short));
    assert_eq!((reader.position(), reader.remaining()), (0, 4));
    assert_eq!(reader.raw(4).expect("is there"), *b"abcd");
    assert_eq!(reader.raw(0).expect("is always there"), *b"");
    assert_eq!(reader.skip(1), Err(XdrError::Short));
}

#[test]
fn integers_are_big_endian() {
    let bytes = [
        0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    let mut reader = Reader::contiguous(&bytes);
    assert_eq!(reader.u32(), Ok(0x8000_0001));
    assert_eq!(reader.i32(), Ok(-2));
    assert_eq!(reader.u64(), Ok(0x0102_0304_0506_0708));
    assert_eq!(reader.u32(), Err(XdrError::Short));
}

#[test]
fn the_content_of_padding_does_not_matter() {
    let bytes = [0, 0, 0, 1, b'x', 0xff, 0xff, 0xff];
    let mut reader = Reader::contiguous(&bytes);
    assert_eq!(reader.opaque(1).expect("well-formed"), *b"x");
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn writers_refuse_what_does_not_fit_and_write_nothing_of_it() {
    let mut buffer = [0xff; 10];
    let mut writer = Writer::new(&mut buffer);
    assert!(writer.is_empty());
    assert_eq!(writer.u32(7), Ok(()));
    assert_eq!(writer.u64(1), Err(Overflow));
    assert_eq!(
        writer.opaque(b"abc"),
        Err(Overflow),
        "length and padding count"
    );
    assert_eq!((writer.len(), writer.room()), (4, 6));
    assert_eq!(writer.raw(b"xy"), Ok(()));
    assert_eq!(writer.patch_u32(0, 9), Ok(()));
    for beyond in [3, 4, 6, 7, usize::MAX] {
        assert_eq!(writer.patch_u32(beyond, 9), Err(Overflow), "{beyond}");
    }
    assert_eq!(writer.written(), [0, 0, 0, 9, b'x', b'y']);
    assert_eq!(buffer[6..], [0xff; 4]);
}

proptest! {
    #[test]
    fn bytes_are_the_same_however_they_lie(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        seed: u64,
    ) {
        let mut random = Random(seed);
        let segments = cut(&bytes, &mut random);
        let start = random.index(bytes.len() + 1);
        let len = random.index(bytes.len() - start + 1);
        let mut reader = Reader::new(&segments);
        reader.skip(start).expect("is there");
        let before = reader.clone();
        let range = reader.raw(len).expect("is there");
        let expected = &bytes[start..start + len];

        prop_assert_eq!(range.len(), len);
        prop_assert_eq!(range.is_empty(), len == 0);
        prop_assert!(range == *expected);
        prop_assert_eq!(range, Bytes::contiguous(expected));
        prop_assert_eq!(range.slices().collect::<Vec<_>>().concat(), expected);
        prop_assert!(range.slices().all(|slice| !slice.is_empty()));
        prop_assert_eq!(range.as_contiguous().is_some(), range.slices().count() <= 1);
        prop_assert_eq!(before.rest(), Bytes::contiguous(&bytes[start..]));
        prop_assert_eq!(reader.since(&before), range);

        let mut copy = vec![0; len + 3];
        prop_assert_eq!(&*range.copy_to(&mut copy).expect("is large enough"), expected);
        prop_assert_eq!(&copy[len..], [0; 3]);
        if len > 0 {
            let mut small = vec![0x55; len - 1];
            prop_assert!(range.copy_to(&mut small).is_none());
            prop_assert!(small.iter().all(|byte| *byte == 0x55));
        }

        let mut inner = range.reader();
        prop_assert_eq!((inner.position(), inner.remaining()), (0, len));
        prop_assert_eq!(inner.raw(len + 1), Err(XdrError::Short));
        let mut other = expected.to_vec();
        other.push(0);
        prop_assert!(range != other[..]);
        if let Some(first) = other.first_mut() {
            *first ^= 1;
        }
        other.pop();
        prop_assert_eq!(range == other[..], len == 0);
    }

    #[test]
    fn a_reader_over_a_range_ends_with_it(seed: u64) {
        let mut random = Random(seed);
        let bytes: Vec<u8> = (0..64).map(|_| random.byte()).collect();
        let segments = cut(&bytes, &mut random);
        let mut reader = Reader::new(&segments).raw(10).expect("is there").reader();
        prop_assert_eq!(reader.u64(), Ok(u64::from_be_bytes(bytes[..8].try_into().expect("8"))));
        prop_assert_eq!(reader.u32(), Err(XdrError::Short));
        prop_assert_eq!(reader.remaining(), 2);
    }

    #[test]
    fn values_survive_a_round_trip(
        word: u32,
        long: u64,
        flag: bool,
        bytes in prop::collection::vec(any::<u8>(), 0..50),
        seed: u64,
    ) {
        let mut buffer = [0xff; 200];
        let mut writer = Writer::new(&mut buffer);
        let segments = cut(&bytes, &mut Random(seed));
        let scattered = Reader::new(&segments).rest();
        let write = |writer: &mut Writer<'_>| {
            writer.u32(word)?;
            writer.opaque(&bytes)?;
            writer.u64(long)?;
            writer.bool(flag)?;
            writer.opaque_bytes(scattered)?;
            writer.raw_bytes(scattered)
        };
        prop_assert_eq!(write(&mut writer), Ok(()));
        let mut reader = Reader::contiguous(writer.written());
        prop_assert_eq!(reader.u32(), Ok(word));
        prop_assert_eq!(reader.opaque(50), Ok(Bytes::contiguous(&bytes)));
        prop_assert_eq!(reader.u64(), Ok(long));
        prop_assert_eq!(reader.bool(), Ok(flag));
        let (array, len) = reader.opaque_array::<50>().expect("well-formed");
        prop_assert_eq!(&array[..len], &bytes[..]);
        prop_assert!(array[len..].iter().all(|byte| *byte == 0));
        prop_assert_eq!(reader.rest(), Bytes::contiguous(&bytes));
    }
}
