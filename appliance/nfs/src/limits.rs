//! Bounds on what is accepted from the wire, each with its reason.

/// Longest NFSv3 file handle in bytes: `NFS3_FHSIZE`, RFC 1813 section 2.4.
pub const FILE_HANDLE: usize = 64;

/// Longest file name in bytes. The protocol sets no bound; file systems allow 255 characters,
/// which are up to 1,020 bytes of UTF-8.
pub const NAME: usize = 1024;

/// Longest symbolic link target in bytes. The protocol sets no bound; 4,096 is `PATH_MAX` where
/// it is largest.
pub const PATH: usize = 4096;

/// Longest export path in bytes: `MNTPATHLEN`, RFC 1813 section 5.1.3.
pub const MOUNT_PATH: usize = 1024;

/// Longest host or group name of the MOUNT protocol in bytes: `MNTNAMLEN`, RFC 1813 section 5.1.3.
pub const MOUNT_NAME: usize = 255;

/// Most authentication flavors accepted in a MNT reply. The protocol sets no bound; fewer than
/// a dozen exist.
pub const AUTH_FLAVORS: usize = 32;

/// Longest body of an `opaque_auth` in bytes: RFC 5531 section 8.2.
pub const OPAQUE_AUTH: usize = 400;

/// Longest machine name of an `AUTH_SYS` credential in bytes: RFC 5531 appendix A.
pub const MACHINE_NAME: usize = 255;

/// Most supplementary groups of an `AUTH_SYS` credential: RFC 5531 appendix A.
pub const GROUPS: usize = 16;

/// Longest network id, universal address or owner of rpcbind in bytes. The protocol sets no
/// bound; the longest real value is an IPv6 address with its port, and owners are user names.
pub const RPCBIND_STRING: usize = 256;

/// Default longest record in bytes: the largest READ or WRITE in use (1 MiB) and 4 KiB for the
/// headers and the longest name or path beside it.
pub const RECORD: u32 = (1024 + 4) * 1024;

/// Default limit on fragments per record. Senders cut records at their buffer size, which is
/// 2 KiB in the smallest in use, so 514 fragments make the longest record; the rest of the
/// allowance lets a short call arrive byte by byte. A stream of zero-length fragments ends here.
pub const FRAGMENTS: u32 = 4096;

/// The longest call header: six words, then a credential and a verifier.
const CALL_HEADER: usize = 6 * 4 + 2 * (8 + OPAQUE_AUTH);

// A WRITE of 1 MiB with the longest header, and a RENAME with the longest names, fit a record.
const _: () = assert!(CALL_HEADER + (4 + FILE_HANDLE) + 20 <= RECORD as usize - 1024 * 1024);
const _: () = assert!(CALL_HEADER + 2 * (8 + FILE_HANDLE + NAME) <= RECORD as usize);
const _: () = assert!(RECORD / 2048 < FRAGMENTS);
