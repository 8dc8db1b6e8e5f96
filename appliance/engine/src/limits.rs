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
