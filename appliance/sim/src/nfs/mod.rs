//! As much of NFSv3 (RFC 1813) and MOUNT as clients and the origin need.

pub(crate) mod rpc;
pub(crate) mod xdr;

use xdr::{Decoder, Encoder};

pub(crate) const NFS: u32 = 100_003;
pub(crate) const MOUNT: u32 = 100_005;

pub(crate) const GETATTR: u32 = 1;
pub(crate) const SETATTR: u32 = 2;
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

/// Whether everybody may read this file at the start.
pub(crate) fn is_public(file: u64) -> bool {
    file.is_multiple_of(2)
}

/// What SETATTR is to change. `token` tells one SETATTR from any other; it is sent as the time of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) token: u32,
    pub(crate) size: Option<u64>,
    /// Whether everybody may read the file.
    pub(crate) public: Option<bool>,
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o640;

impl Setting {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.u32(u32::from(self.public.is_some()));
        if let Some(public) = self.public {
            out.u32(if public { PUBLIC } else { PRIVATE });
        }
        // No owner and no group.
        out.u32(0).u32(0);
        out.u32(u32::from(self.size.is_some()));
        if let Some(size) = self.size {
            out.u64(size);
        }
        // The time of the last access is left as it is, that of the last change comes from the client.
        out.u32(0).u32(2).u32(self.token).u32(0);
        // Whatever the file has become since.
        out.u32(0);
    }

    pub(crate) fn decode(input: &mut Decoder<'_>) -> Option<Self> {
        let public = match input.bool()? {
            true => Some(input.u32()? == PUBLIC),
            false => None,
        };
        input.bytes(8)?;
        let size = match input.bool()? {
            true => Some(input.u64()?),
            false => None,
        };
        input.bytes(8)?;
        let token = input.u32()?;
        input.bytes(8)?;
        input.end()?;
        Some(Self {
            token,
            size,
            public,
        })
    }
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
    /// Whether everybody may read it.
    pub(crate) public: bool,
}

impl Attributes {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        let is_directory = self.file == ROOT;
        out.u32(if is_directory { 2 } else { 1 });
        out.u32(match (is_directory, self.public) {
            (true, _) => 0o755,
            (false, true) => PUBLIC,
            (false, false) => PRIVATE,
        });
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
        input.u32()?;
        let public = input.u32()? != PRIVATE;
        input.bytes(12)?;
        let size = input.u64()?;
        input.bytes(24)?;
        let file = input.u64()?;
        input.bytes(16)?;
        let (_, change) = (input.u32()?, input.u32()?);
        Some(Self {
            file,
            size,
            change,
            public,
        })
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
