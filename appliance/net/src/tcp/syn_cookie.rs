//! SYN cookies (RFC 4987, 3.6): what must be known of a SYN to open its
//! connection, kept in the answer instead of in memory. The peer brings it back
//! in its acknowledgement.
//!
//! The sequence number holds the segment size, a coarse clock and a keyed hash
//! that only we can make; the low bits of our timestamp hold the window scale
//! and the permission of selective acknowledgements. A peer without timestamps
//! gets neither of these.

use crate::nanos::Nanos;
use core::hash::Hasher;
use core::net::Ipv4Addr;

use super::isn::{keyed_hasher, low_bits, timestamp_offset};
use super::options::{Options, Timestamps};
use super::segment::{Endpoints, Segment};
use super::sequence::Seq;
use crate::limits::{COOKIE_PERIOD, DEFAULT_PEER_MSS, MIN_MSS};

/// What the hash is for; see `isn`.
const CONSTANT_PART: u8 = 3;
const TIMED_PART: u8 = 4;

/// Segment sizes a cookie can hold, which are those of common links; anything
/// else is rounded down.
const SEGMENT_SIZES: [u16; 8] = [MIN_MSS, 536, 1220, 1360, 1440, 1460, 4312, 8960];

/// Bits of the sequence number below the clock.
const HASH_BITS: u32 = 24;
const HASH_MASK: u32 = (1 << HASH_BITS) - 1;
const CLOCK_MASK: u32 = u32::MAX >> HASH_BITS;

/// Clock periods after which a cookie is refused.
const MAX_AGE: u32 = 1;

/// Low bits of the timestamp: four of window scale, one of permission.
const TIMESTAMP_BITS: u32 = 5;
const TIMESTAMP_MASK: u32 = (1 << TIMESTAMP_BITS) - 1;
const SCALE_MASK: u8 = 0xf;
const NO_SCALE: u8 = 0xf;
const SACK_PERMITTED: u32 = 0x10;

/// Makes and checks the cookies of one stack.
#[derive(Clone, Copy)]
pub(crate) struct SynCookies<'a> {
    pub secret: &'a [u8; 16],
    pub local: Ipv4Addr,
    pub now: Nanos,
}

