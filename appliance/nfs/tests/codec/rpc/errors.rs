//! Error replies: the words of RFC 5531 section 9, and what the oracle makes of them.

use crate::generate::Random;
use crate::oracle::packed;
use crate::segmentation::check;
use nfs::rpc::{
    AuthStatus, CallError, ERROR_REPLY_MAX_LEN, ErrorReply, ReplyHeader, decode_call, decode_reply,
};
use nfs::xdr::{Overflow, Reader, Writer, XdrError};
use nfs3_types::rpc as wire;

const XID: u32 = 0x1234_5678;

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn encoded(error: ErrorReply) -> Vec<u8> {
    let mut buffer = [0xff; ERROR_REPLY_MAX_LEN];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(error.encode(&mut writer, XID), Ok(()));
    writer.written().to_vec()
}

/// Each error reply with its words after the xid: REPLY (1), then MSG_ACCEPTED (0), the verifier
/// AUTH_NONE (0, 0) and accept_stat, or MSG_DENIED (1) and reject_stat.
const LAYOUTS: [(ErrorReply, &[u32]); 8] = [
    (ErrorReply::ProgramUnavailable, &[1, 0, 0, 0, 1]),
    (
        ErrorReply::ProgramMismatch { low: 3, high: 4 },
        &[1, 0, 0, 0, 2, 3, 4],
    ),
    (ErrorReply::ProcedureUnavailable, &[1, 0, 0, 0, 3]),
    (ErrorReply::GarbageArguments, &[1, 0, 0, 0, 4]),
    (ErrorReply::SystemError, &[1, 0, 0, 0, 5]),
    (
        ErrorReply::RpcMismatch { low: 2, high: 2 },
        &[1, 1, 0, 2, 2],
    ),
    (
        ErrorReply::AuthError(AuthStatus::BAD_CREDENTIAL),
        &[1, 1, 1, 1],
    ),
    (ErrorReply::AuthError(AuthStatus::TOO_WEAK), &[1, 1, 1, 5]),
];

#[test]
fn error_replies_have_the_layout_of_the_rfc() {
    let mut random = Random(1);
    for (error, words) in LAYOUTS {
        let wire = encoded(error);
        assert_eq!(wire, [bytes(&[XID]), bytes(words)].concat(), "{error:?}");
        check(&wire, wire.len(), &mut random, |reader| {
            assert_eq!(
                decode_reply(reader)?,
                ReplyHeader {
                    xid: XID,
                    outcome: Err(error)
                }
            );
            Ok(())
        });
        let mut small = vec![0; wire.len() - 1];
        assert_eq!(
            error.encode(&mut Writer::new(&mut small), XID),
            Err(Overflow)
        );
    }
}

fn oracles(body: wire::reply_body<'_>) -> Vec<u8> {
    packed(&wire::rpc_msg {
        xid: XID,
        body: wire::msg_body::REPLY(body),
    })
}

#[test]
fn error_replies_equal_the_oracles() {
    let accepted = |reply_data| {
        let verf = wire::opaque_auth::default();
        oracles(wire::reply_body::MSG_ACCEPTED(wire::accepted_reply {
            verf,
            reply_data,
        }))
    };
    let denied = |rejected| oracles(wire::reply_body::MSG_DENIED(rejected));
    let table = [
        (
            ErrorReply::ProgramUnavailable,
            accepted(wire::accept_stat_data::PROG_UNAVAIL),
        ),
        (
            ErrorReply::ProgramMismatch { low: 1, high: 9 },
            accepted(wire::accept_stat_data::PROG_MISMATCH { low: 1, high: 9 }),
        ),
        (
            ErrorReply::ProcedureUnavailable,
            accepted(wire::accept_stat_data::PROC_UNAVAIL),
        ),
        (
            ErrorReply::GarbageArguments,
            accepted(wire::accept_stat_data::GARBAGE_ARGS),
        ),
        (
            ErrorReply::SystemError,
            accepted(wire::accept_stat_data::SYSTEM_ERR),
        ),
        (
            ErrorReply::RpcMismatch { low: 2, high: 2 },
            denied(wire::rejected_reply::rpc_mismatch(2, 2)),
        ),
        (
            ErrorReply::AuthError(AuthStatus::TOO_WEAK),
            denied(wire::rejected_reply::auth_error(
                wire::auth_stat::AUTH_TOOWEAK,
            )),
        ),
        (
            ErrorReply::AuthError(AuthStatus::BAD_CREDENTIAL),
            denied(wire::rejected_reply::auth_error(
                wire::auth_stat::AUTH_BADCRED,
            )),
        ),
    ];
    for (ours, theirs) in table {
        assert_eq!(encoded(ours), theirs, "{ours:?}");
    }
}

#[test]
fn replies_that_the_rfc_does_not_know_are_invalid() {
    for words in [
        &[XID, 0, 0, 0, 0, 0][..],
        &[XID, 2, 0, 0, 0, 0],
        &[XID, 1, 2, 0, 0, 0],
        &[XID, 1, 0, 0, 0, 6],
        &[XID, 1, 1, 2, 0, 0],
    ] {
        let wire = bytes(words);
        let result = decode_reply(&mut Reader::contiguous(&wire));
        assert_eq!(result, Err(XdrError::Invalid), "{words:?}");
    }
    let long_verifier = bytes(&[XID, 1, 0, 0, 401]);
    let result = decode_reply(&mut Reader::contiguous(&long_verifier));
    assert_eq!(result, Err(XdrError::TooLong));
}

#[test]
fn calls_that_cannot_be_accepted_know_their_reply() {
    let decode = |words: &[u32]| {
        let wire = bytes(words);
        decode_call(&mut Reader::contiguous(&wire)).expect_err("cannot be accepted")
    };
    let not_a_call = decode(&[XID, 1, 2, 100_003, 3, 0]);
    assert_eq!(not_a_call, CallError::NotACall { xid: XID });
    assert_eq!(not_a_call.reply(), None);

    let mismatch = decode(&[XID, 0, 3]);
    assert_eq!(mismatch, CallError::RpcMismatch { xid: XID });
    let expected = ErrorReply::RpcMismatch { low: 2, high: 2 };
    assert_eq!(mismatch.reply(), Some((XID, expected)));

    let bad_verifier = decode(&[XID, 0, 2, 100_003, 3, 0, 0, 0, 0, 401]);
    assert_eq!(bad_verifier, CallError::BadVerifier { xid: XID });
    let expected = ErrorReply::AuthError(AuthStatus::BAD_VERIFIER);
    assert_eq!(bad_verifier.reply(), Some((XID, expected)));

    assert_eq!(decode(&[XID]), CallError::Short);
    assert_eq!(CallError::Short.reply(), None);
}
