//! One direction of a cable: frames take time, and what else may become of them.

use std::time::Duration;

use crate::options::Options;
use crate::random::Random;

/// Frames that wait for a busy cable, at most; later ones are lost, as at a switch.
const QUEUE: Duration = Duration::from_millis(50);

/// One direction of a cable.
#[derive(Debug)]
pub(crate) struct Direction {
    random: Random,
    busy_until: Duration,
    clogged_until: Duration,
    cut_until: Duration,
}

/// A frame at the other end.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) frame: Vec<u8>,
}

impl Direction {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            busy_until: Duration::ZERO,
            clogged_until: Duration::ZERO,
            cut_until: Duration::ZERO,
        }
    }

    /// Keeps every frame until then.
    pub(crate) fn clog(&mut self, until: Duration) {
        self.clogged_until = until;
    }

    /// Loses every frame until then.
    pub(crate) fn cut(&mut self, until: Duration) {
        self.cut_until = until;
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&mut self) {
        self.clogged_until = Duration::ZERO;
        self.cut_until = Duration::ZERO;
    }

    /// When the frame arrives, how often, and what is left of it.
    pub(crate) fn carry(
        &mut self,
        mut frame: Vec<u8>,
        now: Duration,
        options: &Options,
    ) -> Vec<Arrival> {
        let bits = frame.len() as u64 * 8;
        let on_the_wire = Duration::from_nanos(bits * 1000 / options.bandwidth);
        let begin = self.busy_until.max(now);
        let random = &mut self.random;
        if now < self.cut_until || begin > now + QUEUE || random.chance(options.loss) {
            return Vec::new();
        }
        self.busy_until = begin + on_the_wire;
        let delay = Duration::from_micros(options.delay);
        let mut at = (self.busy_until + delay).max(self.clogged_until);
        if random.chance(options.reordering) {
            at += delay * u32::try_from(random.below(8)).expect("small") + Duration::from_micros(5);
        }
        if random.chance(options.corruption) {
            corrupt(&mut frame, random);
        }
        let mut arrivals = Vec::new();
        if random.chance(options.duplication) {
            let again = at + delay * u32::try_from(random.below(4)).expect("small");
            arrivals.push(Arrival {
                at: again,
                frame: frame.clone(),
            });
        }
        arrivals.push(Arrival { at, frame });
        arrivals
    }
}

/// Turns a bit over where a checksum of IP or TCP covers it: Ethernet's own would have caught the rest, and no sum
/// misses a single bit.
fn corrupt(frame: &mut [u8], random: &mut Random) {
    const IPV4: usize = 14;
    if frame.get(12..14) == Some(&[8, 0]) {
        let at = IPV4 + random.index(frame.len() - IPV4);
        frame[at] ^= 1 << random.below(8);
    }
}
