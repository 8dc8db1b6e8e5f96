//! Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323, 5.4).

use crate::nanos::Nanos;
use core::hash::Hasher;
use core::net::Ipv4Addr;

use siphasher::sip::SipHasher24;

use super::segment::Endpoints;
use super::sequence::Seq;

/// What the hash is for; keeps the two uses independent.
const SEQUENCE_NUMBER: u8 = 1;
const TIMESTAMP: u8 = 2;

/// A hash of the endpoints for one `purpose` that has begun; `syn_cookie` has
/// purposes of its own.
pub(super) fn keyed_hasher(
    secret: &[u8; 16],
    purpose: u8,
    local: Ipv4Addr,
    endpoints: Endpoints,
) -> SipHasher24 {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write_u8(purpose);
    hasher.write_u32(local.to_bits());
    hasher.write_u32(endpoints.remote.to_bits());
    hasher.write_u16(endpoints.remote_port);
    hasher.write_u16(endpoints.local_port);
    hasher
}

fn hash(secret: &[u8; 16], purpose: u8, local: Ipv4Addr, endpoints: Endpoints) -> u32 {
    low_bits(keyed_hasher(secret, purpose, local, endpoints).finish())
}

/// Clocks and numbers are modulo 2^32.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 by definition")]
pub(super) fn low_bits(value: u64) -> u32 {
    value as u32
}

/// ISN = M + F(endpoints, secret), where M ticks every four microseconds.
pub(crate) fn initial_sequence(
    secret: &[u8; 16],
    local: Ipv4Addr,
    endpoints: Endpoints,
    now: Nanos,
) -> Seq {
    let clock = low_bits(now.as_micros() / 4);
    Seq(clock.wrapping_add(hash(secret, SEQUENCE_NUMBER, local, endpoints)))
}

/// What is added to the time to make the timestamp clock of a connection.
pub(crate) fn timestamp_offset(secret: &[u8; 16], local: Ipv4Addr, endpoints: Endpoints) -> u32 {
    hash(secret, TIMESTAMP, local, endpoints)
}
