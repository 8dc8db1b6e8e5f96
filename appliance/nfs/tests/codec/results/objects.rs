//! Results about one object.

use super::{after, check_result, learned};
use crate::generate::Random;
use crate::oracle;
use nfs::nfs3::results::{self, Learned};
use nfs::nfs3::{Procedure, Status, WriteVerifier};
use nfs::xdr::{Bytes, padding};
use nfs3_types::nfs3::{self as wire, Nfs3Result};
use nfs3_types::xdr_codec::{Opaque, Void};

pub fn getattr(random: &mut Random) {
    let (oracle, expected) = if random.bool() {
        let attributes = random.attributes();
        let expected = results::Getattr {
            status: Status::OK,
            attributes: Some(oracle::attributes(&attributes)),
        };
        (
            Nfs3Result::Ok(wire::GETATTR3resok {
                obj_attributes: attributes,
            }),
            expected,
        )
    } else {
        let status = random.error_status();
        let expected = results::Getattr {
            status: oracle::status(status),
            attributes: None,
        };
        (Nfs3Result::Err((status, Void)), expected)
    };
    let learns = Learned {
        object: after(expected.attributes),
        ..learned(expected.status)
    };
    check_result(Procedure::Getattr, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::getattr(reader)?, expected);
        Ok(())
    });
}

pub fn setattr(random: &mut Random) {
    let obj_wcc = random.wcc();
    let object = oracle::wcc(&obj_wcc);
    let (oracle, status) = if random.bool() {
        (Nfs3Result::Ok(wire::SETATTR3resok { obj_wcc }), Status::OK)
    } else {
        let status = random.error_status();
        (
            Nfs3Result::Err((status, wire::SETATTR3resfail { obj_wcc })),
            oracle::status(status),
        )
    };
    let learns = Learned {
        object,
        ..learned(status)
    };
    check_result(Procedure::Setattr, &oracle, 0, &learns, random, |reader| {
        assert_eq!(
            results::setattr(reader)?,
            results::Setattr { status, object }
        );
        Ok(())
    });
}

pub fn lookup(random: &mut Random) {
    let dir_attributes = random.post_op();
    let directory = oracle::post_op(&dir_attributes);
    let (oracle, expected) = if random.bool() {
        let (object, obj_attributes) = (random.handle(), random.post_op());
        let expected = results::Lookup {
            status: Status::OK,
            handle: Some(oracle::handle(&object)),
            attributes: oracle::post_op(&obj_attributes),
            directory,
        };
        let ok = wire::LOOKUP3resok {
            object,
            obj_attributes,
            dir_attributes,
        };
        (Nfs3Result::Ok(ok), expected)
    } else {
        let error = random.error_status();
        let status = oracle::status(error);
        let expected = results::Lookup {
            status,
            handle: None,
            attributes: None,
            directory,
        };
        (
            Nfs3Result::Err((error, wire::LOOKUP3resfail { dir_attributes })),
            expected,
        )
    };
    let learns = Learned {
        object: after(expected.attributes),
        directory: after(directory),
        handle: expected.handle,
        ..learned(expected.status)
    };
    check_result(Procedure::Lookup, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::lookup(reader)?, expected);
        Ok(())
    });
}

pub fn access(random: &mut Random) {
    let obj_attributes = random.post_op();
    let attributes = oracle::post_op(&obj_attributes);
    let (oracle, expected) = if random.bool() {
        let access = random.u32();
        let expected = results::Access {
            status: Status::OK,
            attributes,
            access,
        };
        (
            Nfs3Result::Ok(wire::ACCESS3resok {
                obj_attributes,
                access,
            }),
            expected,
        )
    } else {
        let error = random.error_status();
        let expected = results::Access {
            status: oracle::status(error),
            attributes,
            access: 0,
        };
        (
            Nfs3Result::Err((error, wire::ACCESS3resfail { obj_attributes })),
            expected,
        )
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(expected.status)
    };
    check_result(Procedure::Access, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::access(reader)?, expected);
        Ok(())
    });
}

