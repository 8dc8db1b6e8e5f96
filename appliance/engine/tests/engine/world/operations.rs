//! NFS calls as a client makes them: begun, and awaited.

use nfs3_types::mount::{self, MOUNT_PROGRAM, dirpath, mountres3};
use nfs3_types::nfs3::{
    self, ACCESS3args, ACCESS3res, COMMIT3args, COMMIT3res, COMMIT3resok, CREATE3args, CREATE3res,
    GETATTR3args, GETATTR3res, LOOKUP3args, LOOKUP3res, NFS_PROGRAM, READ3args, READ3res,
    WRITE3args, WRITE3res, WRITE3resok, createhow3, diropargs3, fattr3, nfs_fh3, sattr3,
    stable_how,
};
use nfs3_types::rpc::auth_stat;
use nfs3_types::xdr_codec::{Opaque, Pack, Unpack};

use super::rpc::{decode, decode_denial};
use super::{EXPORT, Wire, World};

/// A call whose reply is awaited.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    pub client: usize,
    pub xid: u32,
}

/// Bytes a READ gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Data {
    pub bytes: Vec<u8>,
    pub end_of_file: bool,
}

/// The procedure.
pub const READ: (u32, u32, u32) = nfs(NFS_PROGRAM::NFSPROC3_READ);

const fn nfs(procedure: NFS_PROGRAM) -> (u32, u32, u32) {
    (nfs3::PROGRAM, nfs3::VERSION, procedure as u32)
}

impl<W: Wire> World<W> {
    /// Makes any call.
    pub fn begin(
        &mut self,
        client: usize,
        procedure: (u32, u32, u32),
        arguments: &impl Pack,
    ) -> Pending {
        let xid = self.clients[client].call(procedure, arguments);
        Pending { client, xid }
    }

    /// Waits for the reply and reads it.
    pub fn finish<T: Unpack>(&mut self, pending: Pending) -> T {
        let Pending { client, xid } = pending;
        self.run_until("a reply", |world| world.clients[client].has_reply(xid));
        let results = self.clients[client].take_reply(xid);
        decode(&results.expect("just seen"))
    }

    /// Waits for the reply, which denies the call, and reads why.
    pub fn finish_denied(&mut self, pending: Pending) -> auth_stat {
        let Pending { client, xid } = pending;
        self.run_until("a reply", |world| world.clients[client].has_reply(xid));
        let record = self.clients[client].take_record(xid);
        decode_denial(&record.expect("just seen"))
    }

    pub fn is_answered(&self, pending: Pending) -> bool {
        self.clients[pending.client].has_reply(pending.xid)
    }

    /// Mounts the export; its root.
    pub fn mount(&mut self, client: usize) -> nfs_fh3 {
        let procedure = (
            mount::PROGRAM,
            mount::VERSION,
            MOUNT_PROGRAM::MOUNTPROC3_MNT as u32,
        );
        let path = dirpath(Opaque::borrowed(EXPORT.as_bytes()));
        let pending = self.begin(client, procedure, &path);
        match self.finish(pending) {
            mountres3::Ok(ok) => nfs_fh3 {
                data: ok.fhandle.0.into_owned().into(),
            },
            mountres3::Err(error) => panic!("MNT: {error}"),
        }
    }

