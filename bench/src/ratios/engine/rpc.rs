//! Calls and replies, encoded by `nfs3_types`.

use std::io::Cursor;

use nfs3_types::mount::{self, MOUNT_PROGRAM, dirpath};
use nfs3_types::nfs3::{
    self, ACCESS3args, GETATTR3args, LOOKUP3args, NFS_PROGRAM, READ3args, WRITE3args, diropargs3,
    nfs_fh3, stable_how,
};
use nfs3_types::rpc::{
    accept_stat_data, accepted_reply, auth_unix, call_body, fragment_header, msg_body, opaque_auth,
    reply_body, rpc_msg,
};
use nfs3_types::xdr_codec::{Opaque, Pack, Unpack};

/// A call as the origin sees it.
pub(super) struct Call {
    pub(super) xid: u32,
    pub(super) program: u32,
    pub(super) procedure: u32,
    pub(super) arguments: Vec<u8>,
}

/// The export, and the one file in it.
pub(super) const EXPORT: &str = "/export";
pub(super) const FILE: &str = "file";

pub(super) fn mnt(xid: u32) -> Vec<u8> {
    let procedure = MOUNT_PROGRAM::MOUNTPROC3_MNT as u32;
    let path = dirpath(Opaque::borrowed(EXPORT.as_bytes()));
    call(xid, (mount::PROGRAM, mount::VERSION, procedure), &path)
}

pub(super) fn lookup(xid: u32, directory: &nfs_fh3) -> Vec<u8> {
    let what = diropargs3 {
        dir: directory.clone(),
        name: FILE.as_bytes().into(),
    };
    nfs_call(xid, NFS_PROGRAM::NFSPROC3_LOOKUP, &LOOKUP3args { what })
}

pub(super) fn getattr(xid: u32, file: &nfs_fh3) -> Vec<u8> {
    let object = file.clone();
    nfs_call(xid, NFS_PROGRAM::NFSPROC3_GETATTR, &GETATTR3args { object })
}

pub(super) fn access(xid: u32, file: &nfs_fh3) -> Vec<u8> {
    let arguments = ACCESS3args {
        object: file.clone(),
        access: 0x3f,
    };
    nfs_call(xid, NFS_PROGRAM::NFSPROC3_ACCESS, &arguments)
}

pub(super) fn read(xid: u32, file: &nfs_fh3, offset: u64, count: u32) -> Vec<u8> {
    let arguments = READ3args {
        file: file.clone(),
        offset,
        count,
    };
    nfs_call(xid, NFS_PROGRAM::NFSPROC3_READ, &arguments)
}

pub(super) fn write(xid: u32, file: &nfs_fh3, offset: u64, data: &[u8]) -> Vec<u8> {
    let arguments = WRITE3args {
        file: file.clone(),
        offset,
        count: u32::try_from(data.len()).expect("a count"),
        stable: stable_how::UNSTABLE,
        data: Opaque::borrowed(data),
    };
    nfs_call(xid, NFS_PROGRAM::NFSPROC3_WRITE, &arguments)
}

fn nfs_call(xid: u32, procedure: NFS_PROGRAM, arguments: &impl Pack) -> Vec<u8> {
    call(
        xid,
        (nfs3::PROGRAM, nfs3::VERSION, procedure as u32),
        arguments,
    )
}

/// A whole call of a user with AUTH_SYS, with its record mark.
fn call(xid: u32, (prog, vers, proc): (u32, u32, u32), arguments: &impl Pack) -> Vec<u8> {
    let cred = opaque_auth::auth_unix(&auth_unix {
        stamp: 1,
        machinename: Opaque::borrowed(b"client"),
        uid: 1000,
        gid: 1000,
        gids: vec![],
    });
    let body = msg_body::CALL(call_body {
        rpcvers: 2,
        prog,
        vers,
        proc,
        cred,
        verf: opaque_auth::default(),
    });
    record(&rpc_msg { xid, body }, arguments)
}

/// A whole successful reply with its record mark.
pub(super) fn encode_reply(xid: u32, results: &impl Pack) -> Vec<u8> {
    let body = msg_body::REPLY(reply_body::MSG_ACCEPTED(accepted_reply {
        verf: opaque_auth::default(),
        reply_data: accept_stat_data::SUCCESS,
    }));
    record(&rpc_msg { xid, body }, results)
}

fn record(head: &impl Pack, body: &impl Pack) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    head.pack(&mut bytes).expect("memory takes all");
    body.pack(&mut bytes).expect("memory takes all");
    let len = u32::try_from(bytes.len() - 4).expect("a short record");
    bytes[..4].copy_from_slice(&fragment_header::new(len, true).into_xdr_buf());
    bytes
}

/// Takes the first whole record, which must be a call, out of a stream.
pub(super) fn take_call(stream: &mut Vec<u8>) -> Option<Call> {
    let record = take_record(stream)?;
    let (message, head) = rpc_msg::unpack(&mut Cursor::new(&record[..])).expect("an RPC message");
    let msg_body::CALL(body) = message.body else {
        panic!("the origin gets calls only");
    };
    Some(Call {
        xid: message.xid,
        program: body.prog,
        procedure: body.proc,
        arguments: record[head..].to_vec(),
    })
}

/// Takes the first whole record, which must be a successful reply, out of a stream.
pub(super) fn take_reply<T: Unpack>(stream: &mut Vec<u8>) -> Option<(u32, T)> {
    let record = take_record(stream)?;
    let (message, head) = rpc_msg::unpack(&mut Cursor::new(&record[..])).expect("an RPC message");
    let is_success = matches!(
        &message.body,
        msg_body::REPLY(reply_body::MSG_ACCEPTED(accepted_reply {
            reply_data: accept_stat_data::SUCCESS,
            ..
        }))
    );
    assert!(is_success, "{message:?}");
    Some((message.xid, decode(&record[head..])))
}

/// Reads arguments or results.
pub(super) fn decode<T: Unpack>(bytes: &[u8]) -> T {
    T::unpack(&mut Cursor::new(bytes))
        .expect("well-formed XDR")
        .0
}

/// Every message is one fragment here.
fn take_record(stream: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mark = u32::from_be_bytes(*stream.first_chunk()?);
    assert!(mark >> 31 == 1, "one fragment");
    let end = 4 + usize::try_from(mark & 0x7fff_ffff).expect("31 bits");
    let record = stream.get(4..end)?.to_vec();
    stream.drain(..end);
    Some(record)
}
