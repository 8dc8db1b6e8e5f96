//! Every bound of the gateway, with its reason. Full means back-pressure or a counted drop, never growth.

use core::time::Duration;

use nfs::record::MARK_LEN;

/// A small buffer holds any call or reply head: mark 4 + header 24 + credential 408 + verifier 408 +
/// handle 68 + 20 = 932 bytes at most, and a MNT call with the longest path (1,024) too.
pub const SMALL_META_LEN: usize = 2048;

/// Large buffers continue long metadata messages; 64 KiB so that the longest one has few pieces.
pub const LARGE_META_LEN: usize = 64 * 1024;

/// Longest reply that is not file data: a client may ask READDIRPLUS for as much as 1 MiB.
pub const METADATA_REPLY_MAX: usize = 1024 * 1024 + RECORD_HEAD_MAX;

/// Room for everything of a record that is not its bulk (headers, credential, arguments).
pub const RECORD_HEAD_MAX: usize = 4096;

/// Longest call that is not a WRITE. The longest legal one is NFSACL SETACL: two lists of 1,024 entries of
/// 12 bytes are 24 KiB.
pub const METADATA_CALL_MAX: usize = 32 * 1024;

/// Pieces of the longest metadata message: one small buffer and the large ones after it.
pub const META_PIECES_MAX: usize = METADATA_REPLY_MAX.div_ceil(LARGE_META_LEN) + 1;

/// Pieces of the longest call that is gathered whole: one small buffer and one large one.
pub const CALL_PIECES_MAX: usize = 2;

/// Bytes of a WRITE that tell it from another with the same xid, if its head is not longer: the head and
/// the first of the data. All bytes of other calls that lie in their first buffer do.
pub const CHECKSUM_LEN: usize = 256;

/// Bytes looked at in one step while the head of a message is incomplete: beyond it file data would be
/// copied twice, and most heads are shorter. What a WRITE is recognised by comes in one step.
pub const HEAD_STEP: usize = CHECKSUM_LEN + MARK_LEN;

/// Longest reply that is remembered in case its call comes again. The longest of a call that is remembered,
/// CREATE's, is mark 4 + header 24 + status 4 + handle 72 + attributes 88 + wcc data 116 = 308 bytes when
/// the origin sends no verifier; an origin that does goes without.
pub const DUPLICATE_REPLY_MAX: usize = 384;

/// How long a reply is remembered: longer than clients wait before they ask again (60 s with Linux over
/// TCP), and much shorter than xids take to come round.
pub const DUPLICATE_LIFETIME: Duration = Duration::from_secs(120);

/// Answered calls that are looked at for one of a client that has more than its equal share of the table.
pub const DUPLICATE_LOOK: usize = 16;

/// Fragments of one record: legal peers send a handful, one-byte fragments of a head are legal too; a
/// stream of empty ones is an attack on the CPU.
pub const FRAGMENTS_PER_RECORD_MAX: usize = 65_536;

/// Steps of a file's own changes that are not linked up yet. Replies come out of order by no more than
/// what is in flight, which for one file is rarely more than one client's calls.
pub const BURST_STEPS_MAX: usize = 128;

/// Ended bursts kept for reuse: files that are written to at the same time.
pub const SPARE_BURSTS: usize = 64;

/// Blocks one READ may touch: 1 MiB in blocks of 64 KiB is 16, and one more when it is not aligned. With
/// smaller blocks READs are smaller.
pub const READ_PIECES_MAX: usize = 17;

/// Small buffers left alone by what can wait, so that replies of the origin can always be read.
pub const SMALL_BUFFERS_RESERVED: usize = 64;

/// Most connections to the origin; each has a reader with a small buffer of the reserve.
pub const ORIGIN_CONNECTIONS_MAX: usize = 16;

/// Largest READ and WRITE a configuration may ask for; Linux itself stops at 1 MiB.
pub const MAX_IO_BOUND: u32 = 1024 * 1024;

/// Preferred READDIR size told to clients: one large buffer a reply.
pub const DIRECTORY_PREFERRED: u32 = 64 * 1024;

/// How long an origin may take to say whether it speaks TLS: longer than a server that is busy takes.
pub const PROBE_PATIENCE: Duration = Duration::from_secs(20);

/// Time before a lost connection to the origin is opened again; doubles with every failure.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(200);

/// Longest time between attempts to reach the origin.
pub const RECONNECT_MAX: Duration = Duration::from_secs(10);

/// Time after which a call without an answer is sent again, on a new connection: what Linux waits over TCP.
/// It doubles with each time the call is not answered, so that an origin that needs long for something gets
/// it done.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

/// Longest time an answer is waited for on one connection.
pub const ANSWER_PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// Overdue calls are looked for so many times in [`ANSWER_PATIENCE`]; looking through all calls is rare.
pub const OVERDUE_SWEEPS: u32 = 8;