impl SynCookies<'_> {
    /// The sequence number of the answer to `syn`.
    pub(crate) fn sequence(&self, syn: &Segment) -> Seq {
        let mss = syn.options.mss.unwrap_or(DEFAULT_PEER_MSS);
        let larger = SEGMENT_SIZES.iter().skip(1).filter(|size| **size <= mss);
        let index = u32::try_from(larger.count()).unwrap_or(0);
        let clock = self.clock();
        let timed = self.timed_part(syn.endpoints, clock).wrapping_add(index) & HASH_MASK;
        Seq(self
            .constant_part(syn.endpoints, syn.seq)
            .wrapping_add(clock << HASH_BITS)
            .wrapping_add(timed))
    }

    /// The segment size in the cookie that `acknowledgement` brings back, if it is
    /// one of ours and not too old.
    fn segment_size(&self, acknowledgement: &Segment) -> Option<u16> {
        let endpoints = acknowledgement.endpoints;
        let cookie = acknowledgement.ack.preceding();
        let peer = acknowledgement.seq.preceding();
        let rest = cookie.0.wrapping_sub(self.constant_part(endpoints, peer));
        let clock = self.clock();
        let age = clock.wrapping_sub(rest >> HASH_BITS) & CLOCK_MASK;
        if age > MAX_AGE {
            return None;
        }
        let timed = self.timed_part(endpoints, clock.wrapping_sub(age));
        let index = rest.wrapping_sub(timed) & HASH_MASK;
        SEGMENT_SIZES.get(usize::try_from(index).ok()?).copied()
    }

    /// The SYN that `acknowledgement` completes the handshake of, as far as it
    /// was kept; `None` when we sent no such cookie.
    pub(crate) fn recall(&self, acknowledgement: &Segment) -> Option<Segment> {
        let mss = self.segment_size(acknowledgement)?;
        let mut options = Options {
            mss: Some(mss),
            ..Options::default()
        };
        if let Some(timestamps) = acknowledgement.options.timestamps {
            let offset = self.offset(acknowledgement.endpoints);
            let kept = timestamps.echo.wrapping_sub(offset) & TIMESTAMP_MASK;
            let [low, ..] = kept.to_le_bytes();
            options.timestamps = Some(timestamps);
            options.window_scale = Some(low & SCALE_MASK).filter(|scale| *scale != NO_SCALE);
            options.sack_permitted = kept & SACK_PERMITTED != 0;
        }
        Some(Segment {
            seq: acknowledgement.seq.preceding(),
            options,
            len: 0,
            ..*acknowledgement
        })
    }

    /// The options of the answer to `syn`; `mss` and `window_scale` are ours.
    pub(crate) fn options(&self, syn: &Segment, mss: u16, window_scale: u8) -> Options {
        let Some(theirs) = syn.options.timestamps else {
            return Options {
                mss: Some(mss),
                ..Options::default()
            };
        };
        Options {
            mss: Some(mss),
            window_scale: syn.options.window_scale.map(|_| window_scale),
            timestamps: Some(Timestamps {
                value: self.timestamp(syn),
                echo: theirs.value,
            }),
            sack_permitted: syn.options.sack_permitted,
            ..Options::default()
        }
    }

    /// The connection's clock with the low bits replaced, and never ahead of it.
    fn timestamp(&self, syn: &Segment) -> u32 {
        let scale = u32::from(syn.options.window_scale.unwrap_or(NO_SCALE));
        let permitted = if syn.options.sack_permitted {
            SACK_PERMITTED
        } else {
            0
        };
        let clock = low_bits(self.now.as_millis());
        let kept = clock & !TIMESTAMP_MASK | scale | permitted;
        let behind = if kept > clock { TIMESTAMP_MASK + 1 } else { 0 };
        self.offset(syn.endpoints)
            .wrapping_add(kept)
            .wrapping_sub(behind)
    }

    fn offset(&self, endpoints: Endpoints) -> u32 {
        timestamp_offset(self.secret, self.local, endpoints)
    }

    fn clock(&self) -> u32 {
        low_bits(self.now.as_secs() / COOKIE_PERIOD.as_secs())
    }

    /// With the peer's number added our numbers grow whenever the peer's do.
    fn constant_part(&self, endpoints: Endpoints, peer: Seq) -> u32 {
        let hasher = keyed_hasher(self.secret, CONSTANT_PART, self.local, endpoints);
        low_bits(hasher.finish()).wrapping_add(peer.0)
    }

    fn timed_part(&self, endpoints: Endpoints, clock: u32) -> u32 {
        let mut hasher = keyed_hasher(self.secret, TIMED_PART, self.local, endpoints);
        hasher.write_u32(clock & CLOCK_MASK);
        low_bits(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::{SEGMENT_SIZES, SynCookies};
    use crate::nanos::Nanos;
    use crate::tcp::options::{Options, Timestamps};
    use crate::tcp::segment::{Endpoints, Segment};
    use crate::tcp::sequence::Seq;
    use crate::wire::tcp::Flags;
    use core::net::Ipv4Addr;
    use proptest::prelude::*;

    const ENDPOINTS: Endpoints = Endpoints {
        remote: Ipv4Addr::new(10, 0, 0, 2),
        remote_port: 700,
        local_port: 2049,
    };

    fn cookies(now: Nanos) -> SynCookies<'static> {
        SynCookies {
            secret: &[9; 16],
            local: Ipv4Addr::new(10, 0, 0, 1),
            now,
        }
    }

    fn segment(seq: u32, ack: u32, options: Options) -> Segment {
        Segment {
            endpoints: ENDPOINTS,
            seq: Seq(seq),
            ack: Seq(ack),
            flags: Flags::ACK,
            window: 1000,
            options,
            len: 0,
        }
    }

    proptest! {
        #[test]
        fn what_a_cookie_keeps_comes_back(
            seq in any::<u32>(),
            mss in 216_u16..10_000,
            window_scale in proptest::option::of(0_u8..15),
            sack_permitted in any::<bool>(),
            has_timestamps in any::<bool>(),
            millis in 0_u64..1 << 40,
            later in 0_u64..64_000,
        ) {
            let timestamps = has_timestamps.then_some(Timestamps { value: 5, echo: 0 });
            let mss_option = Some(mss);
            let options = Options {
                mss: mss_option, window_scale, timestamps, sack_permitted, ..Options::default()
            };
            let syn = segment(seq, 0, options);
            let sent = cookies(Nanos::from_millis(millis));
            let answer = sent.options(&syn, 1460, 5);
            let echo = answer.timestamps.map(|ours| Timestamps { value: 6, echo: ours.value });
            let cookie = sent.sequence(&syn).0;
            let back = segment(
                seq.wrapping_add(1),
                cookie.wrapping_add(1),
                Options { timestamps: echo, ..Options::default() },
            );
            let received = cookies(Nanos::from_millis(millis + later));
            let recalled = received.recall(&back).unwrap();
            prop_assert_eq!(recalled.seq.0, seq);
            let kept = recalled.options;
            let rounded = SEGMENT_SIZES.into_iter().rfind(|size| *size <= mss);
            prop_assert_eq!(kept.mss, rounded);
            prop_assert_eq!(kept.window_scale, window_scale.filter(|_| has_timestamps));
            prop_assert_eq!(kept.sack_permitted, sack_permitted && has_timestamps);
            prop_assert_eq!(kept.timestamps, echo);
        }

        #[test]
        fn a_number_we_did_not_send_is_no_cookie(
            seq in any::<u32>(),
            ack in any::<u32>(),
            secs in 0_u64..1 << 30,
        ) {
            // One in 2^28 would be.
            let back = segment(seq, ack, Options::default());
            prop_assert!(cookies(Nanos::from_secs(secs)).recall(&back).is_none());
        }
    }

    #[test]
    fn a_cookie_is_good_for_one_to_two_periods() {
        let syn = segment(77, 0, Options::default());
        let cookie = cookies(Nanos::from_secs(64)).sequence(&syn).0;
        let back = segment(78, cookie.wrapping_add(1), Options::default());
        let recalled = |secs| cookies(Nanos::from_secs(secs)).recall(&back).is_some();
        assert!(recalled(64) && recalled(191));
        assert!(!recalled(192) && !recalled(63));
    }

    #[test]
    fn a_cookie_belongs_to_its_endpoints_and_the_peers_number() {
        let now = Nanos::from_secs(1000);
        let syn = segment(77, 0, Options::default());
        let cookie = cookies(now).sequence(&syn).0;
        let mut back = segment(79, cookie.wrapping_add(1), Options::default());
        assert!(
            cookies(now)
                .recall(&back)
                .is_none_or(|syn| syn.seq != Seq(77))
        );
        back.seq = Seq(78);
        assert!(cookies(now).recall(&back).is_some());
        back.endpoints.remote_port = 701;
        assert!(cookies(now).recall(&back).is_none());
    }
}
