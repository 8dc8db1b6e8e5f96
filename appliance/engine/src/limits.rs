//! Every bound of the crate, with its reason.

use core::time::Duration;

/// Stalled sessions looked at again in one turn, so that a turn stays short
/// however many clients wait for a free block.
pub const STALLED_PER_TURN: usize = 64;

/// Bytes a client must acknowledge of the replies that wait for it to count as
/// making progress, or all if there are fewer: with a byte a minute it would hold
/// a reply for years.
pub const PROGRESS_BYTES: u64 = 64 * 1024;

/// Time between two looks at all clients for those that make no progress. To look
/// at one takes some tens of nanoseconds.
pub const STALL_SWEEP: Duration = Duration::from_secs(1);

/// Ports of an engine: one for clients and one for the origin.
pub const MAX_PORTS: usize = 2;

/// Source ports toward the origin when it insists on reserved ones (below 1024;
/// the lower half is left to services).
pub const RESERVED_SOURCE_PORTS: core::ops::RangeInclusive<u16> = 512..=1023;

/// Source ports otherwise (RFC 6335, dynamic ports).
pub const DYNAMIC_SOURCE_PORTS: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// Bytes before the first TLS record of a slot: they put its ciphertext, which begins after a
/// header of 5, on a cache line. Ciphers store faster there, and so does whoever copies
/// from there.
pub const SLOT_HEADROOM: usize = 59;

/// Bytes of a slot of transmit memory: the headroom and the longest record, in whole
/// cache lines.
pub const SLOT_SIZE: usize = (SLOT_HEADROOM + tls::limits::RECORD).next_multiple_of(64);

/// Slots that only handshakes, alerts and key updates may take, so that connections that
/// do not read what they asked for cannot keep others from coming or going.
pub const SLOTS_RESERVED: usize = 16;

/// Time after which a connection that found no free slot looks again.
pub const SLOT_RETRY: core::time::Duration = core::time::Duration::from_millis(1);

/// Handshakes under way at a time. Each holds some 40 KiB for as long as it takes; more
/// wait with their first bytes unread, in the order in which they came.
pub const HANDSHAKES: usize = 256;

/// Steps of handshakes in one turn. The longest, a signature, takes a tenth of a
/// millisecond with ECDSA and one with RSA: for so long everybody else waits.
pub const HANDSHAKE_STEPS_PER_TURN: usize = 1;

/// How long setting up TLS may take, waiting included: longer than several round trips
/// with losses, and than a thousand handshakes before this one.
pub const HANDSHAKE_TIME: core::time::Duration = core::time::Duration::from_secs(20);

/// Time between two looks at all connections for those that take too long to set up TLS.
pub const HANDSHAKE_SWEEP: core::time::Duration = core::time::Duration::from_secs(1);

/// Sessions held against new rules in one turn. To verify a certificate takes some tenths of a millisecond,
/// for which everybody else waits; a thousand sessions are judged within a second.
pub const JUDGEMENTS_PER_TURN: usize = 1;

/// Places looked at in one turn for such sessions. To look at one takes some tens of nanoseconds.
pub const JUDGEMENT_SLOTS_PER_TURN: usize = 1024;

/// Security decisions kept until they are logged; when they come faster they are counted.
pub const AUDIT_QUEUE: usize = 256;
