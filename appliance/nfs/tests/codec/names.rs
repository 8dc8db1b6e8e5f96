//! File names from clients and origins.

use nfs::nfs3::{NameClass, classify_name, is_valid_name};
use nfs::xdr::{Bytes, Reader};

#[test]
fn names_are_classified() {
    let table: [(&[u8], NameClass); 14] = [
        (b"file", NameClass::Ordinary),
        (b"...", NameClass::Ordinary),
        (b".hidden", NameClass::Ordinary),
        (b"..data", NameClass::Ordinary),
        (b" ", NameClass::Ordinary),
        (b"\xff\xfe", NameClass::Ordinary),
        (b".", NameClass::Current),
        (b"..", NameClass::Parent),
        (b"", NameClass::Invalid),
        (b"/", NameClass::Invalid),
        (b"a/b", NameClass::Invalid),
        (b"../etc", NameClass::Invalid),
        (b"a\0", NameClass::Invalid),
        (b"\0", NameClass::Invalid),
    ];
    for (name, class) in table {
        let bytes = Bytes::contiguous(name);
        assert_eq!(classify_name(&bytes), class, "{name:?}");
        assert_eq!(
            is_valid_name(&bytes),
            class == NameClass::Ordinary,
            "{name:?}"
        );
    }
}

#[test]
fn a_name_cut_in_two_is_classified_as_a_whole() {
    for (parts, class) in [
        ([&b"."[..], b"."], NameClass::Parent),
        ([b".", b""], NameClass::Current),
        ([b".", b"x"], NameClass::Ordinary),
        ([b"a", b"/"], NameClass::Invalid),
    ] {
        let len = parts[0].len() + parts[1].len();
        let name = Reader::new(&parts).raw(len).expect("is there");
        assert_eq!(classify_name(&name), class, "{parts:?}");
    }
}
