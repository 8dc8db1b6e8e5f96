//! Results that list directories.

use super::{after, check_result, learned};
use crate::generate::Random;
use crate::oracle;
use nfs::nfs3::results::{self, Learned};
use nfs::nfs3::{CookieVerifier, FileHandle, PostOp, Procedure, Status};
use nfs::xdr::{Reader, padding};
use nfs3_types::nfs3::{self as wire, Nfs3Result};
use nfs3_types::xdr_codec::List;

pub fn readdir(random: &mut Random) {
    let dir_attributes = random.post_op();
    let directory = oracle::post_op(&dir_attributes);
    let entries: Vec<_> = (0..random.below(6))
        .map(|_| wire::entry3 {
            fileid: random.u64(),
            name: random.name(),
            cookie: random.u64(),
        })
        .collect();
    let (eof, verifier) = (random.bool(), random.cookie_verifier());
    let (oracle, status) = if random.bool() {
        let reply = wire::dirlist3 {
            entries: List(entries.clone()),
            eof,
        };
        let ok = wire::READDIR3resok {
            dir_attributes,
            cookieverf: verifier,
            reply,
        };
        (Nfs3Result::Ok(ok), Status::OK)
    } else {
        let error = random.error_status();
        let fail = wire::READDIR3resfail { dir_attributes };
        (Nfs3Result::Err((error, fail)), oracle::status(error))
    };
    let learns = Learned {
        object: after(directory),
        ..learned(status)
    };
    check_result(Procedure::Readdir, &oracle, 0, &learns, random, |reader| {
        let result = results::readdir(reader)?;
        assert_eq!((result.status, result.directory), (status, directory));
        assert_eq!(result.listing.is_some(), status.is_ok());
        let Some((cookie_verifier, mut list)) = result.listing else {
            return Ok(());
        };
        assert_eq!(cookie_verifier, CookieVerifier(verifier.0));
        let mut expected = entries.iter();
        while let Some(entry) = list.next() {
            assert_eq!(list.end_of_directory(), None);
            let (entry, oracle) = (entry?, expected.next().expect("no more than were encoded"));
            assert_eq!((entry.fileid, entry.cookie), (oracle.fileid, oracle.cookie));
            assert_eq!(entry.name, *oracle.name.as_ref());
        }
        assert_eq!(
            (expected.next(), list.end_of_directory()),
            (None, Some(eof))
        );
        assert!(list.next().is_none(), "ends once");
        *reader = list.reader().clone();
        Ok(())
    });
}

/// What the oracle's entry must be decoded as: id, name, cookie, attributes, handle.
type ExpectedPlusEntry = (u64, Vec<u8>, u64, PostOp, Option<FileHandle>);

fn plus_entries(random: &mut Random) -> (Vec<wire::entryplus3<'static>>, Vec<ExpectedPlusEntry>) {
    let entries = (0..random.below(6)).map(|_| {
        let entry = wire::entryplus3 {
            fileid: random.u64(),
            name: random.name(),
            cookie: random.u64(),
            name_attributes: random.post_op(),
            name_handle: random.post_op_handle(),
        };
        let expected = (
            entry.fileid,
            entry.name.as_ref().to_vec(),
            entry.cookie,
            oracle::post_op(&entry.name_attributes),
            oracle::optional_handle(&entry.name_handle),
        );
        (entry, expected)
    });
    entries.unzip()
}

pub fn readdirplus(random: &mut Random) {
    let dir_attributes = random.post_op();
    let directory = oracle::post_op(&dir_attributes);
    let (entries, expected) = plus_entries(random);
    let (eof, verifier) = (random.bool(), random.cookie_verifier());
    let (oracle, status) = if random.bool() {
        let reply = wire::dirlistplus3 {
            entries: List(entries),
            eof,
        };
        let ok = wire::READDIRPLUS3resok {
            dir_attributes,
            cookieverf: verifier,
            reply,
        };
        (Nfs3Result::Ok(ok), Status::OK)
    } else {
        let error = random.error_status();
        let fail = wire::READDIRPLUS3resfail { dir_attributes };
        (Nfs3Result::Err((error, fail)), oracle::status(error))
    };
    let learns = Learned {
        object: after(directory),
        ..learned(status)
    };
    check_result(
        Procedure::Readdirplus,
        &oracle,
        0,
        &learns,
        random,
        |reader| {
            let start = reader.clone();
            let result = results::readdirplus(reader)?;
            assert_eq!((result.status, result.directory), (status, directory));
            assert_eq!(result.listing.is_some(), status.is_ok());
            let Some((cookie_verifier, mut list)) = result.listing else {
                return Ok(());
            };
            assert_eq!(cookie_verifier, CookieVerifier(verifier.0));
            let mut expected = expected.iter();
            for plus in list.by_ref() {
                let plus = plus?;
                let entry = &plus.entry;
                let mut name = [0; 1024];
                let name = entry
                    .name
                    .copy_to(&mut name)
                    .expect("within the limit")
                    .to_vec();
                let decoded = (
                    entry.fileid,
                    name,
                    entry.cookie,
                    plus.attributes,
                    plus.handle,
                );
                assert_eq!(Some(&decoded), expected.next());
                let mut hidden = start.clone();
                hidden.skip(plus.attributes_and_handle.start)?;
                let attributes_len = if plus.attributes.is_some() { 84 } else { 0 };
                let handle_len = plus.handle.map_or(0, |handle| {
                    let len = handle.as_bytes().len();
                    4 + len + padding(len)
                });
                assert_eq!(
                    plus.attributes_and_handle.len(),
                    8 + attributes_len + handle_len
                );
                assert_eq!(hidden.bool()?, plus.attributes.is_some());
            }
            assert_eq!(
                (expected.next(), list.end_of_directory()),
                (None, Some(eof))
            );
            *reader = list.reader().clone();
            Ok(())
        },
    );
}

#[test]
fn a_long_list_of_entries_needs_no_stack() {
    let mut wire = vec![0; 16];
    for fileid in 0..200_000u64 {
        wire.extend(1u32.to_be_bytes());
        wire.extend(fileid.to_be_bytes());
        wire.extend(0u32.to_be_bytes());
        wire.extend(fileid.to_be_bytes());
    }
    wire.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    let result = results::readdir(&mut Reader::contiguous(&wire)).expect("well-formed");
    let (_, mut entries) = result.listing.expect("a success");
    assert_eq!(entries.by_ref().filter(Result::is_ok).count(), 200_000);
    assert_eq!(entries.end_of_directory(), Some(true));
}