    pub fn lookup(&mut self, client: usize, directory: &nfs_fh3, name: &str) -> nfs_fh3 {
        let arguments = LOOKUP3args {
            what: entry(directory, name),
        };
        let pending = self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_LOOKUP), &arguments);
        self.finish::<LOOKUP3res>(pending).expect("LOOKUP").object
    }

    pub fn create(&mut self, client: usize, directory: &nfs_fh3, name: &str) -> nfs_fh3 {
        let pending = self.begin_create(client, directory, name);
        self.finish::<CREATE3res>(pending)
            .expect("CREATE")
            .obj
            .unwrap()
    }

    fn begin_create(&mut self, client: usize, directory: &nfs_fh3, name: &str) -> Pending {
        let arguments = CREATE3args {
            where_: entry(directory, name),
            how: createhow3::UNCHECKED(sattr3::default()),
        };
        self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_CREATE), &arguments)
    }

    pub fn attributes(&mut self, client: usize, file: &nfs_fh3) -> fattr3 {
        let arguments = GETATTR3args {
            object: file.clone(),
        };
        let pending = self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_GETATTR), &arguments);
        self.finish::<GETATTR3res>(pending)
            .expect("GETATTR")
            .obj_attributes
    }

    pub fn access(&mut self, client: usize, file: &nfs_fh3) -> u32 {
        let arguments = ACCESS3args {
            object: file.clone(),
            access: 0x3f,
        };
        let pending = self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_ACCESS), &arguments);
        self.finish::<ACCESS3res>(pending).expect("ACCESS").access
    }

    pub fn begin_read(
        &mut self,
        client: usize,
        file: &nfs_fh3,
        offset: usize,
        count: usize,
    ) -> Pending {
        self.begin(client, READ, &read_arguments(file, offset, count))
    }

    pub fn finish_read(&mut self, pending: Pending) -> Data {
        let read = self.finish::<READ3res<'static>>(pending).expect("READ");
        let bytes = read.data.into_owned();
        assert_eq!(u32::try_from(bytes.len()), Ok(read.count));
        Data {
            bytes,
            end_of_file: read.eof,
        }
    }

    pub fn read(&mut self, client: usize, file: &nfs_fh3, offset: usize, count: usize) -> Data {
        let pending = self.begin_read(client, file, offset, count);
        self.finish_read(pending)
    }

    /// Reads a whole file in READs of `step` bytes, up to the end the server tells.
    pub fn read_all(&mut self, client: usize, file: &nfs_fh3, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let data = self.read(client, file, all.len(), step);
            all.extend(&data.bytes);
            if data.end_of_file {
                return all;
            }
            assert!(
                !data.bytes.is_empty(),
                "a READ before the end gives something"
            );
        }
    }

    pub fn begin_write(
        &mut self,
        client: usize,
        file: &nfs_fh3,
        offset: usize,
        data: &[u8],
        stable: stable_how,
    ) -> Pending {
        let arguments = write_arguments(file, offset, data, stable);
        self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_WRITE), &arguments)
    }

    pub fn finish_write(&mut self, pending: Pending) -> WRITE3resok {
        self.finish::<WRITE3res>(pending).expect("WRITE")
    }

    pub fn write(
        &mut self,
        client: usize,
        file: &nfs_fh3,
        offset: usize,
        data: &[u8],
        stable: stable_how,
    ) -> WRITE3resok {
        let pending = self.begin_write(client, file, offset, data, stable);
        self.finish_write(pending)
    }

    /// Sends the first `len` bytes of a WRITE whose rest never comes.
    pub fn write_partly(&mut self, client: usize, file: &nfs_fh3, data: &[u8], len: usize) {
        let arguments = write_arguments(file, 0, data, stable_how::UNSTABLE);
        self.clients[client].call_partly(nfs(NFS_PROGRAM::NFSPROC3_WRITE), &arguments, len);
    }

    pub fn commit(&mut self, client: usize, file: &nfs_fh3) -> COMMIT3resok {
        let arguments = COMMIT3args {
            file: file.clone(),
            offset: 0,
            count: 0,
        };
        let pending = self.begin(client, nfs(NFS_PROGRAM::NFSPROC3_COMMIT), &arguments);
        self.finish::<COMMIT3res>(pending).expect("COMMIT")
    }
}

fn entry<'a>(directory: &nfs_fh3, name: &'a str) -> diropargs3<'a> {
    diropargs3 {
        dir: directory.clone(),
        name: name.as_bytes().into(),
    }
}

/// A READ.
pub fn read_arguments(file: &nfs_fh3, offset: usize, count: usize) -> READ3args {
    READ3args {
        file: file.clone(),
        offset: offset as u64,
        count: u32::try_from(count).expect("a count"),
    }
}

fn write_arguments<'a>(
    file: &nfs_fh3,
    offset: usize,
    data: &'a [u8],
    stable: stable_how,
) -> WRITE3args<'a> {
    WRITE3args {
        file: file.clone(),
        offset: offset as u64,
        count: u32::try_from(data.len()).expect("a count"),
        stable,
        data: Opaque::borrowed(data),
    }
}

/// Bytes that differ from file to file and from place to place.
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    (0..len as u64)
        .map(|at| {
            let mixed = (at / 8 + seed * 0x1_0000_0001).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> (8 * (at % 7))).to_le_bytes()[1]
        })
        .collect()
}
