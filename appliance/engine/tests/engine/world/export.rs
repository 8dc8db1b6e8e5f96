//! The files of the origin: one directory, with attributes that tell every change.

use nfs3_types::nfs3::{
    ACCESS3args, ACCESS3resok, COMMIT3args, COMMIT3resok, CREATE3args, CREATE3resok, FSINFO3args,
    FSINFO3resok, GETATTR3args, GETATTR3resok, LOOKUP3args, LOOKUP3resfail, LOOKUP3resok,
    NFS_PROGRAM, Nfs3Option, Nfs3Result, READ3args, READ3resok, WRITE3args, WRITE3resok, fattr3,
    ftype3, nfs_fh3, nfsstat3, nfstime3, specdata3, wcc_attr, wcc_data, writeverf3,
};
use nfs3_types::xdr_codec::{Opaque, Void};

use super::rpc::{decode, encode_reply};

/// The file system's number.
const FSID: u64 = 0x77;

/// The root's file id; files follow.
const ROOT: u64 = 1;

/// Handles are the file id behind this, so that nobody can guess their form.
const HANDLE_PREFIX: &[u8] = b"origin/";

struct File {
    name: String,
    data: Vec<u8>,
    changes: u32,
}

/// Everything the origin exports.
#[derive(Default)]
pub struct Export {
    files: Vec<File>,
    changes: u32,
    /// How often the server has started again; its verifier tells.
    pub boots: u8,
}

impl Export {
    /// Writes a whole file, as somebody at the origin would.
    pub fn put(&mut self, name: &str, data: &[u8]) {
        self.changes += 1;
        let (data, changes) = (data.to_vec(), self.changes);
        match self.files.iter_mut().find(|file| file.name == name) {
            Some(file) => (file.data, file.changes) = (data, changes),
            None => self.files.push(File {
                name: name.to_owned(),
                data,
                changes,
            }),
        }
    }

    /// Adds a file and gives its handle.
    pub fn put_new(&mut self, name: String, data: Vec<u8>) -> nfs_fh3 {
        self.changes += 1;
        let changes = self.changes;
        self.files.push(File {
            name,
            data,
            changes,
        });
        handle(ROOT + self.files.len() as u64)
    }

    /// Adds so many files of zeros, of `len` bytes each, and gives their handles.
    pub fn add_files(&mut self, count: usize, len: usize) -> impl Iterator<Item = nfs_fh3> + use<> {
        let (first, changes) = (self.files.len(), self.changes);
        let file = |number| File {
            name: format!("added {number}"),
            data: vec![0; len],
            changes,
        };
        self.files.extend((first..first + count).map(file));
        (first..first + count).map(|position| handle(ROOT + 1 + position as u64))
    }

    /// What a file holds.
    pub fn data(&self, name: &str) -> &[u8] {
        let file = self.files.iter().find(|file| file.name == name);
        &file.expect("a file of this name").data
    }

    pub fn root(&self) -> nfs_fh3 {
        handle(ROOT)
    }

    /// Carries a call out; its reply with the record mark.
    pub fn serve(&mut self, xid: u32, procedure: NFS_PROGRAM, arguments: &[u8]) -> Vec<u8> {
        match procedure {
            NFS_PROGRAM::NFSPROC3_NULL => encode_reply(xid, &Void),
            NFS_PROGRAM::NFSPROC3_GETATTR => {
                let GETATTR3args { object } = decode(arguments);
                let obj_attributes = self.attributes(id(&object));
                encode_reply(xid, &ok::<_, Void>(GETATTR3resok { obj_attributes }))
            }
            NFS_PROGRAM::NFSPROC3_LOOKUP => encode_reply(xid, &self.lookup(&decode(arguments))),
            NFS_PROGRAM::NFSPROC3_ACCESS => {
                let ACCESS3args { object, access } = decode(arguments);
                let obj_attributes = self.post_op(id(&object));
                let granted = ACCESS3resok {
                    obj_attributes,
                    access,
                };
                encode_reply(xid, &ok::<_, Void>(granted))
            }
            NFS_PROGRAM::NFSPROC3_READ => {
                let arguments: READ3args = decode(arguments);
                encode_reply(xid, &ok::<_, Void>(self.read(&arguments)))
            }
            NFS_PROGRAM::NFSPROC3_WRITE => {
                let arguments: WRITE3args<'static> = decode(arguments);
                encode_reply(xid, &ok::<_, Void>(self.write(&arguments)))
            }
            NFS_PROGRAM::NFSPROC3_CREATE => {
                let CREATE3args { where_, .. } = decode(arguments);
                let name = String::from_utf8(where_.name.0.to_vec()).expect("a name");
                encode_reply(xid, &ok::<_, Void>(self.create(&name)))
            }
            NFS_PROGRAM::NFSPROC3_FSINFO => {
                let FSINFO3args { fsroot } = decode(arguments);
                encode_reply(xid, &ok::<_, Void>(self.fsinfo(id(&fsroot))))
            }
            NFS_PROGRAM::NFSPROC3_COMMIT => {
                let COMMIT3args { file, .. } = decode(arguments);
                let file_wcc = self.unchanged(id(&file));
                let verf = self.verifier();
                encode_reply(xid, &ok::<_, Void>(COMMIT3resok { file_wcc, verf }))
            }
            other => panic!("{other:?} is not served here"),
        }
    }

