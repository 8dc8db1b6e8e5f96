//! What this crate encodes of NFSv3, the oracle decodes to the same.

use crate::generate::Random;
use crate::oracle::{self, unpacked};
use nfs::nfs3::args::{AccessArgs, CommitArgs, ReadArgs, WriteHead};
use nfs::nfs3::results::{Access, Commit, Getattr, ReadHead, Write, Written};
use nfs::nfs3::{Status, WriteVerifier};
use nfs::xdr::{Overflow, Writer, padding};
use nfs3_types::nfs3 as wire;
use proptest::prelude::*;

/// What `encode` writes; it fails in every buffer that is smaller, writing past none.
fn encoded(encode: impl Fn(&mut Writer<'_>) -> Result<(), Overflow>) -> Vec<u8> {
    let mut buffer = vec![0xff; 8192];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(encode(&mut writer), Ok(()));
    let wire = writer.written().to_vec();
    for room in 0..wire.len() {
        let mut small = vec![0; room];
        assert_eq!(encode(&mut Writer::new(&mut small)), Err(Overflow));
    }
    wire
}

fn with_data(mut head: Vec<u8>, data: &[u8]) -> Vec<u8> {
    head.extend(data);
    head.resize(head.len() + padding(data.len()), 0);
    head
}

fn arguments(random: &mut Random) {
    let file = oracle::handle(&random.handle());
    let (offset, count) = (random.u64(), random.u32());

    let bytes = encoded(|writer| file.encode(writer));
    assert_eq!(
        oracle::handle(&unpacked::<wire::GETATTR3args>(&bytes).object),
        file
    );

    let bytes = encoded(|writer| {
        AccessArgs {
            object: file,
            access: count,
        }
        .encode(writer)
    });
    let args: wire::ACCESS3args = unpacked(&bytes);
    assert_eq!((oracle::handle(&args.object), args.access), (file, count));

    let bytes = encoded(|writer| {
        ReadArgs {
            file,
            offset,
            count,
        }
        .encode(writer)
    });
    let args: wire::READ3args = unpacked(&bytes);
    assert_eq!(
        (oracle::handle(&args.file), args.offset, args.count),
        (file, offset, count)
    );

    let bytes = encoded(|writer| {
        CommitArgs {
            file,
            offset,
            count,
        }
        .encode(writer)
    });
    let args: wire::COMMIT3args = unpacked(&bytes);
    assert_eq!(
        (oracle::handle(&args.file), args.offset, args.count),
        (file, offset, count)
    );

    let entry = random.entry();
    let bytes = encoded(|writer| oracle::entry(&entry).encode(writer));
    assert_eq!(unpacked::<wire::diropargs3<'_>>(&bytes), entry);

    let data = random.bytes(100);
    let count = u32::try_from(data.len()).expect("fits");
    let stable = oracle::stable(random.stable());
    let head = encoded(|writer| {
        WriteHead {
            file,
            offset,
            count,
            stable,
        }
        .encode(writer)
    });
    let args: wire::WRITE3args<'_> = unpacked(&with_data(head, &data));
    assert_eq!(
        (oracle::handle(&args.file), args.offset, args.count),
        (file, offset, count)
    );
    assert_eq!(
        (oracle::stable(args.stable), args.data.as_ref()),
        (stable, &data[..])
    );
}

fn results(random: &mut Random) {
    let status = if random.bool() {
        Status::OK
    } else {
        oracle::status(random.error_status())
    };
    let attributes = oracle::post_op(&random.post_op());
    let wcc = oracle::wcc(&random.wcc());
    let verifier = WriteVerifier(random.eight_bytes());
    let count = random.u32();

    let some = oracle::attributes(&random.attributes());
    let getattr = Getattr {
        status,
        attributes: status.is_ok().then_some(some),
    };
    match unpacked::<wire::GETATTR3res>(&encoded(|writer| getattr.encode(writer))) {
        wire::Nfs3Result::Ok(ok) => {
            assert_eq!(
                getattr.attributes,
                Some(oracle::attributes(&ok.obj_attributes))
            );
        }
        wire::Nfs3Result::Err((error, _)) => assert_eq!(oracle::status(error), status),
    }

    let access = Access {
        status,
        attributes,
        access: count,
    };
    match unpacked::<wire::ACCESS3res>(&encoded(|writer| access.encode(writer))) {
        wire::Nfs3Result::Ok(ok) => {
            assert_eq!(
                (oracle::post_op(&ok.obj_attributes), ok.access),
                (attributes, count)
            );
        }
        wire::Nfs3Result::Err((error, fail)) => {
            assert_eq!(oracle::status(error), status);
            assert_eq!(oracle::post_op(&fail.obj_attributes), attributes);
        }
    }

    let committed = oracle::stable(random.stable());
    let written = status.is_ok().then_some(Written {
        count,
        committed,
        verifier,
    });
    let write = Write {
        status,
        file: wcc,
        written,
    };
    match unpacked::<wire::WRITE3res>(&encoded(|writer| write.encode(writer))) {
        wire::Nfs3Result::Ok(ok) => {
            assert_eq!((oracle::wcc(&ok.file_wcc), ok.count), (wcc, count));
            assert_eq!(
                (oracle::stable(ok.committed), ok.verf.0),
                (committed, verifier.0)
            );
        }
        wire::Nfs3Result::Err((error, fail)) => {
            assert_eq!(
                (oracle::status(error), oracle::wcc(&fail.file_wcc)),
                (status, wcc)
            );
        }
    }

    let commit = Commit {
        status,
        file: wcc,
        verifier: status.is_ok().then_some(verifier),
    };
    match unpacked::<wire::COMMIT3res>(&encoded(|writer| commit.encode(writer))) {
        wire::Nfs3Result::Ok(ok) => {
            assert_eq!((oracle::wcc(&ok.file_wcc), ok.verf.0), (wcc, verifier.0));
        }
        wire::Nfs3Result::Err((error, fail)) => {
            assert_eq!(
                (oracle::status(error), oracle::wcc(&fail.file_wcc)),
                (status, wcc)
            );
        }
    }
}

fn read_result(random: &mut Random) {
    let attributes = oracle::post_op(&random.post_op());
    let data = random.bytes(100);
    let count = u32::try_from(data.len()).expect("fits");
    let end_of_file = random.bool();
    let head = ReadHead {
        status: Status::OK,
        attributes,
        count,
        end_of_file,
    };
    let bytes = encoded(|writer| head.encode(writer));
    assert!(bytes.len() <= ReadHead::MAX_LEN);
    assert_eq!(bytes.len() == ReadHead::MAX_LEN, attributes.is_some());
    match unpacked::<wire::READ3res<'_>>(&with_data(bytes, &data)) {
        wire::Nfs3Result::Ok(ok) => {
            assert_eq!(
                (ok.count, ok.eof, ok.data.as_ref()),
                (count, end_of_file, &data[..])
            );
            assert_eq!(oracle::post_op(&ok.file_attributes), attributes);
        }
        wire::Nfs3Result::Err(_) => panic!("a success was written"),
    }

    let failure = ReadHead {
        status: Status::STALE,
        attributes,
        count: 0,
        end_of_file: false,
    };
    match unpacked::<wire::READ3res<'_>>(&encoded(|writer| failure.encode(writer))) {
        wire::Nfs3Result::Ok(_) => panic!("a failure was written"),
        wire::Nfs3Result::Err((error, fail)) => {
            assert_eq!(oracle::status(error), Status::STALE);
            assert_eq!(oracle::post_op(&fail.file_attributes), attributes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_oracle_decodes_our_encodings(seed: u64) {
        let mut random = Random(seed);
        arguments(&mut random);
        results(&mut random);
        read_result(&mut random);
    }
}
