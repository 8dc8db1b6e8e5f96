//! NFSACL as far as a gateway looks at it.

use crate::generate::Random;
use crate::oracle::{self, packed};
use crate::segmentation::check;
use nfs::nfs3::Status;
use nfs::nfsacl::{self, Procedure, ResultHead};
use nfs::xdr::{Reader, Writer};
use proptest::prelude::*;

const ALL: [Procedure; 4] = [
    Procedure::Null,
    Procedure::Getacl,
    Procedure::Setacl,
    Procedure::Getxattrdir,
];

#[test]
fn procedures_have_their_numbers() {
    for (number, procedure) in (0..).zip(ALL) {
        assert_eq!(Procedure::from_number(number), Some(procedure));
        assert_eq!(procedure as u32, number);
    }
    assert_eq!(Procedure::from_number(4), None);
}

#[test]
fn failures_are_read_back() {
    for procedure in ALL {
        let mut buffer = [0xff; 8];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(
            nfsacl::encode_failure(&mut writer, procedure, Status::NOTSUPP),
            Ok(())
        );
        let expected: &[u8] = match procedure {
            Procedure::Null => &[],
            Procedure::Getacl | Procedure::Setacl => &[0, 0, 0x27, 0x14, 0, 0, 0, 0],
            Procedure::Getxattrdir => &[0, 0, 0x27, 0x14],
        };
        assert_eq!(writer.written(), expected);
        let mut reader = Reader::contiguous(writer.written());
        let head = nfsacl::decode_result_head(procedure, &mut reader).expect("well-formed");
        let status = if procedure == Procedure::Null {
            Status::OK
        } else {
            Status::NOTSUPP
        };
        assert_eq!(
            head,
            ResultHead {
                status,
                attributes: None,
                handle: None
            }
        );
        assert_eq!(reader.remaining(), 0);
    }
}

proptest! {
    #[test]
    fn attributes_and_handles_are_found(seed: u64) {
        let mut random = Random(seed);
        let (handle, post_op) = (random.handle(), random.post_op());
        let attributes = oracle::post_op(&post_op);
        let status = Status::OK;

        let wire = [vec![0; 4], packed(&post_op)].concat();
        for procedure in [Procedure::Getacl, Procedure::Setacl] {
            check(&wire, wire.len(), &mut random, |reader| {
                let expected = ResultHead { status, attributes, handle: None };
                assert_eq!(nfsacl::decode_result_head(procedure, reader)?, expected);
                Ok(())
            });
        }

        let wire = [vec![0; 4], packed(&handle), packed(&post_op)].concat();
        check(&wire, wire.len(), &mut random, |reader| {
            let handle = Some(oracle::handle(&handle));
            let expected = ResultHead { status, attributes, handle };
            assert_eq!(nfsacl::decode_result_head(Procedure::Getxattrdir, reader)?, expected);
            Ok(())
        });

        // GETACL's arguments: the handle and a mask, which stays unread.
        let wire = [packed(&handle), vec![0, 0, 0, 15]].concat();
        check(&wire, wire.len() - 4, &mut random, |reader| {
            assert_eq!(nfsacl::decode_handle(reader)?, oracle::handle(&handle));
            Ok(())
        });
    }
}