    fn lookup(&self, arguments: &LOOKUP3args<'static>) -> Nfs3Result<LOOKUP3resok, LOOKUP3resfail> {
        let name = arguments.what.name.as_ref();
        let found = self
            .files
            .iter()
            .position(|file| file.name.as_bytes() == name);
        let dir_attributes = self.post_op(ROOT);
        match found {
            Some(position) => {
                let id = ROOT + 1 + position as u64;
                Nfs3Result::Ok(LOOKUP3resok {
                    object: handle(id),
                    obj_attributes: self.post_op(id),
                    dir_attributes,
                })
            }
            None => Nfs3Result::Err((nfsstat3::NFS3ERR_NOENT, LOOKUP3resfail { dir_attributes })),
        }
    }

    fn read(&self, arguments: &READ3args) -> READ3resok<'_> {
        let id = id(&arguments.file);
        let data = &self.file(id).data;
        let start = as_usize(arguments.offset).min(data.len());
        let end = (start + as_usize(u64::from(arguments.count))).min(data.len());
        READ3resok {
            file_attributes: self.post_op(id),
            count: u32::try_from(end - start).expect("at most the count asked for"),
            eof: end == data.len(),
            data: Opaque::borrowed(&data[start..end]),
        }
    }

    fn write(&mut self, arguments: &WRITE3args<'_>) -> WRITE3resok {
        let id = id(&arguments.file);
        let before = self.before(id);
        let bytes = arguments.data.as_ref();
        assert_eq!(bytes.len(), as_usize(u64::from(arguments.count)));
        self.changes += 1;
        let changes = self.changes;
        let file = self.file_mut(id);
        let start = as_usize(arguments.offset);
        let end = start + bytes.len();
        if file.data.len() < end {
            file.data.resize(end, 0);
        }
        file.data[start..end].copy_from_slice(bytes);
        file.changes = changes;
        WRITE3resok {
            file_wcc: wcc_data {
                before,
                after: self.post_op(id),
            },
            count: arguments.count,
            committed: arguments.stable,
            verf: self.verifier(),
        }
    }

    fn create(&mut self, name: &str) -> CREATE3resok {
        let before = self.before(ROOT);
        self.put(name, &[]);
        let position = self.files.iter().position(|file| file.name == name);
        let id = ROOT + 1 + position.expect("just put") as u64;
        CREATE3resok {
            obj: Nfs3Option::Some(handle(id)),
            obj_attributes: self.post_op(id),
            dir_wcc: wcc_data {
                before,
                after: self.post_op(ROOT),
            },
        }
    }

    fn fsinfo(&self, id: u64) -> FSINFO3resok {
        let most = 1 << 20;
        FSINFO3resok {
            obj_attributes: self.post_op(id),
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
        let (type_, mode, size, changes) = if id == ROOT {
            (ftype3::NF3DIR, 0o755, 4096, self.changes)
        } else {
            let file = self.file(id);
            (ftype3::NF3REG, 0o644, file.data.len() as u64, file.changes)
        };
        let changed = time_of(changes);
        fattr3 {
            type_,
            mode,
            nlink: 1,
            uid: 1000,
            gid: 1000,
            size,
            used: size,
            rdev: specdata3::default(),
            fsid: FSID,
            fileid: id,
            atime: changed,
            mtime: changed,
            ctime: changed,
        }
    }

    fn post_op(&self, id: u64) -> Nfs3Option<fattr3> {
        Nfs3Option::Some(self.attributes(id))
    }

    fn before(&self, id: u64) -> Nfs3Option<wcc_attr> {
        let fattr3 {
            size, mtime, ctime, ..
        } = self.attributes(id);
        Nfs3Option::Some(wcc_attr { size, mtime, ctime })
    }

    fn unchanged(&self, id: u64) -> wcc_data {
        wcc_data {
            before: self.before(id),
            after: self.post_op(id),
        }
    }

    fn verifier(&self) -> writeverf3 {
        let mut verifier = *b"boot 001";
        verifier[7] += self.boots;
        writeverf3(verifier)
    }

    fn file(&self, id: u64) -> &File {
        &self.files[as_usize(id - ROOT - 1)]
    }

    fn file_mut(&mut self, id: u64) -> &mut File {
        &mut self.files[as_usize(id - ROOT - 1)]
    }
}

fn ok<T, E>(value: T) -> Nfs3Result<T, E> {
    Nfs3Result::Ok(value)
}

/// A time that differs after every change.
fn time_of(changes: u32) -> nfstime3 {
    nfstime3 {
        seconds: 1_700_000_000,
        nseconds: changes,
    }
}

fn handle(id: u64) -> nfs_fh3 {
    let mut bytes = HANDLE_PREFIX.to_vec();
    bytes.extend_from_slice(&id.to_be_bytes());
    nfs_fh3 {
        data: Opaque::owned(bytes),
    }
}

fn id(handle: &nfs_fh3) -> u64 {
    let id = handle
        .data
        .strip_prefix(HANDLE_PREFIX)
        .expect("a handle of ours");
    u64::from_be_bytes(id.try_into().expect("eight bytes"))
}

fn as_usize(value: u64) -> usize {
    usize::try_from(value).expect("a 64-bit machine")
}
