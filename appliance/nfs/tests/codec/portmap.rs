//! Port mapper against the oracle, rpcbind against its specification.

use crate::generate::Random;
use crate::oracle::packed;
use crate::segmentation::check;
use nfs::portmap::{self, Mapping, Procedure};
use nfs::rpcbind::{self, Binding, UniversalAddress};
use nfs::xdr::{Bytes, Reader, Writer, XdrError};
use nfs3_types::portmap as wire;
use nfs3_types::xdr_codec::List;
use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddrV4};

fn encoded(encode: impl FnOnce(&mut Writer<'_>) -> Result<(), nfs::xdr::Overflow>) -> Vec<u8> {
    let mut buffer = vec![0xff; 8192];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(encode(&mut writer), Ok(()));
    writer.written().to_vec()
}

fn mapping(random: &mut Random) -> Mapping {
    Mapping {
        program: random.u32(),
        version: random.u32(),
        protocol: random.u32(),
        port: random.u32(),
    }
}

fn oracle(mapping: &Mapping) -> wire::mapping {
    wire::mapping {
        prog: mapping.program,
        vers: mapping.version,
        prot: mapping.protocol,
        port: mapping.port,
    }
}

proptest! {
    #[test]
    fn mappings_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        let mappings: Vec<_> = (0..random.below(8)).map(|_| mapping(&mut random)).collect();
        let bytes = packed(&List(mappings.iter().map(oracle).collect()));
        check(&bytes, bytes.len(), &mut random, |reader| {
            for mapping in &mappings {
                assert_eq!(portmap::decode_dump_entry(reader)?, Some(*mapping));
            }
            assert_eq!(portmap::decode_dump_entry(reader)?, None);
            Ok(())
        });
        assert_eq!(encoded(|writer| portmap::encode_dump(writer, &mappings)), bytes);

        let mapping = mapping(&mut random);
        let bytes = packed(&oracle(&mapping));
        assert_eq!(encoded(|writer| mapping.encode(writer)), bytes);
        assert_eq!(Mapping::decode(&mut Reader::contiguous(&bytes)), Ok(mapping));
    }

    #[test]
    fn bindings_survive_a_round_trip(seed: u64) {
        let mut random = Random(seed);
        let strings: [Vec<u8>; 3] = std::array::from_fn(|_| random.bytes(256));
        let binding = Binding {
            program: random.u32(),
            version: random.u32(),
            netid: Bytes::contiguous(&strings[0]),
            address: Bytes::contiguous(&strings[1]),
            owner: Bytes::contiguous(&strings[2]),
        };
        let bytes = encoded(|writer| rpcbind::encode_dump(writer, [binding]));
        check(&bytes, bytes.len(), &mut random, |reader| {
            assert_eq!(rpcbind::decode_dump_entry(reader)?, Some(binding));
            assert_eq!(rpcbind::decode_dump_entry(reader)?, None);
            Ok(())
        });
    }

    #[test]
    fn addresses_survive_a_round_trip(address: [u8; 4], port: u16) {
        let address = SocketAddrV4::new(Ipv4Addr::from(address), port);
        let [a, b, c, d] = address.ip().octets();
        let expected = format!("{a}.{b}.{c}.{d}.{}.{}", port >> 8, port & 0xff);
        let text = UniversalAddress::new(address);
        prop_assert_eq!(text.as_bytes(), expected.as_bytes());
        let bytes = encoded(|writer| rpcbind::encode_address(writer, Some(address)));
        let mut reader = Reader::contiguous(&bytes);
        prop_assert_eq!(rpcbind::decode_address(&mut reader), Ok(Some(address)));
    }

    #[test]
    fn texts_that_are_no_addresses_are_refused(text in "[0-9.]{0,30}") {
        let parts: Vec<_> = text.split('.').map(str::parse::<u8>).collect();
        let is_address = parts.len() == 6 && parts.iter().all(Result::is_ok);
        let parsed = rpcbind::parse_universal_address(&Bytes::contiguous(text.as_bytes()));
        prop_assert_eq!(parsed.is_some(), is_address, "{}", text);
    }
}

#[test]
fn ports_have_their_range() {
    for port in [None, Some(1), Some(2049), Some(u16::MAX)] {
        let bytes = encoded(|writer| portmap::encode_port(writer, port));
        assert_eq!(bytes, u32::from(port.unwrap_or(0)).to_be_bytes());
        assert_eq!(
            portmap::decode_port(&mut Reader::contiguous(&bytes)),
            Ok(port)
        );
    }
    let too_high = 65_536u32.to_be_bytes();
    let result = portmap::decode_port(&mut Reader::contiguous(&too_high));
    assert_eq!(result, Err(XdrError::Invalid));
}

#[test]
fn an_unregistered_program_has_the_empty_address() {
    let bytes = encoded(|writer| rpcbind::encode_address(writer, None));
    assert_eq!(bytes, [0; 4]);
    assert_eq!(
        rpcbind::decode_address(&mut Reader::contiguous(&bytes)),
        Ok(None)
    );
}

#[test]
fn malformed_addresses_are_refused() {
    for text in [
        "1.2.3.4.5",
        "1.2.3.4.5.6.7",
        "1.2.3.4.5.256",
        "1.2.3.4.5.-6",
        " 1.2.3.4.5.6",
        "1..3.4.5.6",
        "1.2.3.4.5.",
        ".1.2.3.4.5",
        "::1.8.1",
        "1.2.3.4.5.6\0",
        "1.2.3.4.5.99999999999999999999",
    ] {
        let bytes = encoded(|writer| writer.opaque(text.as_bytes()));
        let result = rpcbind::decode_address(&mut Reader::contiguous(&bytes));
        assert_eq!(result, Err(XdrError::Invalid), "{text}");
    }
    let long = encoded(|writer| writer.opaque(&[b'1'; 257]));
    let result = rpcbind::decode_address(&mut Reader::contiguous(&long));
    assert_eq!(result, Err(XdrError::TooLong));
}

#[test]
fn procedures_have_the_oracles_numbers() {
    let table = [
        (Procedure::Null, wire::PMAP_PROG::PMAPPROC_NULL),
        (Procedure::Set, wire::PMAP_PROG::PMAPPROC_SET),
        (Procedure::Unset, wire::PMAP_PROG::PMAPPROC_UNSET),
        (Procedure::Getport, wire::PMAP_PROG::PMAPPROC_GETPORT),
        (Procedure::Dump, wire::PMAP_PROG::PMAPPROC_DUMP),
        (Procedure::Callit, wire::PMAP_PROG::PMAPPROC_CALLIT),
    ];
    for (ours, theirs) in table {
        assert_eq!(ours as u32, theirs as u32);
        assert_eq!(Procedure::from_number(theirs as u32), Some(ours));
    }
    assert_eq!(Procedure::from_number(6), None);
    assert_eq!(
        (portmap::PROGRAM, portmap::VERSION),
        (wire::PROGRAM, wire::VERSION)
    );
    assert_eq!(portmap::PORT, wire::PMAP_PORT);
}
