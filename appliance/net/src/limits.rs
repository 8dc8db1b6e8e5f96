//! Every bound of the crate, with its reason.

use core::time::Duration;

/// Smallest MTU accepted: what every IPv4 host must take (RFC 791).
pub const MIN_MTU: u16 = 576;

/// Smallest segment size we send, whatever the peer asks for. A peer that asks
/// for one byte a segment would cost us a frame per byte.
pub const MIN_MSS: u16 = 216;

/// Smallest MTU believed of a path, whatever a router says: the smallest of any
/// link in use when RFC 1191 listed them.
pub const MIN_PATH_MTU: u16 = 296;

/// Segment size of a peer that names none (RFC 9293, 3.7.1).
pub const DEFAULT_PEER_MSS: u16 = 536;

/// Largest [`TxFrame::header`](crate::TxFrame::header): an ICMP echo reply of a
/// full Ethernet frame is all header.
pub const MAX_HEADER_BYTES: usize = 1514;

/// Largest TCP frame header: Ethernet 14, IPv4 20, TCP 60.
pub const MAX_TCP_FRAME_HEADER: usize = 94;

/// Most payload pieces of one frame: a TSO frame of 64 KiB over 1 KiB pieces.
pub const MAX_FRAME_PIECES: usize = 64;

/// Most pieces a received frame may consist of: 64 KiB of LRO in 1 KiB buffers.
pub const MAX_RECEIVED_PIECES: usize = 64;

/// Default of [`Limits::connections`](crate::Limits::connections): ten thousand
/// clients, and a margin for those in TIME_WAIT. Each takes 1 KiB from the start.
pub const DEFAULT_CONNECTIONS: usize = 16_384;

/// Default of [`Limits::backlog`](crate::Limits::backlog).
pub const DEFAULT_BACKLOG: usize = 128;

/// Default receive window: 10 Gbit/s at 800 µs of round trip.
pub const DEFAULT_RECEIVE_WINDOW: usize = 1 << 20;

/// Default send queue: enough to keep a 4 MiB peer window full.
pub const DEFAULT_SEND_BUFFER: usize = 4 << 20;

/// Default of received buffers held: eight full windows of 1,448-byte segments.
pub const DEFAULT_RECEIVE_BUFFERS: usize = 8192;

/// Default of neighbours: every client of a /24 and a margin.
pub const DEFAULT_NEIGHBOURS: usize = 512;

/// Default pieces without TSO: some devices take 8 descriptors a segment, of
/// which the header uses one.
pub const DEFAULT_MAX_PIECES: usize = 7;

/// Listening ports: NFS, MOUNT, portmap and room to spare.
pub const MAX_LISTENERS: usize = 16;

/// Control frames (ARP, ICMP, RST) waiting for the sink; more are dropped and
/// counted, as a lossy network might.
pub const MAX_CONTROL_FRAMES: usize = 64;

/// Out-of-order pieces held per connection. A window of 1 MiB is 725 full
/// segments; a peer that sends smaller ones has to repeat them.
pub const MAX_OUT_OF_ORDER_PIECES: usize = 1024;

/// In-order pieces held per connection before the window closes: a peer that
/// sends tiny segments would otherwise hold a buffer for each byte.
pub const MAX_RECEIVE_PIECES: usize = 2048;

/// Pieces in the send queue of a connection: pulling stops there. Bounds the
/// search for a retransmission as well as the memory.
pub const MAX_SEND_PIECES: usize = 8192;

/// Received blocks remembered by when they changed: what a burst may open before
/// its first acknowledgement goes out, as far as they can all be told.
pub const MAX_RECENT_BLOCKS: usize = 16;

/// Larger congestion windows are of no use with windows of 1 GiB (RFC 7323, 2.3).
pub const MAX_CONGESTION_WINDOW: usize = 1 << 30;

/// Transmissions remembered of a connection for selective acknowledgements: a
/// window of 4 MiB is 2,900 segments, and the rest is for those that reports
/// split. Nothing new is sent when there are more.
pub const MAX_TRANSMISSIONS: usize = 8192;

/// Most bytes asked of the source at once: one super-segment.
pub const MAX_PULL: usize = 65_536;

/// Frames one connection may send before the next has its turn.
pub const FRAMES_PER_TURN: usize = 16;

/// Acknowledgements owed for out-of-order arrivals before they are merged: the
/// peer needs three duplicates to start fast retransmit (RFC 5681, 3.2).
pub const MAX_ACKS_OWED: u8 = 8;

/// Initial retransmission time-out (RFC 6298, 2.1).
pub const INITIAL_RTO: Duration = Duration::from_secs(1);

/// Floor of the retransmission time-out. RFC 6298 says one second; 200 ms is
/// what Linux uses, and longer than any peer delays its acknowledgements.
pub const MIN_RTO: Duration = Duration::from_millis(200);

/// Ceiling of the retransmission time-out (RFC 6298, 2.5 allows 60 s and more).
pub const MAX_RTO: Duration = Duration::from_secs(60);

/// Shortest wait for a tail loss probe: on a LAN two round trips are less than
/// what a busy peer takes to be scheduled (Linux: two ticks).
pub const MIN_PROBE_TIMEOUT: Duration = Duration::from_millis(2);

/// How long a peer may delay the acknowledgement of a lone segment (RFC 8985,
/// 7.2 recommends 200 ms; Linux uses its own time-out's floor too).
pub const PEER_DELAYED_ACK: Duration = Duration::from_millis(200);

