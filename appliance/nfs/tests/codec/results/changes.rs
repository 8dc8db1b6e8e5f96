//! Results of what changes directories.

use super::{after, check_result, learned};
use crate::generate::Random;
use crate::oracle;
use nfs::nfs3::results::{self, Learned};
use nfs::nfs3::{Procedure, Status};
use nfs3_types::nfs3::{self as wire, Nfs3Result};

pub fn created(procedure: Procedure, random: &mut Random) {
    let (obj, obj_attributes, dir_wcc) = (random.post_op_handle(), random.post_op(), random.wcc());
    let handle = oracle::optional_handle(&obj);
    let attributes = oracle::post_op(&obj_attributes);
    let directory = oracle::wcc(&dir_wcc);
    macro_rules! check_created {
        ($ok:ident, $fail:ident) => {{
            let (oracle, expected) = if random.bool() {
                let ok = wire::$ok {
                    obj,
                    obj_attributes,
                    dir_wcc,
                };
                let status = Status::OK;
                let expected = results::Created {
                    status,
                    handle,
                    attributes,
                    directory,
                };
                (Nfs3Result::Ok(ok), expected)
            } else {
                let error = random.error_status();
                let status = oracle::status(error);
                let expected = results::Created {
                    status,
                    handle: None,
                    attributes: None,
                    directory,
                };
                (Nfs3Result::Err((error, wire::$fail { dir_wcc })), expected)
            };
            let learns = Learned {
                object: after(expected.attributes),
                directory,
                handle: expected.handle,
                ..learned(expected.status)
            };
            check_result(procedure, &oracle, 0, &learns, random, |reader| {
                assert_eq!(results::created(reader)?, expected);
                Ok(())
            });
        }};
    }
    match procedure {
        Procedure::Create => check_created!(CREATE3resok, CREATE3resfail),
        Procedure::Mkdir => check_created!(MKDIR3resok, MKDIR3resfail),
        Procedure::Symlink => check_created!(SYMLINK3resok, SYMLINK3resfail),
        _ => check_created!(MKNOD3resok, MKNOD3resfail),
    }
}

pub fn removed(procedure: Procedure, random: &mut Random) {
    let dir_wcc = random.wcc();
    let directory = oracle::wcc(&dir_wcc);
    macro_rules! check_removed {
        ($ok:ident, $fail:ident) => {{
            let (oracle, status) = if random.bool() {
                (Nfs3Result::Ok(wire::$ok { dir_wcc }), Status::OK)
            } else {
                let error = random.error_status();
                (
                    Nfs3Result::Err((error, wire::$fail { dir_wcc })),
                    oracle::status(error),
                )
            };
            let learns = Learned {
                directory,
                ..learned(status)
            };
            check_result(procedure, &oracle, 0, &learns, random, |reader| {
                assert_eq!(
                    results::removed(reader)?,
                    results::Removed { status, directory }
                );
                Ok(())
            });
        }};
    }
    if procedure == Procedure::Remove {
        check_removed!(REMOVE3resok, REMOVE3resfail);
    } else {
        check_removed!(RMDIR3resok, RMDIR3resfail);
    }
}

pub fn rename(random: &mut Random) {
    let (fromdir_wcc, todir_wcc) = (random.wcc(), random.wcc());
    let (from_directory, to_directory) = (oracle::wcc(&fromdir_wcc), oracle::wcc(&todir_wcc));
    let (oracle, status) = if random.bool() {
        (
            Nfs3Result::Ok(wire::RENAME3resok {
                fromdir_wcc,
                todir_wcc,
            }),
            Status::OK,
        )
    } else {
        let error = random.error_status();
        let fail = wire::RENAME3resfail {
            fromdir_wcc,
            todir_wcc,
        };
        (Nfs3Result::Err((error, fail)), oracle::status(error))
    };
    let learns = Learned {
        directory: from_directory,
        target_directory: to_directory,
        ..learned(status)
    };
    check_result(Procedure::Rename, &oracle, 0, &learns, random, |reader| {
        let expected = results::Rename {
            status,
            from_directory,
            to_directory,
        };
        assert_eq!(results::rename(reader)?, expected);
        Ok(())
    });
}

pub fn link(random: &mut Random) {
    let (file_attributes, linkdir_wcc) = (random.post_op(), random.wcc());
    let attributes = oracle::post_op(&file_attributes);
    let directory = oracle::wcc(&linkdir_wcc);
    let (oracle, status) = if random.bool() {
        (
            Nfs3Result::Ok(wire::LINK3resok {
                file_attributes,
                linkdir_wcc,
            }),
            Status::OK,
        )
    } else {
        let error = random.error_status();
        let fail = wire::LINK3resfail {
            file_attributes,
            linkdir_wcc,
        };
        (Nfs3Result::Err((error, fail)), oracle::status(error))
    };
    let learns = Learned {
        object: after(attributes),
        directory,
        ..learned(status)
    };
    check_result(Procedure::Link, &oracle, 0, &learns, random, |reader| {
        assert_eq!(
            results::link(reader)?,
            results::Link {
                status,
                attributes,
                directory
            }
        );
        Ok(())
    });
}
