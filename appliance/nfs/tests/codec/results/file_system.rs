//! Results about file systems.

use super::{after, check_result, learned};
use crate::generate::Random;
use crate::oracle::{self, packed};
use nfs::nfs3::results::{self, Learned};
use nfs::nfs3::{Procedure, Status};
use nfs3_types::nfs3::{self as wire, Nfs3Result};

pub fn fsstat(random: &mut Random) {
    let obj_attributes = random.post_op();
    let attributes = oracle::post_op(&obj_attributes);
    let values = results::FsstatValues {
        total_bytes: random.u64(),
        free_bytes: random.u64(),
        available_bytes: random.u64(),
        total_files: random.u64(),
        free_files: random.u64(),
        available_files: random.u64(),
        invariant_seconds: random.u32(),
    };
    let (oracle, expected) = if random.bool() {
        let ok = wire::FSSTAT3resok {
            obj_attributes,
            tbytes: values.total_bytes,
            fbytes: values.free_bytes,
            abytes: values.available_bytes,
            tfiles: values.total_files,
            ffiles: values.free_files,
            afiles: values.available_files,
            invarsec: values.invariant_seconds,
        };
        let expected = results::Fsstat {
            status: Status::OK,
            attributes,
            values: Some(values),
        };
        (Nfs3Result::Ok(ok), expected)
    } else {
        let error = random.error_status();
        let expected = results::Fsstat {
            status: oracle::status(error),
            attributes,
            values: None,
        };
        (
            Nfs3Result::Err((error, wire::FSSTAT3resfail { obj_attributes })),
            expected,
        )
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(expected.status)
    };
    check_result(Procedure::Fsstat, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::fsstat(reader)?, expected);
        Ok(())
    });
}

pub fn fsinfo(random: &mut Random) {
    let obj_attributes = random.post_op();
    let attributes = oracle::post_op(&obj_attributes);
    let (oracle, status) = if random.bool() {
        let ok = wire::FSINFO3resok {
            obj_attributes,
            rtmax: random.u32(),
            rtpref: random.u32(),
            rtmult: random.u32(),
            wtmax: random.u32(),
            wtpref: random.u32(),
            wtmult: random.u32(),
            dtpref: random.u32(),
            maxfilesize: random.u64(),
            time_delta: random.time(),
            properties: random.u32(),
        };
        (Nfs3Result::Ok(ok), Status::OK)
    } else {
        let error = random.error_status();
        let fail = wire::FSINFO3resfail { obj_attributes };
        (Nfs3Result::Err((error, fail)), oracle::status(error))
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(status)
    };
    let wire_bytes = packed(&oracle);
    check_result(Procedure::Fsinfo, &oracle, 0, &learns, random, |reader| {
        let result = results::fsinfo(reader)?;
        assert_eq!((result.status, result.attributes), (status, attributes));
        let (Nfs3Result::Ok(ok), Some(values)) = (&oracle, result.values) else {
            assert!(matches!(oracle, Nfs3Result::Err(_)) && result.values.is_none());
            return Ok(());
        };
        let limits = results::FsinfoLimits {
            read_max: ok.rtmax,
            read_preferred: ok.rtpref,
            read_multiple: ok.rtmult,
            write_max: ok.wtmax,
            write_preferred: ok.wtpref,
            write_multiple: ok.wtmult,
            directory_preferred: ok.dtpref,
        };
        assert_eq!(values.limits, limits);
        let place = values.limits_position..values.limits_position + results::FsinfoLimits::LEN;
        assert_eq!(wire_bytes[place], limits.to_bytes());
        assert_eq!(values.max_file_size, ok.maxfilesize);
        assert_eq!(values.time_delta, oracle::time(&ok.time_delta));
        assert_eq!(values.properties, ok.properties);
        Ok(())
    });
}

pub fn pathconf(random: &mut Random) {
    let obj_attributes = random.post_op();
    let attributes = oracle::post_op(&obj_attributes);
    let values = results::PathconfValues {
        link_max: random.u32(),
        name_max: random.u32(),
        no_trunc: random.bool(),
        chown_restricted: random.bool(),
        case_insensitive: random.bool(),
        case_preserving: random.bool(),
    };
    let (oracle, expected) = if random.bool() {
        let ok = wire::PATHCONF3resok {
            obj_attributes,
            linkmax: values.link_max,
            name_max: values.name_max,
            no_trunc: values.no_trunc,
            chown_restricted: values.chown_restricted,
            case_insensitive: values.case_insensitive,
            case_preserving: values.case_preserving,
        };
        let expected = results::Pathconf {
            status: Status::OK,
            attributes,
            values: Some(values),
        };
        (Nfs3Result::Ok(ok), expected)
    } else {
        let error = random.error_status();
        let status = oracle::status(error);
        let expected = results::Pathconf {
            status,
            attributes,
            values: None,
        };
        (
            Nfs3Result::Err((error, wire::PATHCONF3resfail { obj_attributes })),
            expected,
        )
    };
    let learns = Learned {
        object: after(attributes),
        ..learned(expected.status)
    };
    check_result(Procedure::Pathconf, &oracle, 0, &learns, random, |reader| {
        assert_eq!(results::pathconf(reader)?, expected);
        Ok(())
    });
}

#[test]
fn limits_of_fsinfo_are_clamped() {
    let origin = results::FsinfoLimits {
        read_max: 1 << 20,
        read_preferred: 1 << 20,
        read_multiple: 4096,
        write_max: 1 << 16,
        write_preferred: 1 << 15,
        write_multiple: 512,
        directory_preferred: 1 << 18,
    };
    let ours = origin.clamped(1 << 17, 1 << 17);
    let expected = results::FsinfoLimits {
        read_max: 1 << 17,
        read_preferred: 1 << 17,
        directory_preferred: 1 << 17,
        ..origin
    };
    assert_eq!(ours, expected);
}
