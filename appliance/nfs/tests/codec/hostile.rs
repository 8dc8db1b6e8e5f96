//! Bytes from an attacker: no decoder panics, reads past the end or believes a length.

use crate::generate::Random;
use crate::segmentation::cut;
use nfs::nfs3::args::Args;
use nfs::nfs3::{Procedure, results};
use nfs::xdr::{Bytes, Reader, XdrError};
use nfs::{mount, nfsacl, portmap, rpc, rpcbind};
use proptest::prelude::*;

/// Runs one decoder from the beginning of `segments`; whatever it says, it stays in bounds.
fn run<T>(segments: &[&[u8]], decode: impl FnOnce(&mut Reader<'_>) -> T) {
    let len: usize = segments.iter().map(|segment| segment.len()).sum();
    let mut reader = Reader::new(segments);
    decode(&mut reader);
    assert_eq!(reader.position() + reader.remaining(), len);
    assert_eq!(reader.rest().iter().count(), reader.remaining());
}

fn run_all(segments: &[&[u8]]) {
    for procedure in Procedure::ALL {
        run(segments, |reader| {
            Args::decode(procedure, reader, u32::MAX).is_ok()
        });
        run(segments, |reader| results::learn(procedure, reader).is_ok());
    }
    run(segments, |reader| {
        let Ok(results::Readdir {
            listing: Some((_, entries)),
            ..
        }) = results::readdir(reader)
        else {
            return;
        };
        for entry in entries {
            assert!(entry.is_err() || entry.is_ok_and(|entry| entry.name.len() <= 1024));
        }
    });
    run(segments, |reader| {
        let Ok(results::Readdirplus {
            listing: Some((_, entries)),
            ..
        }) = results::readdirplus(reader)
        else {
            return;
        };
        assert!(entries.count() < 100, "bounded by the bytes there are");
    });
    run(segments, |reader| rpc::decode_call(reader).is_ok());
    run(segments, |reader| rpc::decode_reply(reader).is_ok());
    run(segments, |reader| mount::decode_path(reader).is_ok());
    run(segments, |reader| {
        mount::decode_mnt_result(reader)
            .map(|result| result.flavors().count())
            .is_ok()
    });
    run(segments, |reader| {
        while let Ok(Some(_)) = mount::decode_dump_entry(reader) {}
    });
    run(segments, |reader| {
        while let Ok(Some(_)) = mount::decode_export_entry(reader) {}
    });
    run(segments, |reader| {
        while let Ok(Some(_)) = portmap::decode_dump_entry(reader) {}
    });
    run(segments, |reader| {
        while let Ok(Some(_)) = rpcbind::decode_dump_entry(reader) {}
    });
    run(segments, |reader| portmap::decode_port(reader).is_ok());
    run(segments, |reader| rpcbind::decode_address(reader).is_ok());
    for number in 0..4 {
        let procedure = nfsacl::Procedure::from_number(number).expect("0 to 3 exist");
        run(segments, |reader| {
            nfsacl::decode_result_head(procedure, reader).is_ok()
        });
    }
}

/// Random words that are small more often than not, so that decoders get past the first length.
fn plausible(random: &mut Random) -> Vec<u8> {
    let words = random.below(80);
    let word = |random: &mut Random| match random.below(4) {
        0 => random.u32(),
        1 => random.pick(&[0x7fff_ffff, 0x8000_0000, u32::MAX, 65, 401, 1025]),
        _ => random.u32() % 4,
    };
    let mut bytes: Vec<u8> = (0..words)
        .flat_map(|_| word(random).to_be_bytes())
        .collect();
    bytes.truncate(bytes.len().saturating_sub(random.index(4)));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_stay_in_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300), seed: u64) {
        run_all(&cut(&bytes, &mut Random(seed)));
    }

    #[test]
    fn plausible_bytes_stay_in_bounds(seed: u64) {
        let mut random = Random(seed);
        let bytes = plausible(&mut random);
        run_all(&cut(&bytes, &mut random));
    }
}

/// Lengths that are above any limit. What they announce never arrives.
const BOMBS: [u32; 6] = [
    65_536,
    0x7fff_fffc,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffd,
    u32::MAX,
];