/// Replies in a row that match no call, after which a connection is closed: no server that is well sends
/// even one.
pub const STRAY_REPLIES_MAX: u32 = 16;

/// Connections with a call on them that the origin may make unreadable before the call is answered with an
/// error: its reply may be what cannot be read, and would hold up all others for ever.
pub const BROKEN_CONNECTIONS_PER_CALL: u32 = 3;

/// The MOUNT connection is closed when it was idle for so long; servers expect it to be short-lived.
pub const SERVICE_IDLE: Duration = Duration::from_secs(30);

/// Time between two looks at all clients for those that are idle or slow. To look at one takes some tens
/// of nanoseconds, so at 10,000 of them a thousandth of the time.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How long whoever holds something may make no progress while others cannot go on for lack of it. A peer
/// that is there and a path that works do something within this time, five time-outs of TCP in a row
/// included; whoever loses its connection here repeats its calls on another.
pub const PRESSED_PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may be idle while clients find no place for their only one. A client that is sent
/// away has no call under way, and comes back when it has.
pub const CROWDED_IDLE: Duration = Duration::from_secs(30);

/// Calls that wait for room and are tried again in one step. Whatever happens is such a step, and may have
/// made room for one or two.
pub const RESUMED_PER_STEP: usize = 16;

/// Calls that have waited too long are looked for so many times in the shortest time any may wait: they are
/// answered at most an eighth of it late.
pub const GIVE_UP_SWEEPS: u32 = 8;

/// Time before what waits for blocks or buffers looks again: wire references go without a word.
pub const RESUME_INTERVAL: Duration = Duration::from_millis(1);

/// The bounds that depend on the size of the appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections. Each costs a record reader and a half-read call.
    pub clients: usize,
    /// Time without a call after which a client's connection is closed, so that machines that are gone
    /// hold no places. Clients that are there have closed idle connections before (Linux after 5
    /// minutes), and connect again when they need to.
    pub client_idle: Duration,
    /// Time that the rest of a call may take without any of it coming. TCP repeats a lost segment within
    /// a few seconds, so after this the client is gone or means harm.
    pub record_silence: Duration,
    /// Time that a call may take to arrive whole, not counting what it is held back by us: the longest one
    /// at the speed of a modem. What comes byte by byte ends here.
    pub record_time: Duration,
    /// Time that a client may acknowledge nothing of the replies that wait for it. TCP gives up a peer
    /// that does not answer after 162 s; this is for the one that answers and takes nothing. It must be
    /// longer than the pauses of a client that is busy.
    pub reply_stall: Duration,
    /// Calls of one client (address) from being read to the reply having been acknowledged. Linux has up
    /// to 128 a connection, and up to 16 connections a mount.
    pub calls_per_client: usize,
    /// Calls of all clients.
    pub calls: usize,
    /// Cache bytes the calls of one client (address) may pin, in bytes, at most. `None`: a quarter of the
    /// cache.
    pub pinned_per_client: Option<usize>,
    /// Cache bytes all calls together may pin. `None`: three quarters of the cache, so that there are
    /// always blocks that can be evicted, or wait for the wire to let go of them.
    pub pinned: Option<usize>,
    /// Handles whose export is remembered; a forgotten one costs a GETATTR.
    pub handles: usize,
    /// Files whose attributes and blocks are remembered.
    pub files: usize,
    /// ACCESS verdicts remembered; a forgotten one costs an ACCESS.
    pub verdicts: usize,
    /// Entries of the list DUMP answers with; MOUNT's bookkeeping is a courtesy (RFC 1813, appendix I).
    pub mounts: usize,
    /// Calls remembered because they must not be executed twice, those in progress included; at least
    /// one more than `calls`. Each takes some 600 bytes. When they are more than this in
    /// [`DUPLICATE_LIFETIME`], the oldest replies are forgotten sooner.
    pub duplicates: usize,
    /// Small buffers. A call in flight holds two at most (itself and its reply).
    pub small_buffers: usize,
    /// Large buffers.
    pub large_buffers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 4096,
            client_idle: Duration::from_secs(600),
            record_silence: Duration::from_secs(30),
            record_time: Duration::from_secs(120),
            reply_stall: Duration::from_secs(60),
            calls_per_client: 512,
            calls: 1024,
            pinned_per_client: None,
            pinned: None,
            handles: 131_072,
            files: 32_768,
            verdicts: 16_384,
            mounts: 256,
            duplicates: 16_384,
            small_buffers: 8192,
            large_buffers: 128,
        }
    }
}

const _: () = assert!(ORIGIN_CONNECTIONS_MAX + 2 <= SMALL_BUFFERS_RESERVED);
const _: () = assert!(METADATA_CALL_MAX <= (CALL_PIECES_MAX - 1) * LARGE_META_LEN);
