//! File names from clients and origins.

use nfs::nfs3::{NameClass, Procedure, Status, classify_name, refuse_name};
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

#[test]
fn what_no_entry_can_be_called_is_refused() {
    let creating = [
        Procedure::Create,
        Procedure::Mkdir,
        Procedure::Symlink,
        Procedure::Mknod,
        Procedure::Link,
    ];
    let taking = [Procedure::Remove, Procedure::Rmdir, Procedure::Rename];
    for procedure in creating.into_iter().chain(taking) {
        let refused = if creating.contains(&procedure) {
            Status::EXIST
        } else {
            Status::INVAL
        };
        for class in [NameClass::Current, NameClass::Parent] {
            assert_eq!(refuse_name(procedure, class), Some(refused));
        }
        let invalid = refuse_name(procedure, NameClass::Invalid);
        assert_eq!(invalid, Some(Status::INVAL));
        assert_eq!(refuse_name(procedure, NameClass::Ordinary), None);
    }
    assert_eq!(refuse_name(Procedure::Lookup, NameClass::Current), None);
    assert_eq!(refuse_name(Procedure::Lookup, NameClass::Parent), None);
    let invalid = refuse_name(Procedure::Lookup, NameClass::Invalid);
    assert_eq!(invalid, Some(Status::INVAL));
}