#[test]
fn length_bombs_are_refused_before_their_bytes_arrive() {
    for bomb in BOMBS {
        let wire = bomb.to_be_bytes();
        for procedure in Procedure::ALL.into_iter().skip(1) {
            let args = Args::decode(procedure, &mut Reader::contiguous(&wire), u32::MAX);
            assert_eq!(args, Err(XdrError::TooLong), "handle of {procedure:?}");
        }
        assert_eq!(
            mount::decode_path(&mut Reader::contiguous(&wire)),
            Err(XdrError::TooLong)
        );

        let name: Vec<u8> = [0u32.to_be_bytes(), wire].concat();
        for procedure in [Procedure::Lookup, Procedure::Create, Procedure::Rename] {
            let args = Args::decode(procedure, &mut Reader::contiguous(&name), u32::MAX);
            assert_eq!(args, Err(XdrError::TooLong), "name of {procedure:?}");
        }

        let handle: Vec<u8> = [0u32.to_be_bytes(), wire].concat();
        let lookup = results::lookup(&mut Reader::contiguous(&handle));
        assert_eq!(lookup, Err(XdrError::TooLong));
        let mnt = mount::decode_mnt_result(&mut Reader::contiguous(&handle));
        assert_eq!(mnt, Err(XdrError::TooLong));
        let flavors: Vec<u8> = [[0; 4], [0; 4], wire].concat();
        let mnt = mount::decode_mnt_result(&mut Reader::contiguous(&flavors));
        assert_eq!(mnt, Err(XdrError::TooLong));
        let target: Vec<u8> = [[0; 4], [0; 4], wire].concat();
        let readlink = results::readlink(&mut Reader::contiguous(&target));
        assert_eq!(readlink, Err(XdrError::TooLong));
    }
}

#[test]
fn every_opaque_accepts_its_bound_and_no_more() {
    fn opaque(len: u32) -> Vec<u8> {
        let mut wire = len.to_be_bytes().to_vec();
        wire.resize(wire.len() + (len as usize).next_multiple_of(4), b'x');
        wire
    }
    let decode_handle = |len| nfs::nfs3::FileHandle::decode(&mut Reader::contiguous(&opaque(len)));
    assert!(decode_handle(64).is_ok());
    assert_eq!(decode_handle(65), Err(XdrError::TooLong));
    let decode_path = |len| {
        let wire = opaque(len);
        mount::decode_path(&mut Reader::contiguous(&wire)).map(|path| path.len())
    };
    assert_eq!(decode_path(1024), Ok(1024));
    assert_eq!(decode_path(1025), Err(XdrError::TooLong));
    let decode_name = |len| {
        let wire = [vec![0; 4], opaque(len)].concat();
        nfs::nfs3::args::lookup(&mut Reader::contiguous(&wire)).map(|entry| entry.name.len())
    };
    assert_eq!(decode_name(1024), Ok(1024));
    assert_eq!(decode_name(1025), Err(XdrError::TooLong));
}

#[test]
fn values_that_a_type_does_not_have_are_invalid() {
    for bool in [2u32, 0x100, u32::MAX] {
        assert_eq!(
            Reader::contiguous(&bool.to_be_bytes()).bool(),
            Err(XdrError::Invalid)
        );
    }
    // GETATTR of a file of type 0 or 8.
    for file_type in [0u32, 8] {
        let mut wire = [0; 88];
        wire[4..8].copy_from_slice(&file_type.to_be_bytes());
        assert_eq!(
            results::getattr(&mut Reader::contiguous(&wire)),
            Err(XdrError::Invalid)
        );
    }
    // CREATE in mode 3; SETATTR with a time_how of 3.
    let create = [[0; 4], [0; 4], 3u32.to_be_bytes()].concat();
    let create = nfs::nfs3::args::create(&mut Reader::contiguous(&create));
    assert_eq!(create, Err(XdrError::Invalid));
    let setattr = [[0; 4]; 5].concat();
    let setattr = [setattr, 3u32.to_be_bytes().to_vec()].concat();
    let setattr = nfs::nfs3::args::setattr(&mut Reader::contiguous(&setattr));
    assert_eq!(setattr, Err(XdrError::Invalid));
}

#[test]
fn empty_and_default_bytes_have_nothing() {
    assert_eq!(Bytes::default().slices().count(), 0);
    assert_eq!(Bytes::default().as_contiguous(), Some(&[][..]));
    run_all(&[]);
    run_all(&[&[], &[]]);
}