/// The shortest round trip is measured anew after this time, as a path may
/// change (RFC 8985, 6.2 step 1 leaves the window open; Linux: 300 s).
pub const MIN_ROUND_TRIP_AGE: Duration = Duration::from_secs(300);

/// Retransmissions of a SYN or SYN-ACK: 1+2+4+8+16 s, then 32 s of waiting,
/// which is Linux' patience with a SYN-ACK.
pub const MAX_SYN_RETRANSMITS: u8 = 5;

/// How often the clock in a SYN cookie ticks. A cookie is good for one to two
/// periods: as long as a peer repeats what completes its handshake.
pub const COOKIE_PERIOD: Duration = Duration::from_secs(64);

/// Time-outs in a row without progress before a connection is given up: 162 s
/// from the floor (RFC 9293, 3.8.3: R2 is at least 100 s).
pub const MAX_RETRANSMITS: u8 = 9;

/// How long the MTU that a router told is believed before larger packets are
/// tried again (RFC 1191, 6.3 recommends ten minutes).
pub const PATH_MTU_LIFETIME: Duration = Duration::from_secs(600);

/// Time-outs in a row of a full segment after which the path counts as one that
/// drops large packets without a word (RFC 4821, 7.7: more than one). At 5 % of
/// loss two still happen by chance.
pub const BLACK_HOLE_TIMEOUTS: u8 = 3;

/// How long a path counts as such the first time; doubles each time up to
/// `PATH_MTU_LIFETIME`. Short, as a peer that was away for a moment looks the
/// same.
pub const BLACK_HOLE_PATIENCE: Duration = Duration::from_secs(10);

/// Longest delay of an acknowledgement (RFC 9293 allows 500 ms).
pub const DELAYED_ACK: Duration = Duration::from_millis(40);

/// How long TIME_WAIT lasts: Linux' value, as RFC 9293's four minutes would fill
/// the table. No shorter than `MAX_RTO`, so that a peer like us that missed our
/// last acknowledgement asks before it ends. One that waits longer (Linux: up to
/// 120 s) may get RST for its FIN, when all data has arrived.
pub const TIME_WAIT: Duration = Duration::from_secs(60);

/// How long FIN_WAIT_2 lasts without a segment from the peer: longer than a
/// peer that backs off waits between retransmissions (Linux: 120 s).
pub const FIN_WAIT_2_IDLE: Duration = Duration::from_secs(180);

/// How long a peer may be silent before it is asked whether it is still there.
/// RFC 9293, 3.8.4 wants two hours and the application's consent; but what a
/// vanished peer has not acknowledged pins cache blocks, and an NFS client that
/// is alive answers a probe a minute at no cost worth naming.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Time between two probes of a silent peer: longer than any round trip, and
/// than a server that is busy takes to answer.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Probes without an answer before the peer counts as gone: all six are lost
/// less than once in 10^7 times at 5 % of loss, and a link that flaps has a
/// minute to come back.
pub const KEEPALIVE_PROBES: u8 = 6;

/// Probes sent to the peer of a forgotten connection: with 1 % of loss each way of probe, answer and RST, all
/// are in vain less than once in 10^9 times; one may be spent on asking for the peer's Ethernet address.
pub const FORGOTTEN_PROBES: u32 = 7;

/// Wait between the first two probes of forgotten connections; doubles with every further one, which makes 16 s
/// in all. Longer than an ARP reply takes; from the second on longer than the half second for which Linux does
/// not answer the same connection again.
pub const FORGOTTEN_PROBE_WAIT: Duration = Duration::from_millis(250);

/// Probes sent at once: half of what fits in the queue of control frames, of which each may ask for an address
/// instead.
pub const FORGOTTEN_PROBES_AT_ONCE: usize = 32;

/// Time between two such batches: a thousand connections are probed within a third of a second.
pub const FORGOTTEN_PROBE_PACE: Duration = Duration::from_millis(10);

/// At most one challenge ACK or answer to an unacceptable empty segment per
/// connection in this time (RFC 5961, 7): breaks acknowledgement loops.
pub const CHALLENGE_INTERVAL: Duration = Duration::from_millis(500);

/// A neighbour's address is trusted this long after it was last confirmed.
pub const NEIGHBOUR_LIFETIME: Duration = Duration::from_secs(60);

/// First wait for an ARP reply; doubles with every request.
pub const ARP_RETRY: Duration = Duration::from_millis(500);

/// Requests before a neighbour counts as unreachable.
pub const ARP_REQUESTS: u8 = 4;

/// A neighbour that did not answer is not asked again for this long.
pub const ARP_HOLD_OFF: Duration = Duration::from_secs(2);

const _: () = assert!(MAX_FRAME_PIECES >= DEFAULT_MAX_PIECES);
const _: () = assert!(MIN_RTO.as_millis() > 4 * DELAYED_ACK.as_millis());
const _: () = assert!(TIME_WAIT.as_secs() >= MAX_RTO.as_secs());
const _: () = assert!(FIN_WAIT_2_IDLE.as_secs() > 2 * MAX_RTO.as_secs());
// An answer to any probe shows before the next one is due.
const _: () = assert!(KEEPALIVE_INTERVAL.as_secs() < KEEPALIVE_IDLE.as_secs());
// Headers with timestamps and the smallest segment fit the smallest path.
const _: () = assert!(MIN_PATH_MTU >= MIN_MSS + 52);
const _: () = assert!(FORGOTTEN_PROBES_AT_ONCE <= MAX_CONTROL_FRAMES / 2);
const _: () = assert!(MAX_TCP_FRAME_HEADER < MAX_HEADER_BYTES);
