//! What others do to segments on their way, sums included: boxes that cut them anew, and whoever would like TLS to
//! believe what its peer did not say.

use super::frame::{self, segment};
use crate::options::Options;
use crate::random::Random;

/// NFS, which is what TLS protects; portmap and MOUNT go in clear.
const PORT: u16 = 2049;

/// The first byte of a record of RPC that goes in clear: the probe for TLS, and the answer to it.
const LAST_FRAGMENT: u8 = 0x80;

/// Two segments in the place of one, now and then: they have some bytes in common, and either comes first.
pub(super) fn recut(frame: Vec<u8>, random: &mut Random, options: &Options) -> Vec<Vec<u8>> {
    let len = segment(&frame).map_or(0, |segment| segment.payload.len());
    // The rest of a cut probe, sent alone, would look like TLS to `forge`.
    let is_probe = options.forgeries > 0 && is_clear(&frame);
    if len < 2 || is_probe || !random.chance(options.recuts) {
        return vec![frame];
    }
    let (one, other) = (random.index(len), 1 + random.index(len));
    let parts = [0..one.max(other), one.min(other)..len];
    let mut parts: Vec<_> = parts
        .into_iter()
        .filter_map(|range| frame::part(&frame, range))
        .collect();
    if random.below(2) == 0 {
        parts.reverse();
    }
    parts
}

/// Changes a byte of what TLS protects, now and then; whether it has.
pub(super) fn forge(frame: &mut [u8], random: &mut Random, options: &Options) -> bool {
    let Some(segment) = segment(frame) else {
        return false;
    };
    let is_nfs = [segment.from, segment.to].map(|end| end.port() == PORT);
    if segment.payload.is_empty()
        || is_nfs == [false; 2]
        || is_clear(frame)
        || !random.chance(options.forgeries)
    {
        return false;
    }
    let at = segment.payload.start + random.index(segment.payload.len());
    frame[at] ^= 1 << random.below(8);
    frame::mend(frame).is_some()
}

fn is_clear(frame: &[u8]) -> bool {
    let start = segment(frame).map(|segment| segment.payload.start);
    start.and_then(|start| frame.get(start)) == Some(&LAST_FRAGMENT)
}
