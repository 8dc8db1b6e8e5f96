//! What is done to the world in the course of a run, and when: not at a time, but when so much has been done, as
//! nobody knows how long a run takes.

use crate::options::Options;
use crate::random::Random;

/// Something done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Crash,
    RestartOrigin,
    Clog,
    Partition,
    Reconnect,
    Repeat,
    HalfClose,
    Vanish,
    Nap,
}

/// A deed that waits for its time.
#[derive(Clone, Copy, Debug)]
struct Planned {
    /// When so many calls have been answered.
    answered: u64,
    /// And then so many events have passed.
    events: u64,
    deed: Deed,
}

/// All that is planned, the last first.
#[derive(Debug)]
pub(super) struct Nemesis(Vec<Planned>);

impl Nemesis {
    pub(super) fn plan(options: &Options, mut random: Random) -> Self {
        let calls = options.clients * options.operations;
        let deeds = [
            (options.crashes, Deed::Crash),
            (options.origin_restarts, Deed::RestartOrigin),
            (options.clogs, Deed::Clog),
            (options.partitions, Deed::Partition),
            (options.reconnects, Deed::Reconnect),
            (options.repetitions, Deed::Repeat),
            (options.half_closes, Deed::HalfClose),
            (options.vanishings, Deed::Vanish),
            (options.naps, Deed::Nap),
        ];
        let mut planned = Vec::new();
        for (times, deed) in deeds {
            for _ in 0..times {
                planned.push(Planned {
                    answered: random.below(calls),
                    events: random.below(300),
                    deed,
                });
            }
        }
        planned.sort_by_key(|planned| std::cmp::Reverse(planned.answered));
        Self(planned)
    }

    /// What is to be done after one more event.
    pub(super) fn due(&mut self, answered: u64) -> Option<Deed> {
        let last = self.0.last_mut()?;
        if last.answered > answered {
            return None;
        }
        if last.events > 0 {
            last.events -= 1;
            return None;
        }
        self.0.pop().map(|planned| planned.deed)
    }
}
