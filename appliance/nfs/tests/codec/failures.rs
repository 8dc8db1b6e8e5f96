//! Failure results have the shape of each procedure's failure arm: the oracle reads them whole.

use crate::generate::ERRORS;
use crate::oracle::{status, unpacked};
use nfs::nfs3::{Procedure, Status, encode_failure};
use nfs::xdr::{Overflow, Writer};
use nfs3_types::nfs3::{self as wire, Nfs3Result, nfsstat3};
use nfs3_types::xdr_codec::Unpack;

/// The status of a failure that the oracle reads as a `T`.
fn failure<T: Unpack, E: Unpack>(wire: &[u8]) -> nfsstat3
where
    Nfs3Result<T, E>: Unpack,
{
    match unpacked::<Nfs3Result<T, E>>(wire) {
        Nfs3Result::Ok(_) => panic!("a success was written"),
        Nfs3Result::Err((status, _)) => status,
    }
}

fn status_read_by_oracle(procedure: Procedure, bytes: &[u8]) -> Option<nfsstat3> {
    use nfs3_types::xdr_codec::Void;
    Some(match procedure {
        Procedure::Null => {
            assert_eq!(bytes, []);
            return None;
        }
        Procedure::Getattr => failure::<wire::GETATTR3resok, Void>(bytes),
        Procedure::Setattr => failure::<wire::SETATTR3resok, wire::SETATTR3resfail>(bytes),
        Procedure::Lookup => failure::<wire::LOOKUP3resok, wire::LOOKUP3resfail>(bytes),
        Procedure::Access => failure::<wire::ACCESS3resok, wire::ACCESS3resfail>(bytes),
        Procedure::Readlink => failure::<wire::READLINK3resok, wire::READLINK3resfail>(bytes),
        Procedure::Read => failure::<wire::READ3resok, wire::READ3resfail>(bytes),
        Procedure::Write => failure::<wire::WRITE3resok, wire::WRITE3resfail>(bytes),
        Procedure::Create => failure::<wire::CREATE3resok, wire::CREATE3resfail>(bytes),
        Procedure::Mkdir => failure::<wire::MKDIR3resok, wire::MKDIR3resfail>(bytes),
        Procedure::Symlink => failure::<wire::SYMLINK3resok, wire::SYMLINK3resfail>(bytes),
        Procedure::Mknod => failure::<wire::MKNOD3resok, wire::MKNOD3resfail>(bytes),
        Procedure::Remove => failure::<wire::REMOVE3resok, wire::REMOVE3resfail>(bytes),
        Procedure::Rmdir => failure::<wire::RMDIR3resok, wire::RMDIR3resfail>(bytes),
        Procedure::Rename => failure::<wire::RENAME3resok, wire::RENAME3resfail>(bytes),
        Procedure::Link => failure::<wire::LINK3resok, wire::LINK3resfail>(bytes),
        Procedure::Readdir => failure::<wire::READDIR3resok, wire::READDIR3resfail>(bytes),
        Procedure::Readdirplus => {
            failure::<wire::READDIRPLUS3resok, wire::READDIRPLUS3resfail>(bytes)
        }
        Procedure::Fsstat => failure::<wire::FSSTAT3resok, wire::FSSTAT3resfail>(bytes),
        Procedure::Fsinfo => failure::<wire::FSINFO3resok, wire::FSINFO3resfail>(bytes),
        Procedure::Pathconf => failure::<wire::PATHCONF3resok, wire::PATHCONF3resfail>(bytes),
        Procedure::Commit => failure::<wire::COMMIT3resok, wire::COMMIT3resfail>(bytes),
    })
}

#[test]
fn failures_of_all_procedures_are_what_the_oracle_reads() {
    for procedure in Procedure::ALL {
        for error in ERRORS {
            let mut buffer = [0xff; 20];
            let mut writer = Writer::new(&mut buffer);
            assert_eq!(
                encode_failure(&mut writer, procedure, status(error)),
                Ok(())
            );
            let read = status_read_by_oracle(procedure, writer.written());
            assert_eq!(
                read,
                (procedure != Procedure::Null).then_some(error),
                "{procedure:?}"
            );
        }
    }
}

#[test]
fn the_empty_attributes_are_absent_to_our_decoders_too() {
    for procedure in Procedure::ALL {
        let mut buffer = [0; 20];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(
            encode_failure(&mut writer, procedure, Status::JUKEBOX),
            Ok(())
        );
        let mut reader = nfs::xdr::Reader::contiguous(writer.written());
        let learned = nfs::nfs3::results::learn(procedure, &mut reader).expect("well-formed");
        assert_eq!(reader.remaining(), 0);
        let expected = if procedure == Procedure::Null {
            Status::OK
        } else {
            Status::JUKEBOX
        };
        assert_eq!(learned.status, expected);
        for wcc in [learned.object, learned.directory, learned.target_directory] {
            assert_eq!(wcc, nfs::nfs3::WccData::default());
        }
    }
}

#[test]
fn a_buffer_that_is_too_small_is_an_overflow() {
    let mut buffer = [0; 19];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(
        encode_failure(&mut writer, Procedure::Rename, Status::IO),
        Err(Overflow)
    );
}
