//! Every bound of the control side, each with its reason.

use core::ops::RangeInclusive;
use core::time::Duration;

/// An engine has its clients' port and its origin's, which may be one.
pub const PORTS_MAX: usize = 2;

/// One engine works end to end in this version.
pub const CORES_MAX: usize = 1;

/// One receive and one transmit queue per port: there is one engine, and a queue belongs to one engine.
pub const QUEUES_MAX: u16 = 1;

/// Exports are searched linearly when a client mounts.
pub const EXPORTS_MAX: usize = 64;

/// Allow-lists are searched linearly when a client connects.
pub const CLIENT_NETWORKS_MAX: usize = 64;

/// Origin connections per engine: reserved source ports (512..1024) are shared with everything else a
/// site runs from behind one address, so an appliance takes few of them; no more than the gateway keeps.
pub const ORIGIN_CONNECTIONS: RangeInclusive<u16> = 1..=16;
const _: () =
    assert!(*ORIGIN_CONNECTIONS.end() as usize <= gateway::limits::ORIGIN_CONNECTIONS_MAX);

/// Below 576 no IPv4 host is obliged to live (RFC 791); 9,216 is the usual ceiling of jumbo frames and
/// below what every driver in use accepts (virtio-user takes frames of up to 9,728 bytes).
pub const MTU: RangeInclusive<u16> = 576..=9216;

/// Ring sizes drivers accept. Fewer than 64 cannot hold one burst and its acknowledgements; more than
/// 16,384 could take the frame of 32,767 segments that is offered to virtio to make it reclaim, and that
/// must never fit.
pub const DESCRIPTORS: RangeInclusive<u16> = 64..=16_384;

/// A prefix shorter than /8 is no link; /32 has no neighbour (RFC 3021 makes /31 usable).
pub const LINK_PREFIX: RangeInclusive<u8> = 8..=31;

/// 4 KiB is the smallest page; 1 MiB the largest READ or WRITE NFS clients ask for.
pub const BLOCK_KIB: RangeInclusive<u32> = 4..=1024;

/// 1 TiB: keeps every product of sizes far inside 64 bits.
pub const SIZE_MIB: RangeInclusive<u32> = 1..=1 << 20;

/// Fewer blocks than this and a handful of calls in flight pins the whole cache.
pub const CACHE_BLOCKS_MIN: usize = 64;

/// Client connections: fewer than 16 is no service; each has its places in
/// tables made at start.
pub const CLIENT_CONNECTIONS: RangeInclusive<u64> = 16..=1 << 20;

/// Recorded replies: more than there are calls in flight, and at most 600 MiB.
pub const DUPLICATES: RangeInclusive<u64> = 2048..=1 << 20;

/// Patience with clients, in seconds: a second is what a busy client may take, and a day is for ever.
pub const CLIENT_SECONDS: RangeInclusive<u64> = 5..=86_400;

/// Connections in TCP's table beyond the clients': half open, closing, and the origin's.
pub const SPARE_CONNECTIONS: usize = 1024;

/// MNTPATHLEN (RFC 1813, section 5.1.4).
pub const EXPORT_PATH_BYTES_MAX: usize = 1024;

/// Less than a second is what a busy origin takes; who would wait for more than a day waits for ever.
pub const GIVE_UP_SECONDS: RangeInclusive<u32> = 1..=86_400;

/// Users and groups that nobody is turned into by mistake: not root, and not the number that stands for none.
pub const ANONYMOUS_IDS: RangeInclusive<u32> = 1..=u32::MAX - 1;

/// PATH_MAX without its terminating zero.
pub const PATH_BYTES_MAX: usize = 4095;

/// Rules about certificates are compared one by one with every name of a client's certificate.
pub const CERTIFICATE_RULES_MAX: usize = 64;

/// Ranges of users are searched linearly in every call.
pub const UID_RANGES_MAX: usize = 64;

/// Below 64 records renewing keys would be most of what a connection does; above 2^23 the half of what the
/// AEAD allows comes first.
pub const REKEY_AFTER: RangeInclusive<u64> = 64..=1 << 23;

/// 4 MiB are some 240 records, of which handshakes keep 16; 16 GiB a million, as many connections as there
/// can be.
pub const RECORD_MEMORY_MIB: RangeInclusive<u32> = 4..=1 << 14;

/// A PEM file of this size holds ten thousand certificates; bounds what is read into memory. Revocation
/// lists of large CAs have some megabytes.
pub const PEM_FILE_BYTES_MAX: u64 = 32 << 20;

/// How often certificates, keys and lists are looked at. They are read when they have not changed for this
/// long, so that a certificate and its key are not caught between the two.
pub const TRUST_POLL: Duration = Duration::from_secs(1);

