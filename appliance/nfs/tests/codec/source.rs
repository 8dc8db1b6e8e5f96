//! Properties of the crate as a whole: tables that must be complete, and no allocation.

use crate::generate::ERRORS;
use nfs::nfs3::{self, FileHandle, Procedure, Status};
use nfs3_types::nfs3 as wire;
use std::fs;
use std::path::Path;

#[test]
fn all_22_procedures_have_the_oracles_numbers_and_names() {
    assert_eq!(Procedure::ALL.len(), 22);
    for (number, procedure) in (0..).zip(Procedure::ALL) {
        let theirs = wire::NFS_PROGRAM::try_from(number).expect("0 to 21 exist");
        let name = format!("NFSPROC3_{procedure:?}").to_uppercase();
        assert_eq!(name, theirs.to_string());
        assert_eq!(u32::from(procedure), number);
        assert_eq!(Procedure::try_from(number), Ok(procedure));
    }
    for number in [22, 23, 0x8000_0000, u32::MAX] {
        assert!(Procedure::try_from(number).is_err());
    }
    assert_eq!(
        (nfs3::PROGRAM, nfs3::VERSION),
        (wire::PROGRAM, wire::VERSION)
    );
}

#[test]
fn all_statuses_have_the_oracles_numbers_and_names() {
    assert_eq!(Status::ALL.len(), ERRORS.len() + 1);
    assert!(Status::OK.is_ok());
    for (ours, theirs) in Status::ALL[1..].iter().zip(ERRORS) {
        assert_eq!(ours.0, theirs as u32);
        assert!(!ours.is_ok());
        let name = format!("NFS3ERR_{}", ours.name().expect("a status of the RFC"));
        assert_eq!(name, theirs.to_string());
        assert_eq!(format!("NFS3ERR_{ours:?}"), name);
    }
    assert_eq!((Status(3).name(), Status(3).is_ok()), (None, false));
    assert_eq!(format!("{:?}", Status(3)), "Status(3)");
}

#[test]
fn rights_and_properties_are_the_oracles() {
    assert_eq!(nfs3::access::READ, wire::ACCESS3_READ);
    assert_eq!(nfs3::access::LOOKUP, wire::ACCESS3_LOOKUP);
    assert_eq!(nfs3::access::MODIFY, wire::ACCESS3_MODIFY);
    assert_eq!(nfs3::access::EXTEND, wire::ACCESS3_EXTEND);
    assert_eq!(nfs3::access::DELETE, wire::ACCESS3_DELETE);
    assert_eq!(nfs3::access::EXECUTE, wire::ACCESS3_EXECUTE);
    assert_eq!(nfs3::properties::LINK, wire::FSF3_LINK);
    assert_eq!(nfs3::properties::SYMLINK, wire::FSF3_SYMLINK);
    assert_eq!(nfs3::properties::HOMOGENEOUS, wire::FSF3_HOMOGENEOUS);
    assert_eq!(nfs3::properties::CAN_SET_TIME, wire::FSF3_CANSETTIME);
    assert_eq!(nfs::limits::FILE_HANDLE, wire::NFS3_FHSIZE);
}

#[test]
fn handles_are_equal_when_their_bytes_are() {
    let handle = |bytes: &[u8]| FileHandle::new(bytes).expect("at most 64 bytes");
    assert_eq!(handle(b"ab").as_bytes(), b"ab");
    assert_eq!(handle(b"ab"), handle(b"ab"));
    assert_ne!(handle(b"ab"), handle(b"ab\0"), "the length counts");
    assert_eq!(FileHandle::new(&[0; 65]), None);
    assert_eq!(format!("{:?}", handle(&[0x0a, 0xff])), "FileHandle(0aff)");
    let set = std::collections::HashSet::from([handle(b""), handle(b"\0"), handle(b"\0\0")]);
    assert_eq!(set.len(), 3);
}

#[test]
fn repeating_is_harmless_for_the_procedures_that_say_so() {
    let repeatable: Vec<_> = Procedure::ALL
        .into_iter()
        .filter(|procedure| !procedure.is_non_idempotent())
        .collect();
    use Procedure::{
        Access, Commit, Fsinfo, Fsstat, Getattr, Lookup, Null, Pathconf, Read, Readdir,
        Readdirplus, Readlink,
    };
    let expected = [
        Null,
        Getattr,
        Lookup,
        Access,
        Readlink,
        Read,
        Readdir,
        Readdirplus,
        Fsstat,
        Fsinfo,
        Pathconf,
        Commit,
    ];
    assert_eq!(repeatable, expected);
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("the sources are there") {
        let path = entry.expect("the sources are there").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(fs::read_to_string(&path).expect("a source is text"));
        }
    }
}

/// Without `std` and `alloc` nothing in the crate can allocate, whatever a length says.
#[test]
fn nothing_can_allocate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(root.join("lib.rs")).expect("lib.rs is there");
    assert!(library.contains("#![no_std]"));
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 20);
    assert!(found.iter().all(|source| !source.contains("extern crate")));
}
