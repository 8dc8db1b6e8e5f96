//! Results of all procedures, both arms, as the oracle encodes them.

mod changes;
mod directories;
mod file_system;
mod objects;

use crate::generate::Random;
use crate::oracle::packed;
use crate::segmentation::check;
use nfs::nfs3::results::{self, Learned};
use nfs::nfs3::{PostOp, Procedure, Status, WccData};
use nfs::xdr::{Reader, XdrError};
use nfs3_types::nfs3::Nfs3Result;
use nfs3_types::xdr_codec::Pack;
use proptest::prelude::*;

fn learned(status: Status) -> Learned {
    let nothing = WccData::default();
    Learned {
        status,
        object: nothing,
        directory: nothing,
        target_directory: nothing,
        handle: None,
    }
}

fn after(post_op: PostOp) -> WccData {
    WccData {
        before: None,
        after: post_op,
    }
}

/// `decode` and `learn` read all but `unread` bytes of what the oracle encodes, and `learn` gives
/// `expected`.
fn check_result<T: Pack, E: Pack>(
    procedure: Procedure,
    oracle: &Nfs3Result<T, E>,
    unread: usize,
    expected: &Learned,
    random: &mut Random,
    decode: impl Fn(&mut Reader<'_>) -> Result<(), XdrError>,
) {
    let wire = packed(oracle);
    let len = wire.len() - unread;
    check(&wire, len, random, decode);
    if !matches!(procedure, Procedure::Readdir | Procedure::Readdirplus) {
        check(&wire, len, random, |reader| {
            assert_eq!(results::learn(procedure, reader)?, *expected);
            Ok(())
        });
    } else {
        assert_eq!(
            results::learn(procedure, &mut Reader::contiguous(&wire)),
            Ok(*expected)
        );
    }
}

/// Encodes a random result with the oracle, of success or failure, and checks what is decoded.
fn round(procedure: Procedure, random: &mut Random) {
    match procedure {
        Procedure::Null => assert_eq!(
            results::learn(procedure, &mut Reader::contiguous(&[])),
            Ok(learned(Status::OK))
        ),
        Procedure::Getattr => objects::getattr(random),
        Procedure::Setattr => objects::setattr(random),
        Procedure::Lookup => objects::lookup(random),
        Procedure::Access => objects::access(random),
        Procedure::Readlink => objects::readlink(random),
        Procedure::Read => objects::read(random),
        Procedure::Write => objects::write(random),
        Procedure::Create | Procedure::Mkdir | Procedure::Symlink | Procedure::Mknod => {
            changes::created(procedure, random);
        }
        Procedure::Remove | Procedure::Rmdir => changes::removed(procedure, random),
        Procedure::Rename => changes::rename(random),
        Procedure::Link => changes::link(random),
        Procedure::Readdir => directories::readdir(random),
        Procedure::Readdirplus => directories::readdirplus(random),
        Procedure::Fsstat => file_system::fsstat(random),
        Procedure::Fsinfo => file_system::fsinfo(random),
        Procedure::Pathconf => file_system::pathconf(random),
        Procedure::Commit => objects::commit(random),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn results_of_all_procedures_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        for procedure in Procedure::ALL {
            round(procedure, &mut random);
        }
    }
}

#[test]
fn read_head_judges_the_count() {
    let decode = |count: u32, data_len: u32, max| {
        let wire: Vec<u8> = [0, 0, count, 1, data_len]
            .iter()
            .flat_map(|word| u32::to_be_bytes(*word))
            .collect();
        results::read_head(&mut Reader::contiguous(&wire), max).map(|head| head.count)
    };
    assert_eq!(decode(100, 100, 100), Ok(100));
    assert_eq!(
        decode(101, 101, 100),
        Err(XdrError::TooLong),
        "more than was asked for"
    );
    assert_eq!(decode(100, 99, 100), Err(XdrError::Invalid));
    assert_eq!(decode(0, 0, 0), Ok(0));
}
