//! Calls as they go onto the wire: made once for each file, then patched.

use nfs3_types::nfs3::{
    self, GETATTR3args, NFS_PROGRAM, READ3args, WRITE3args, nfs_fh3, stable_how,
};
use nfs3_types::rpc::{auth_unix, call_body, fragment_header, msg_body, opaque_auth, rpc_msg};
use nfs3_types::xdr_codec::{Opaque, Pack};

use super::stamp;
use super::workload::{Kind, Operation};

/// Where the xid lies in a record.
const XID_AT: usize = 4;

/// A whole call with its record mark.
pub fn encode(
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
    let mut bytes = vec![0; XID_AT];
    let packed = rpc_msg { xid, body }
        .pack(&mut bytes)
        .and_then(|_| arguments.pack(&mut bytes));
    packed.expect("memory takes all");
    let len = u32::try_from(bytes.len() - XID_AT).expect("at most a WRITE of 1 MiB");
    bytes[..XID_AT].copy_from_slice(&fragment_header::new(len, true).into_xdr_buf());
    bytes
}

/// Who calls: root, who may write wherever a test server lets anybody.
pub fn credential() -> opaque_auth<'static> {
    opaque_auth::auth_unix(&auth_unix {
        stamp: 1,
        machinename: Opaque::borrowed(b"bench"),
        uid: 0,
        gid: 0,
        gids: vec![],
    })
}

/// The calls on one file.
#[derive(Debug)]
struct FileCalls {
    getattr: Vec<u8>,
    read: Vec<u8>,
    read_offset_at: usize,
    write: Vec<u8>,
    write_offset_at: usize,
}

/// The calls of a run.
#[derive(Debug)]
pub struct Calls {
    files: Vec<FileCalls>,
    size: usize,
}

impl Calls {
    /// Calls on `files` that read or write `size` bytes each.
    pub fn new(files: &[nfs_fh3], size: u32) -> Self {
        let len = usize::try_from(size).expect("a small number");
        let filler = stamp::filler(len);
        let files = files
            .iter()
            .map(|file| FileCalls::new(file, &filler))
            .collect();
        Self { files, size: len }
    }

    /// Appends a call to `out`.
    pub fn append(&self, operation: Operation, xid: u32, out: &mut Vec<u8>) {
        let file = usize::try_from(operation.file).expect("a small number");
        let calls = &self.files[file];
        let start = out.len();
        let mut patch = |call: &[u8], offset_at: Option<usize>| {
            out.extend_from_slice(call);
            out[start + XID_AT..][..4].copy_from_slice(&xid.to_be_bytes());
            if let Some(at) = offset_at {
                out[start + at..][..8].copy_from_slice(&operation.offset.to_be_bytes());
            }
        };
        match operation.kind {
            Kind::Getattr => patch(&calls.getattr, None),
            Kind::Read => patch(&calls.read, Some(calls.read_offset_at)),
            Kind::Write => {
                patch(&calls.write, Some(calls.write_offset_at));
                let data = start + calls.write.len() - self.size.next_multiple_of(4);
                let data = &mut out[data..][..self.size];
                stamp::put(data, operation.file, operation.offset);
            }
        }
    }

    /// Bytes of a READ or WRITE.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl FileCalls {
    fn new(file: &nfs_fh3, filler: &[u8]) -> Self {
        let credential = credential();
        let call = |procedure: NFS_PROGRAM| (nfs3::PROGRAM, nfs3::VERSION, procedure as u32);
        let count = u32::try_from(filler.len()).expect("at most 1 MiB");
        let getattr = GETATTR3args {
            object: file.clone(),
        };
        let read = READ3args {
            file: file.clone(),
            offset: 0,
            count,
        };
        let write = WRITE3args {
            file: file.clone(),
            offset: 0,
            count,
            stable: stable_how::UNSTABLE,
            data: Opaque::borrowed(filler),
        };
        let read = encode(0, call(NFS_PROGRAM::NFSPROC3_READ), &credential, &read);
        let write = encode(0, call(NFS_PROGRAM::NFSPROC3_WRITE), &credential, &write);
        Self {
            getattr: encode(
                0,
                call(NFS_PROGRAM::NFSPROC3_GETATTR),
                &credential,
                &getattr,
            ),
            // offset, count
            read_offset_at: read.len() - 12,
            read,
            // offset, count, stable, length, data
            write_offset_at: write.len() - filler.len().next_multiple_of(4) - 20,
            write,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use nfs3_types::xdr_codec::Unpack;

    use super::*;

    const XID: u32 = 0x0102_0304;

    fn appended(kind: Kind) -> Vec<u8> {
        let handle = |name: &'static [u8]| nfs_fh3 {
            data: Opaque::borrowed(name),
        };
        let calls = Calls::new(&[handle(b"first"), handle(b"second")], 4097);
        let mut out = vec![7];
        let operation = Operation {
            kind,
            file: 1,
            offset: 8194,
        };
        calls.append(operation, XID, &mut out);
        let mark = u32::try_from(out.len() - 5).unwrap() | (1 << 31);
        assert_eq!(out[1..5], mark.to_be_bytes());
        out.split_off(5)
    }

    fn arguments<T: Unpack>(kind: Kind, procedure: NFS_PROGRAM) -> T {
        let bytes = appended(kind);
        let mut input = Cursor::new(bytes.as_slice());
        let (message, _) = rpc_msg::unpack(&mut input).unwrap();
        assert_eq!(message.xid, XID);
        let msg_body::CALL(body) = message.body else {
            panic!("a call");
        };
        assert_eq!(body.proc, procedure as u32);
        let (arguments, _) = T::unpack(&mut input).unwrap();
        assert_eq!(input.position(), bytes.len() as u64);
        arguments
    }

    #[test]
    fn calls_are_about_the_right_piece_of_the_right_file() {
        let read: READ3args = arguments(Kind::Read, NFS_PROGRAM::NFSPROC3_READ);
        assert_eq!((read.offset, read.count), (8194, 4097));
        assert_eq!(read.file.data.as_ref(), b"second");
        let getattr: GETATTR3args = arguments(Kind::Getattr, NFS_PROGRAM::NFSPROC3_GETATTR);
        assert_eq!(getattr.object.data.as_ref(), b"second");
        let write: WRITE3args<'static> = arguments(Kind::Write, NFS_PROGRAM::NFSPROC3_WRITE);
        assert_eq!((write.offset, write.count), (8194, 4097));
        let mut data = stamp::filler(4097);
        stamp::put(&mut data, 1, 8194);
        assert_eq!(write.data.as_ref(), data);
    }
}
