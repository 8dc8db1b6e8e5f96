//! Random values of the oracle's types.

use nfs3_types::nfs3::{
    Nfs3Option, cookieverf3, createhow3, createverf3, diropargs3, fattr3, filename3, ftype3,
    nfs_fh3, nfsstat3, nfstime3, post_op_attr, post_op_fh3, sattr3, set_atime, set_mtime,
    specdata3, stable_how, wcc_attr, wcc_data, writeverf3,
};
use nfs3_types::xdr_codec::Opaque;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn u32(&mut self) -> u32 {
        (self.u64() >> 32) as u32
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.u64() % bound
    }

    /// An index below `bound`.
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("below a usize")
    }

    pub fn byte(&mut self) -> u8 {
        self.u64().to_be_bytes()[0]
    }

    pub fn bool(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Up to `max` bytes, both ends included.
    pub fn bytes(&mut self, max: usize) -> Vec<u8> {
        let len = self.index(max + 1);
        (0..len).map(|_| self.byte()).collect()
    }

    pub fn eight_bytes(&mut self) -> [u8; 8] {
        self.u64().to_be_bytes()
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    fn option<T: nfs3_types::xdr_codec::Pack + nfs3_types::xdr_codec::Unpack>(
        &mut self,
        value: impl FnOnce(&mut Self) -> T,
    ) -> Nfs3Option<T> {
        if self.bool() {
            Nfs3Option::Some(value(self))
        } else {
            Nfs3Option::None
        }
    }

    pub fn handle(&mut self) -> nfs_fh3 {
        nfs_fh3 {
            data: Opaque::owned(self.bytes(64)),
        }
    }

    pub fn name(&mut self) -> filename3<'static> {
        let max = self.pick(&[3, 20, 255, 1024]);
        filename3::from(self.bytes(max))
    }

    pub fn entry(&mut self) -> diropargs3<'static> {
        diropargs3 {
            dir: self.handle(),
            name: self.name(),
        }
    }

    pub fn time(&mut self) -> nfstime3 {
        nfstime3 {
            seconds: self.u32(),
            nseconds: self.u32(),
        }
    }

    pub fn optional_time(&mut self) -> Nfs3Option<nfstime3> {
        self.option(Random::time)
    }

    pub fn device(&mut self) -> specdata3 {
        specdata3 {
            specdata1: self.u32(),
            specdata2: self.u32(),
        }
    }

    pub fn attributes(&mut self) -> fattr3 {
        let file_type = self.pick(&[
            ftype3::NF3REG,
            ftype3::NF3DIR,
            ftype3::NF3BLK,
            ftype3::NF3CHR,
            ftype3::NF3LNK,
            ftype3::NF3SOCK,
            ftype3::NF3FIFO,
        ]);
        fattr3 {
            type_: file_type,
            mode: self.u32(),
            nlink: self.u32(),
            uid: self.u32(),
            gid: self.u32(),
            size: self.u64(),
            used: self.u64(),
            rdev: self.device(),
            fsid: self.u64(),
            fileid: self.u64(),
            atime: self.time(),
            mtime: self.time(),
            ctime: self.time(),
        }
    }

    pub fn post_op(&mut self) -> post_op_attr {
        self.option(Random::attributes)
    }

    pub fn post_op_handle(&mut self) -> post_op_fh3 {
        self.option(Random::handle)
    }

    pub fn wcc(&mut self) -> wcc_data {
        let before = self.option(|random| wcc_attr {
            size: random.u64(),
            mtime: random.time(),
            ctime: random.time(),
        });
        wcc_data {
            before,
            after: self.post_op(),
        }
    }

    pub fn set_attributes(&mut self) -> sattr3 {
        sattr3 {
            mode: self.option(Random::u32),
            uid: self.option(Random::u32),
            gid: self.option(Random::u32),
            size: self.option(Random::u64),
            atime: match self.below(3) {
                0 => set_atime::DONT_CHANGE,
                1 => set_atime::SET_TO_SERVER_TIME,
                _ => set_atime::SET_TO_CLIENT_TIME(self.time()),
            },
            mtime: match self.below(3) {
                0 => set_mtime::DONT_CHANGE,
                1 => set_mtime::SET_TO_SERVER_TIME,
                _ => set_mtime::SET_TO_CLIENT_TIME(self.time()),
            },
        }
    }

    pub fn create_how(&mut self) -> createhow3 {
        match self.below(3) {
            0 => createhow3::UNCHECKED(self.set_attributes()),
            1 => createhow3::GUARDED(self.set_attributes()),
            _ => createhow3::EXCLUSIVE(createverf3(self.eight_bytes())),
        }
    }

    pub fn stable(&mut self) -> stable_how {
        self.pick(&[
            stable_how::UNSTABLE,
            stable_how::DATA_SYNC,
            stable_how::FILE_SYNC,
        ])
    }

    pub fn write_verifier(&mut self) -> writeverf3 {
        writeverf3(self.eight_bytes())
    }

    pub fn cookie_verifier(&mut self) -> cookieverf3 {
        cookieverf3(self.eight_bytes())
    }

    pub fn error_status(&mut self) -> nfsstat3 {
        self.pick(&ERRORS)
    }
}

/// Every failure of RFC 1813.
pub const ERRORS: [nfsstat3; 28] = [
    nfsstat3::NFS3ERR_PERM,
    nfsstat3::NFS3ERR_NOENT,
    nfsstat3::NFS3ERR_IO,
    nfsstat3::NFS3ERR_NXIO,
    nfsstat3::NFS3ERR_ACCES,
    nfsstat3::NFS3ERR_EXIST,
    nfsstat3::NFS3ERR_XDEV,
    nfsstat3::NFS3ERR_NODEV,
    nfsstat3::NFS3ERR_NOTDIR,
    nfsstat3::NFS3ERR_ISDIR,
    nfsstat3::NFS3ERR_INVAL,
    nfsstat3::NFS3ERR_FBIG,
    nfsstat3::NFS3ERR_NOSPC,
    nfsstat3::NFS3ERR_ROFS,
    nfsstat3::NFS3ERR_MLINK,
    nfsstat3::NFS3ERR_NAMETOOLONG,
    nfsstat3::NFS3ERR_NOTEMPTY,
    nfsstat3::NFS3ERR_DQUOT,
    nfsstat3::NFS3ERR_STALE,
    nfsstat3::NFS3ERR_REMOTE,
    nfsstat3::NFS3ERR_BADHANDLE,
    nfsstat3::NFS3ERR_NOT_SYNC,
    nfsstat3::NFS3ERR_BAD_COOKIE,
    nfsstat3::NFS3ERR_NOTSUPP,
    nfsstat3::NFS3ERR_TOOSMALL,
    nfsstat3::NFS3ERR_SERVERFAULT,
    nfsstat3::NFS3ERR_BADTYPE,
    nfsstat3::NFS3ERR_JUKEBOX,
];
