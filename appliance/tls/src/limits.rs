//! Every bound of the crate, with its reason.

/// Length of a record's header in bytes (RFC 8446 section 5.1).
pub const HEADER: usize = 5;

/// Length of the tag of all three AEADs in bytes.
pub const TAG: usize = 16;

/// Longest content of a record in bytes (RFC 8446 section 5.1).
pub const CONTENT: usize = 1 << 14;

/// What sealing adds to the content: header, content type and tag.
pub const SEALED_OVERHEAD: usize = HEADER + 1 + TAG;

/// Longest record in bytes, header included. RFC 8446 section 5.2 lets the encrypted part be
/// 2^14 + 256 bytes long, but its plaintext 2^14 + 1, and none of the three AEADs adds more than
/// its tag: what is longer is an overflow before or after decryption.
pub const RECORD: usize = CONTENT + SEALED_OVERHEAD;

/// Longest record of a handshake in bytes, header included: in clear or encrypted, RFC 8446 sections
/// 5.1 and 5.2.
pub const HANDSHAKE_RECORD: usize = HEADER + CONTENT + 256;

/// Room that [`crate::Session::open`] needs for the longest record: content and content type.
pub const OPENED: usize = CONTENT + 1;

/// Room in which [`crate::Session::take_control`] can always make progress: the longest control
/// record is a `KeyUpdate` of five bytes.
pub const CONTROL_RECORD: usize = 5 + SEALED_OVERHEAD;

/// Most bytes read in one handshake, and so the most that is buffered for it. The longest real
/// flight is a certificate chain: five RSA-4096 certificates are some 10 KiB.
pub const HANDSHAKE: usize = 32 * 1024;

/// Longest message after the handshake in bytes: a session ticket, in which some servers store
/// the client's certificate chain.
pub const TICKET_MESSAGE: usize = 16 * 1024;

/// Records without data (`KeyUpdate`, tickets, empty records, warnings) a peer may send in a row.
/// Servers send up to eight tickets at the start.
pub const CONTROL_ALLOWANCE: u32 = 32;

/// Data records after which a peer may send one more record without data. A peer set to update
/// its keys every 100 records, for a test, still passes.
pub const DATA_PER_CONTROL: u32 = 16;

/// Records that only control records may use below the AEAD's limit, so that a session whose
/// keys are used up can still update them or say goodbye.
pub const CONTROL_RESERVE: u64 = 4;

/// Most subject alternative names kept of a peer's certificate; one with more is refused, since
/// every one of them is compared with allow-lists.
pub const SUBJECT_ALT_NAMES: usize = 64;

/// Sessions a client configuration remembers for resumption, by server name.
pub const REMEMBERED_SESSIONS: usize = 64;

/// Tickets a server sends after a full handshake: one for the reconnect, one for a second
/// connection of the same client.
pub const TICKETS_SENT: usize = 2;

const _: () = assert!(HANDSHAKE >= HANDSHAKE_RECORD);
const _: () = assert!(OPENED < RECORD);
