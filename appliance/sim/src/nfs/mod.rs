//! As much of NFSv3 (RFC 1813) and MOUNT as clients and the origin need.

pub(crate) mod rpc;
pub(crate) mod xdr;

use xdr::{Decoder, Encoder};

pub(crate) const NFS: u32 = 100_003;
pub(crate) const MOUNT: u32 = 100_005;

pub(crate) const GETATTR: u32 = 1;
pub(crate) const LOOKUP: u32 = 3;
pub(crate) const ACCESS: u32 = 4;
pub(crate) const READ: u32 = 6;
pub(crate) const WRITE: u32 = 7;
pub(crate) const FSINFO: u32 = 19;
pub(crate) const COMMIT: u32 = 21;

pub(crate) const OK: u32 = 0;
pub(crate) const ERR_IO: u32 = 5;
pub(crate) const ERR_NOENT: u32 = 2;
pub(crate) const ERR_ACCES: u32 = 13;
pub(crate) const ERR_STALE: u32 = 70;
pub(crate) const ERR_SERVERFAULT: u32 = 10_006;
pub(crate) const ERR_JUKEBOX: u32 = 10_008;

/// How stable a WRITE is.
pub(crate) const UNSTABLE: u32 = 0;
pub(crate) const FILE_SYNC: u32 = 2;

/// The directory that is exported.
pub(crate) const EXPORT: &str = "/export";

/// The root's file number; files follow.
pub(crate) const ROOT: u64 = 1;

/// Users of clients: whoever may read everything, and who may not.
pub(crate) const OWNER: u32 = 1000;
pub(crate) const STRANGER: u32 = 2000;

/// The right to read, among those that ACCESS asks about.
pub(crate) const ACCESS_READ: u32 = 1;

/// Whether this user may read this file.
pub(crate) fn may_read(user: u32, file: u64) -> bool {
    user != STRANGER || file.is_multiple_of(2)
}

const FSID: u64 = 0x77;

/// The opaque handle of a file: nothing that could be guessed from its number alone.
pub(crate) fn handle(file: u64) -> Vec<u8> {
    let mut bytes = b"origin's ".to_vec();
    bytes.extend_from_slice(&file.to_be_bytes());
    bytes.extend_from_slice(b"handle");
    bytes
}

/// Whose handle it is.
pub(crate) fn file_of(handle_bytes: &[u8]) -> Option<u64> {
    let number = handle_bytes.get(9..17)?.first_chunk()?;
    let file = u64::from_be_bytes(*number);
    (handle(file) == handle_bytes).then_some(file)
}

/// What a file's attributes tell: `change` is the time of its last change, which differs after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) file: u64,
    pub(crate) size: u64,
    pub(crate) change: u32,
}

impl Attributes {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        let is_directory = self.file == ROOT;
        out.u32(if is_directory { 2 } else { 1 });
        out.u32(if is_directory { 0o755 } else { 0o644 });
        out.u32(1).u32(1000).u32(1000);
        out.u64(self.size).u64(self.size);
        out.u64(0).u64(FSID).u64(self.file);
        for _ in 0..3 {
            self.encode_time(out);
        }
    }

    fn encode_time(&self, out: &mut Encoder) {
        out.u32(1_700_000_000).u32(self.change);
    }

    pub(crate) fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        input.bytes(20)?;
        let size = input.u64()?;
        input.bytes(24)?;
        let file = input.u64()?;
        input.bytes(16)?;
        let (_, change) = (input.u32()?, input.u32()?);
        Some(Self { file, size, change })
    }

    pub(crate) fn encode_post(this: Option<&Self>, out: &mut Encoder) {
        out.u32(u32::from(this.is_some()));
        if let Some(this) = this {
            this.encode(out);
        }
    }

    pub(crate) fn decode_post(input: &mut Decoder<'_>) -> Option<Option<Self>> {
        Some(if input.bool()? {
            Some(Self::decode(input)?)
        } else {
            None
        })
    }
}

/// Weak cache consistency data.
pub(crate) fn encode_wcc(
    before: Option<&Attributes>,
    after: Option<&Attributes>,
    out: &mut Encoder,
) {
    out.u32(u32::from(before.is_some()));
    if let Some(before) = before {
        out.u64(before.size);
        before.encode_time(out);
        before.encode_time(out);
    }
    Attributes::encode_post(after, out);
}

/// The attributes after it.
pub(crate) fn decode_wcc(input: &mut Decoder<'_>) -> Option<Option<Attributes>> {
    if input.bool()? {
        input.bytes(24)?;
    }
    Attributes::decode_post(input)
}