pub fn readlink(random: &mut Random) {
    let symlink_attributes = random.post_op();
    let attributes = oracle::post_op(&symlink_attributes);
    let path = random.bytes(4096);
    let (oracle, status, target) = if random.bool() {
        let data = wire::nfspath3::from(&path[..]);
        let ok = wire::READLINK3resok {
            symlink_attributes,
            data,
        };
        (
            Nfs3Result::Ok(ok),
            Status::OK,
            Some(Bytes::contiguous(&path)),
        )
    } else {
        let error = random.error_status();
        let fail = wire::READLINK3resfail { symlink_attributes };
        (Nfs3Result::Err((error, fail)), oracle::status(error), None)
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(status)
    };
    check_result(Procedure::Readlink, &oracle, 0, &learns, random, |reader| {
        let expected = results::Readlink {
            status,
            attributes,
            target,
        };
        assert_eq!(results::readlink(reader)?, expected);
        Ok(())
    });
}

pub fn read(random: &mut Random) {
    let file_attributes = random.post_op();
    let attributes = oracle::post_op(&file_attributes);
    let data = random.bytes(3000);
    let count = u32::try_from(data.len()).expect("fits");
    let (oracle, unread, expected) = if random.bool() {
        let eof = random.bool();
        let ok = wire::READ3resok {
            file_attributes,
            count,
            eof,
            data: Opaque::borrowed(&data),
        };
        let expected = results::ReadHead {
            status: Status::OK,
            attributes,
            count,
            end_of_file: eof,
        };
        (
            Nfs3Result::Ok(ok),
            data.len() + padding(data.len()),
            expected,
        )
    } else {
        let error = random.error_status();
        let status = oracle::status(error);
        let expected = results::ReadHead {
            status,
            attributes,
            count: 0,
            end_of_file: false,
        };
        (
            Nfs3Result::Err((error, wire::READ3resfail { file_attributes })),
            0,
            expected,
        )
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(expected.status)
    };
    check_result(
        Procedure::Read,
        &oracle,
        unread,
        &learns,
        random,
        |reader| {
            assert_eq!(results::read_head(reader, count)?, expected);
            Ok(())
        },
    );
}

pub fn write(random: &mut Random) {
    let file_wcc = random.wcc();
    let file = oracle::wcc(&file_wcc);
    let (oracle, expected) = if random.bool() {
        let (count, committed, verf) = (random.u32(), random.stable(), random.write_verifier());
        let written = results::Written {
            count,
            committed: oracle::stable(committed),
            verifier: WriteVerifier(verf.0),
        };
        let ok = wire::WRITE3resok {
            file_wcc,
            count,
            committed,
            verf,
        };
        let expected = results::Write {
            status: Status::OK,
            file,
            written: Some(written),
        };
        (Nfs3Result::Ok(ok), expected)
    } else {
        let error = random.error_status();
        let expected = results::Write {
            status: oracle::status(error),
            file,
            written: None,
        };
        (
            Nfs3Result::Err((error, wire::WRITE3resfail { file_wcc })),
            expected,
        )
    };
    let learns = Learned {
        object: file,
        ..learned(expected.status)
    };
    check_result(Procedure::Write, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::write(reader)?, expected);
        Ok(())
    });
}

pub fn commit(random: &mut Random) {
    let file_wcc = random.wcc();
    let file = oracle::wcc(&file_wcc);
    let (oracle, expected) = if random.bool() {
        let verf = random.write_verifier();
        let verifier = Some(WriteVerifier(verf.0));
        let expected = results::Commit {
            status: Status::OK,
            file,
            verifier,
        };
        (
            Nfs3Result::Ok(wire::COMMIT3resok { file_wcc, verf }),
            expected,
        )
    } else {
        let error = random.error_status();
        let expected = results::Commit {
            status: oracle::status(error),
            file,
            verifier: None,
        };
        (
            Nfs3Result::Err((error, wire::COMMIT3resfail { file_wcc })),
            expected,
        )
    };
    let learns = Learned {
        object: file,
        ..learned(expected.status)
    };
    check_result(Procedure::Commit, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::commit(reader)?, expected);
        Ok(())
    });
}
