//! RPC headers against two oracles, credentials, and error replies byte for byte.

mod credentials;
mod errors;

use crate::generate::Random;
use crate::segmentation::check;
use nfs::rpc::{
    AuthFlavor, CallHeader, Credential, ErrorReply, ReplyHeader, decode_call, decode_reply,
    encode_call, encode_success,
};
use nfs::xdr::{Reader, Writer, XdrError};
use onc_rpc::auth::{AuthFlavor as OracleFlavor, AuthUnixParams};
use onc_rpc::{AcceptedReply, AcceptedStatus, CallBody, MessageType, ReplyBody, RpcMessage};
use proptest::prelude::*;

/// The oracle's message without its record mark.
fn message(xid: u32, message: MessageType<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let record = RpcMessage::new(xid, message)
        .serialise()
        .expect("the oracle encodes");
    record[4..].to_vec()
}

fn unix_parameters(random: &mut Random) -> AuthUnixParams<Vec<u8>> {
    let groups: Vec<u32> = (0..random.below(17)).map(|_| random.u32()).collect();
    // The oracle takes no body above 200 bytes; the other one judges longer names.
    let name = random.bytes(100);
    AuthUnixParams::new(random.u32(), name, random.u32(), random.u32(), groups)
}

/// A call's header and the credential's flavor, as the oracle encodes them.
fn call(random: &mut Random) -> (Vec<u8>, CallHeader) {
    let (xid, program, version, procedure) =
        (random.u32(), random.u32(), random.u32(), random.u32());
    let (flavor, credential) = match random.below(3) {
        0 => (OracleFlavor::AuthNone(None), Credential::none()),
        1 => {
            let parameters = unix_parameters(random);
            let mut body = Vec::new();
            parameters
                .serialise_into(&mut body)
                .expect("the oracle encodes");
            let credential = Credential::new(AuthFlavor::SYS, &body);
            (
                OracleFlavor::AuthUnix(parameters),
                credential.expect("at most 400 bytes"),
            )
        }
        _ => {
            let body = random.bytes(196);
            let credential = Credential::new(AuthFlavor::SHORT, &body).expect("short enough");
            (OracleFlavor::AuthShort(body), credential)
        }
    };
    let verifier_flavor = AuthFlavor::NONE;
    let header = CallHeader {
        xid,
        program,
        version,
        procedure,
        credential,
        verifier_flavor,
    };
    let body = CallBody::new(
        program,
        version,
        procedure,
        flavor,
        OracleFlavor::AuthNone(None),
        vec![],
    );
    (message(xid, MessageType::Call(body)), header)
}

fn encoded_call(header: &CallHeader) -> Vec<u8> {
    let mut buffer = [0xff; 500];
    let mut writer = Writer::new(&mut buffer);
    let CallHeader {
        xid,
        program,
        version,
        procedure,
        credential,
        ..
    } = header;
    let result = encode_call(
        &mut writer,
        *xid,
        *program,
        *version,
        *procedure,
        credential,
    );
    assert_eq!(result, Ok(()));
    writer.written().to_vec()
}

proptest! {
    #[test]
    fn call_headers_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        let (wire, expected) = call(&mut random);
        check(&wire, wire.len(), &mut random, |reader| match decode_call(reader) {
            Ok(header) => {
                assert_eq!(header, expected);
                Ok(())
            }
            Err(nfs::rpc::CallError::Short) => Err(XdrError::Short),
            Err(error) => panic!("{error}"),
        });
        prop_assert_eq!(encoded_call(&expected), wire);
    }

    #[test]
    fn success_headers_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        let xid = random.u32();
        let results = random.bytes(10);
        let body = |verifier, results| {
            MessageType::Reply(ReplyBody::Accepted(AcceptedReply::new(
                verifier,
                AcceptedStatus::Success(results),
            )))
        };
        let expected = ReplyHeader { xid, outcome: Ok(()) };

        let plain = message(xid, body(OracleFlavor::AuthNone(None), vec![]));
        let mut buffer = [0xff; nfs::rpc::SUCCESS_HEADER_LEN];
        let mut writer = Writer::new(&mut buffer);
        prop_assert_eq!(encode_success(&mut writer, xid), Ok(()));
        prop_assert_eq!(writer.written(), &plain[..]);

        let verifier = OracleFlavor::AuthShort(random.bytes(196));
        let results_len = results.len();
        let wire = message(xid, body(verifier, results));
        check(&wire, wire.len() - results_len, &mut random, |reader| {
            assert_eq!(decode_reply(reader)?, expected);
            Ok(())
        });
    }
}

#[test]
fn forwarded_arguments_follow_the_new_header_verbatim() {
    let mut random = Random(3);
    let (mut wire, header) = call(&mut random);
    let arguments = random.bytes(64);
    wire.extend(&arguments);
    let mut reader = Reader::contiguous(&wire);
    let decoded = decode_call(&mut reader).expect("well-formed");
    let mut buffer = [0; 600];
    let mut writer = Writer::new(&mut buffer);
    let CallHeader {
        program,
        version,
        procedure,
        credential,
        ..
    } = &decoded;
    encode_call(&mut writer, 77, *program, *version, *procedure, credential).expect("fits");
    writer.raw_bytes(reader.rest()).expect("fits");
    let mut expected = encoded_call(&CallHeader { xid: 77, ..header });
    expected.extend(&arguments);
    assert_eq!(writer.written(), expected);
}

#[test]
fn a_forwarded_reply_differs_in_its_xid_alone() {
    let mut buffer = [0; 64];
    let mut writer = Writer::new(&mut buffer);
    let error = ErrorReply::ProgramMismatch { low: 2, high: 4 };
    error.encode(&mut writer, 1).expect("fits");
    let mut reader = Reader::contiguous(writer.written());
    assert_eq!(reader.u32(), Ok(1));
    let mut forwarded = [0; 64];
    let mut writer = Writer::new(&mut forwarded);
    writer.u32(2).expect("fits");
    writer.raw_bytes(reader.rest()).expect("fits");
    let header = decode_reply(&mut Reader::contiguous(writer.written()));
    assert_eq!(
        header,
        Ok(ReplyHeader {
            xid: 2,
            outcome: Err(error)
        })
    );
}
