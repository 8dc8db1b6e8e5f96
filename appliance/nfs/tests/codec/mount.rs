//! MOUNT version 3 against the oracle, both ways.

use crate::generate::Random;
use crate::oracle::{packed, unpacked};
use crate::segmentation::check;
use nfs::mount::{self, MountStatus, Procedure};
use nfs::nfs3::FileHandle;
use nfs::xdr::{Bytes, Reader, Writer, XdrError};
use nfs3_types::mount as wire;
use nfs3_types::xdr_codec::{List, Opaque};
use proptest::prelude::*;

fn encoded(encode: impl FnOnce(&mut Writer<'_>) -> Result<(), nfs::xdr::Overflow>) -> Vec<u8> {
    let mut buffer = vec![0xff; 16_384];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(encode(&mut writer), Ok(()));
    writer.written().to_vec()
}

fn mnt(random: &mut Random) {
    let path = random.bytes(1024);
    let bytes = packed(&wire::dirpath(Opaque::borrowed(&path)));
    check(&bytes, bytes.len(), random, |reader| {
        assert_eq!(mount::decode_path(reader)?, Bytes::contiguous(&path));
        Ok(())
    });
    assert_eq!(encoded(|writer| mount::encode_path(writer, &path)), bytes);

    let handle = random.bytes(64);
    let flavors: Vec<u32> = (0..random.below(33)).map(|_| random.u32()).collect();
    let fhandle = wire::fhandle3(Opaque::borrowed(&handle));
    let ok = wire::mountres3_ok {
        fhandle,
        auth_flavors: flavors.clone(),
    };
    let bytes = packed(&wire::mountres3::Ok(ok));
    let handle = FileHandle::new(&handle).expect("at most 64 bytes");
    check(&bytes, bytes.len(), random, |reader| {
        let result = mount::decode_mnt_result(reader)?;
        assert_eq!(
            (result.status, result.handle),
            (MountStatus::OK, Some(handle))
        );
        assert_eq!(result.flavors().collect::<Vec<_>>(), flavors);
        Ok(())
    });
    let ours = encoded(|writer| mount::encode_mnt_success(writer, &handle, &flavors));
    assert_eq!(ours, bytes);
}

fn lists(random: &mut Random) {
    let mounts: Vec<(Vec<u8>, Vec<u8>)> = (0..random.below(5))
        .map(|_| (random.bytes(255), random.bytes(1024)))
        .collect();
    let oracle = List(
        mounts
            .iter()
            .map(|(client, path)| wire::mountbody {
                ml_hostname: wire::name(Opaque::borrowed(client)),
                ml_directory: wire::dirpath(Opaque::borrowed(path)),
            })
            .collect(),
    );
    let bytes = packed(&oracle);
    check(&bytes, bytes.len(), random, |reader| {
        for (client, path) in &mounts {
            let entry = mount::decode_dump_entry(reader)?;
            assert_eq!(
                entry,
                Some((Bytes::contiguous(client), Bytes::contiguous(path)))
            );
        }
        assert_eq!(mount::decode_dump_entry(reader)?, None);
        Ok(())
    });
    let pairs = mounts.iter().map(|(client, path)| (&client[..], &path[..]));
    assert_eq!(encoded(|writer| mount::encode_dump(writer, pairs)), bytes);

    let groups: Vec<Vec<u8>> = (0..random.below(3)).map(|_| random.bytes(255)).collect();
    let group_list = || {
        List(
            groups
                .iter()
                .map(|group| wire::name(Opaque::borrowed(group)))
                .collect(),
        )
    };
    let oracle = List(
        mounts
            .iter()
            .map(|(_, path)| wire::export_node {
                ex_dir: wire::dirpath(Opaque::borrowed(path)),
                ex_groups: group_list(),
            })
            .collect(),
    );
    let bytes = packed(&oracle);
    check(&bytes, bytes.len(), random, |reader| {
        for (_, path) in &mounts {
            assert_eq!(
                mount::decode_export_entry(reader)?,
                Some(Bytes::contiguous(path))
            );
        }
        assert_eq!(mount::decode_export_entry(reader)?, None);
        Ok(())
    });
    let paths = mounts.iter().map(|(_, path)| &path[..]);
    let exports: wire::exports<'_, '_> =
        unpacked(&encoded(|writer| mount::encode_exports(writer, paths)));
    assert_eq!(exports.0.len(), mounts.len());
    for (export, (_, path)) in exports.0.iter().zip(&mounts) {
        assert_eq!(
            (export.ex_dir.0.as_ref(), export.ex_groups.0.len()),
            (&path[..], 0)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn arguments_and_results_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        mnt(&mut random);
        lists(&mut random);
    }
}

#[test]
fn every_failure_is_a_status_alone() {
    for (ours, theirs) in [
        (MountStatus::PERM, wire::mountstat3::MNT3ERR_PERM),
        (MountStatus::NOENT, wire::mountstat3::MNT3ERR_NOENT),
        (MountStatus::IO, wire::mountstat3::MNT3ERR_IO),
        (MountStatus::ACCES, wire::mountstat3::MNT3ERR_ACCES),
        (MountStatus::NOTDIR, wire::mountstat3::MNT3ERR_NOTDIR),
        (MountStatus::INVAL, wire::mountstat3::MNT3ERR_INVAL),
        (
            MountStatus::NAMETOOLONG,
            wire::mountstat3::MNT3ERR_NAMETOOLONG,
        ),
        (MountStatus::NOTSUPP, wire::mountstat3::MNT3ERR_NOTSUPP),
        (
            MountStatus::SERVERFAULT,
            wire::mountstat3::MNT3ERR_SERVERFAULT,
        ),
    ] {
        let bytes = packed(&wire::mountres3::Err(theirs));
        assert_eq!(
            encoded(|writer| mount::encode_mnt_failure(writer, ours)),
            bytes
        );
        let mut reader = Reader::contiguous(&bytes);
        let result = mount::decode_mnt_result(&mut reader).expect("well-formed");
        assert_eq!(
            (result.status, result.handle, reader.remaining()),
            (ours, None, 0)
        );
        assert_eq!(result.flavors().count(), 0);
    }
}

#[test]
fn more_flavors_than_the_limit_are_refused() {
    let count = u32::try_from(nfs::limits::AUTH_FLAVORS + 1).expect("fits");
    let mut bytes = [[0; 4], [0; 4], count.to_be_bytes()].concat();
    bytes.resize(bytes.len() + 4 * (nfs::limits::AUTH_FLAVORS + 1), 0);
    let result = mount::decode_mnt_result(&mut Reader::contiguous(&bytes));
    assert_eq!(result, Err(XdrError::TooLong));
}

#[test]
fn procedures_have_the_oracles_numbers() {
    let table = [
        (Procedure::Null, wire::MOUNT_PROGRAM::MOUNTPROC3_NULL),
        (Procedure::Mnt, wire::MOUNT_PROGRAM::MOUNTPROC3_MNT),
        (Procedure::Dump, wire::MOUNT_PROGRAM::MOUNTPROC3_DUMP),
        (Procedure::Umnt, wire::MOUNT_PROGRAM::MOUNTPROC3_UMNT),
        (Procedure::Umntall, wire::MOUNT_PROGRAM::MOUNTPROC3_UMNTALL),
        (Procedure::Export, wire::MOUNT_PROGRAM::MOUNTPROC3_EXPORT),
    ];
    for (ours, theirs) in table {
        assert_eq!(ours as u32, theirs as u32);
        assert_eq!(Procedure::from_number(theirs as u32), Some(ours));
    }
    assert_eq!(Procedure::from_number(6), None);
    assert_eq!(
        (mount::PROGRAM, mount::VERSION),
        (wire::PROGRAM, wire::VERSION)
    );
}
