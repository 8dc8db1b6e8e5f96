//! RPC over TCP, encoded and decoded by `nfs3_types`: our own codec must not test
//! itself.

use std::io::Cursor;

use nfs3_types::rpc::{
    accept_stat_data, accepted_reply, auth_stat, auth_unix, call_body, fragment_header, msg_body,
    opaque_auth, rejected_reply, reply_body, rpc_msg,
};
use nfs3_types::xdr_codec::{Opaque, Pack, Unpack};

/// A call as its receiver sees it.
#[derive(Debug)]
pub struct Call {
    pub xid: u32,
    pub program: u32,
    pub procedure: u32,
    pub arguments: Vec<u8>,
}

/// The credential of a user.
pub fn credential(uid: u32) -> opaque_auth<'static> {
    opaque_auth::auth_unix(&auth_unix {
        stamp: 1,
        machinename: Opaque::borrowed(b"client"),
        uid,
        gid: uid,
        gids: vec![],
    })
}

/// A whole call with its record mark.
pub fn encode_call(
    xid: u32,
    (program, version, procedure): (u32, u32, u32),
    credential: &opaque_auth<'static>,
    arguments: &impl Pack,
) -> Vec<u8> {
    let body = msg_body::CALL(call_body {
        rpcvers: 2,
        prog: program,
        vers: version,
        proc: procedure,
        cred: credential.borrow(),
        verf: opaque_auth::default(),
    });
    record(&rpc_msg { xid, body }, arguments)
}

/// A whole call without arguments whose credential is of flavor AUTH_TLS, with its record mark.
/// (`nfs3_types` does not know the flavor.)
pub fn encode_probe(xid: u32, (program, version, procedure): (u32, u32, u32)) -> Vec<u8> {
    const LAST_FRAGMENT: u32 = 1 << 31;
    const AUTH_TLS: u32 = 7;
    let call = [xid, 0, 2, program, version, procedure, AUTH_TLS, 0, 0, 0];
    let mark = LAST_FRAGMENT | (4 * u32::try_from(call.len()).expect("few words"));
    let words = [mark].into_iter().chain(call);
    words.flat_map(u32::to_be_bytes).collect()
}

/// The reply to a probe that agrees to TLS, with its record mark.
pub fn encode_starttls(xid: u32) -> Vec<u8> {
    const LAST_FRAGMENT_OF_32: u32 = (1 << 31) | 32;
    // REPLY, accepted, verifier of AUTH_NONE with 8 bytes.
    let head = [LAST_FRAGMENT_OF_32, xid, 1, 0, 0, 8].map(u32::to_be_bytes);
    const SUCCESS: [u8; 4] = [0; 4];
    [head.as_flattened(), b"STARTTLS", &SUCCESS].concat()
}

/// A whole successful reply with its record mark.
pub fn encode_reply(xid: u32, results: &impl Pack) -> Vec<u8> {
    let body = msg_body::REPLY(reply_body::MSG_ACCEPTED(accepted_reply {
        verf: opaque_auth::default(),
        reply_data: accept_stat_data::SUCCESS,
    }));
    record(&rpc_msg { xid, body }, results)
}

/// Reads a record as a call.
pub fn decode_call(record: &[u8]) -> Call {
    let mut input = Cursor::new(record);
    let (message, head) = rpc_msg::unpack(&mut input).expect("an RPC message");
    let msg_body::CALL(body) = message.body else {
        panic!("a call was expected: {message:?}");
    };
    Call {
        xid: message.xid,
        program: body.prog,
        procedure: body.proc,
        arguments: record[head..].to_vec(),
    }
}

/// The xid of a message.
pub fn xid(record: &[u8]) -> u32 {
    let xid = record.first_chunk().expect("an RPC message");
    u32::from_be_bytes(*xid)
}

/// Why a record, which must be a reply, denies the call.
pub fn decode_denial(record: &[u8]) -> auth_stat {
    let (message, _) = rpc_msg::unpack(&mut Cursor::new(record)).expect("an RPC message");
    match message.body {
        msg_body::REPLY(reply_body::MSG_DENIED(rejected_reply::AUTH_ERROR(reason))) => reason,
        other => panic!("no denial: {other:?}"),
    }
}

/// Reads a record as a successful reply: its xid and its results.
pub fn decode_reply(record: &[u8]) -> (u32, Vec<u8>) {
    let (message, head) = rpc_msg::unpack(&mut Cursor::new(record)).expect("an RPC message");
    let success = matches!(
        &message.body,
        msg_body::REPLY(reply_body::MSG_ACCEPTED(accepted_reply {
            reply_data: accept_stat_data::SUCCESS,
            ..
        }))
    );
    assert!(success, "not a success: {message:?}");
    (message.xid, record[head..].to_vec())
}

/// Reads arguments or results, which must be used up.
pub fn decode<T: Unpack>(bytes: &[u8]) -> T {
    let (value, len) = T::unpack(&mut Cursor::new(bytes)).expect("well-formed XDR");
    assert_eq!(len, bytes.len(), "bytes are left over");
    value
}

fn record(head: &impl Pack, body: &impl Pack) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    head.pack(&mut bytes).expect("memory takes all");
    body.pack(&mut bytes).expect("memory takes all");
    let len = u32::try_from(bytes.len() - 4).expect("a short record");
    bytes[..4].copy_from_slice(&fragment_header::new(len, true).into_xdr_buf());
    bytes
}

/// Cuts a stream into records.
#[derive(Debug, Default)]
pub struct Records {
    stream: Vec<u8>,
}

impl Records {
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
    }

    /// The next whole record without its marks.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let mut record = Vec::new();
        let mut at = 0;
        loop {
            let mark: [u8; 4] = self.stream.get(at..at + 4)?.try_into().expect("four bytes");
            let mark = fragment_header::from(mark);
            let end = at + 4 + usize::try_from(mark.fragment_length()).expect("31 bits");
            record.extend_from_slice(self.stream.get(at + 4..end)?);
            at = end;
            if mark.eof() {
                self.stream.drain(..at);
                return Some(record);
            }
        }
    }

    /// Bytes of a record that is not whole yet.
    pub fn partial(&self) -> usize {
        self.stream.len()
    }
}