/// `sun_path` holds 108 bytes with its terminating zero.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// EAL arguments are copied into fixed buffers of its parsers; also what fits on one log line.
pub const DEVICE_BYTES_MAX: usize = 512;

/// Port names appear in logs and errors.
pub const PORT_NAME_BYTES_MAX: usize = 32;

/// EAL appends its own names to the prefix; NAME_MAX is 255.
pub const FILE_PREFIX_BYTES_MAX: usize = 64;

/// A configuration of this size is not a configuration; bounds what is read into memory.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1 << 20;

/// What EAL itself and the rings take besides cache and packet pools.
pub const EAL_BASE_MIB: u32 = 64;

/// Packet buffers of one port beyond those its descriptors hold: frames waiting in reassembly, headers
/// and external-buffer mbufs of everything unacknowledged.
pub const PORT_POOL_MIB: u32 = 32;

/// The longest request line of the control socket is `stats` and its line end; room for more verbs.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 64;

/// Far above the snapshot's size; bounds what `wirepage stats` reads from whatever listens there.
pub const CONTROL_REPLY_BYTES_MAX: usize = 64 * 1024;

/// How long one control connection may take to send its line and to take its answer. Connections are
/// served one after the other, so this also bounds how long one can hold up the next.
pub const CONTROL_CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the control thread waits for the engine's snapshot. An engine turns at least once per
/// [`IDLE_SLEEP_MAX`]; this is for a machine whose cores are shared.
pub const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long `wirepage stats` waits: one connection ahead of it, then its own snapshot.
pub const STATS_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of earlier runs that are remembered: as many as the tables of all ports hold.
pub const FORGOTTEN_CONNECTIONS_MAX: usize = PORTS_MAX * net::limits::DEFAULT_CONNECTIONS;

/// Time without work during which an adaptive engine keeps polling at full speed: a reply from a peer in
/// the same rack arrives within it.
pub const IDLE_SPIN: Duration = Duration::from_micros(50);

/// Time without work during which it then offers its core to others between two polls.
pub const IDLE_YIELD: Duration = Duration::from_micros(150);

/// The shortest sleep worth a system call (Linux adds its timer slack of 50 µs).
pub const IDLE_SLEEP_MIN: Duration = Duration::from_micros(20);

/// The longest sleep in a lull: what a request waits at most before it is seen.
pub const IDLE_LULL_SLEEP_MAX: Duration = Duration::from_millis(1);

/// Time without work that is no lull any more: nobody is there.
pub const IDLE_LULL: Duration = Duration::from_secs(1);

/// The longest sleep of all. What an appliance takes of its core with nothing to do is waking up.
pub const IDLE_SLEEP_MAX: Duration = Duration::from_millis(2);

const _: () = assert!(IDLE_SPIN.as_nanos() < IDLE_YIELD.as_nanos());
const _: () = assert!(IDLE_SLEEP_MIN.as_nanos() < IDLE_LULL_SLEEP_MAX.as_nanos());
const _: () = assert!(IDLE_LULL_SLEEP_MAX.as_nanos() <= IDLE_SLEEP_MAX.as_nanos());
const _: () = assert!(
    STATS_TIMEOUT.as_nanos() > CONTROL_CONNECTION_TIMEOUT.as_nanos() + SNAPSHOT_TIMEOUT.as_nanos()
);

/// Frames taken from a receive queue in one turn, as DPDK's own examples do: what a
/// driver handles per call without waste, and short enough for an even turn.
pub const RX_BURST: u16 = 32;

/// Frames handed to a transmit queue at once.
pub const TX_BURST: u16 = 32;

/// Transmit mbufs of a port beyond those its ring holds: batches on their way, and
/// frames that lazy drivers have sent and not yet given back.
pub const SPARE_TX_MBUFS: usize = 4096;

/// File bytes in the first frame: with its 14 bytes of header the shortest that
/// Ethernet takes without padding.
pub const CANARY_BYTES: usize = 46;

/// EtherType of the first frame: IEEE 802's first value for local experiments, which
/// no station answers.
pub const CANARY_ETHER_TYPE: u16 = 0x88b5;

/// How long the first frame may take: a backend that is starting forwards within
/// seconds.
pub const CANARY_TIMEOUT: Duration = Duration::from_secs(20);

/// How often links are looked at. A returning vhost-user backend is taken up then.
pub const LINK_POLL: Duration = Duration::from_millis(500);

/// How long a drain waits for calls in flight; what is left then is abandoned.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the wire may take to let go of blocks after the drain, before the ports
/// are closed.
pub const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
