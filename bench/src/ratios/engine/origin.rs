//! The origin: one directory with one file, whose bytes can be told from its offsets.

use nfs3_types::mount::{self, fhandle3, mountres3, mountres3_ok};
use nfs3_types::nfs3::{
    ACCESS3args, ACCESS3resok, FSINFO3resok, GETATTR3args, GETATTR3resok, LOOKUP3resok,
    NFS_PROGRAM, Nfs3Option, Nfs3Result, READ3args, READ3resok, WRITE3args, WRITE3resok, fattr3,
    ftype3, nfs_fh3, nfstime3, specdata3, wcc_attr, wcc_data, writeverf3,
};
use nfs3_types::xdr_codec::{Opaque, Void};

use super::rpc::{Call, decode, encode_reply};

const ROOT: u64 = 1;
const FILE: u64 = 2;

/// What the file holds: blocks that begin with their number.
pub(super) struct Origin {
    /// Bytes of the file.
    pub(super) size: u64,
}

impl Origin {
    /// Carries a call out; its reply with the record mark.
    pub(super) fn serve(&self, call: &Call) -> Vec<u8> {
        let Call { xid, .. } = *call;
        if call.program == mount::PROGRAM {
            let ok = mountres3_ok {
                fhandle: fhandle3(handle(ROOT).data),
                auth_flavors: vec![1],
            };
            return encode_reply(xid, &mountres3::Ok(ok));
        }
        let procedure = NFS_PROGRAM::try_from(call.procedure).expect("an NFSv3 procedure");
        match procedure {
            NFS_PROGRAM::NFSPROC3_NULL => encode_reply(xid, &Void),
            NFS_PROGRAM::NFSPROC3_GETATTR => {
                let GETATTR3args { object } = decode(&call.arguments);
                let obj_attributes = self.attributes(id(&object));
                encode_reply(xid, &ok(GETATTR3resok { obj_attributes }))
            }
            NFS_PROGRAM::NFSPROC3_LOOKUP => {
                let found = LOOKUP3resok {
                    object: handle(FILE),
                    obj_attributes: self.post_op(FILE),
                    dir_attributes: self.post_op(ROOT),
                };
                encode_reply(xid, &ok(found))
            }
            NFS_PROGRAM::NFSPROC3_ACCESS => {
                let ACCESS3args { object, access } = decode(&call.arguments);
                let obj_attributes = self.post_op(id(&object));
                let granted = ACCESS3resok {
                    obj_attributes,
                    access,
                };
                encode_reply(xid, &ok(granted))
            }
            NFS_PROGRAM::NFSPROC3_READ => {
                let READ3args { offset, count, .. } = decode(&call.arguments);
                let end = (offset + u64::from(count)).min(self.size);
                let data = data(offset, end);
                let read = READ3resok {
                    file_attributes: self.post_op(FILE),
                    count: u32::try_from(data.len()).expect("a count"),
                    eof: end == self.size,
                    data: Opaque::borrowed(&data),
                };
                encode_reply(xid, &ok(read))
            }
            NFS_PROGRAM::NFSPROC3_WRITE => {
                let arguments: WRITE3args<'static> = decode(&call.arguments);
                encode_reply(xid, &ok(self.written(arguments.count)))
            }
            NFS_PROGRAM::NFSPROC3_FSINFO => encode_reply(xid, &ok(self.fsinfo())),
            other => panic!("{other:?} is not served here"),
        }
    }

    /// What every WRITE of so many bytes within the file is answered.
    fn written(&self, count: u32) -> WRITE3resok {
        let fattr3 {
            size, mtime, ctime, ..
        } = self.attributes(FILE);
        WRITE3resok {
            file_wcc: wcc_data {
                before: Nfs3Option::Some(wcc_attr { size, mtime, ctime }),
                after: self.post_op(FILE),
            },
            count,
            committed: nfs3_types::nfs3::stable_how::UNSTABLE,
            verf: writeverf3(*b"boot 001"),
        }
    }

    /// The reply to a WRITE.
    pub(super) fn write_reply(&self, xid: u32, count: u32) -> Vec<u8> {
        encode_reply(xid, &ok(self.written(count)))
    }

    fn fsinfo(&self) -> FSINFO3resok {
        let most = 1 << 20;
        FSINFO3resok {
            obj_attributes: self.post_op(ROOT),
            rtmax: most,
            rtpref: most,
            rtmult: 4096,
            wtmax: most,
            wtpref: most,
            wtmult: 4096,
            dtpref: 65_536,
            maxfilesize: 1 << 40,
            time_delta: nfstime3 {
                seconds: 0,
                nseconds: 1,
            },
            properties: 0x1b,
        }
    }

    fn attributes(&self, id: u64) -> fattr3 {
        let (type_, mode, size) = if id == ROOT {
            (ftype3::NF3DIR, 0o755, 4096)
        } else {
            (ftype3::NF3REG, 0o644, self.size)
        };
        let time = nfstime3 {
            seconds: 1_700_000_000,
            nseconds: 0,
        };
        fattr3 {
            type_,
            mode,
            nlink: 1,
            uid: 1000,
            gid: 1000,
            size,
            used: size,
            rdev: specdata3::default(),
            fsid: 0x77,
            fileid: id,
            atime: time,
            mtime: time,
            ctime: time,
        }
    }

    fn post_op(&self, id: u64) -> Nfs3Option<fattr3> {
        Nfs3Option::Some(self.attributes(id))
    }
}

/// Bytes of the file: every eight of them are their number.
pub(super) fn data(start: u64, end: u64) -> Vec<u8> {
    let words = (start / 8..end.div_ceil(8)).flat_map(u64::to_be_bytes);
    let skip = usize::try_from(start % 8).unwrap_or(0);
    let len = usize::try_from(end - start).expect("a READ");
    words.skip(skip).take(len).collect()
}

fn ok<T>(value: T) -> Nfs3Result<T, Void> {
    Nfs3Result::Ok(value)
}

fn handle(id: u64) -> nfs_fh3 {
    let mut bytes = b"origin/".to_vec();
    bytes.extend_from_slice(&id.to_be_bytes());
    nfs_fh3 {
        data: Opaque::owned(bytes),
    }
}

fn id(handle: &nfs_fh3) -> u64 {
    let id = handle.data.last_chunk().expect("a handle of ours");
    u64::from_be_bytes(*id)
}
