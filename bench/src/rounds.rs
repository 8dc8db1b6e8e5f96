//! Measuring in rounds: what is compared is measured in turns, so that what disturbs
//! one disturbs the other.

use dpdk::tsc;

/// Fewest rounds of a measurement that count.
pub const FEWEST_ROUNDS: usize = 41;

/// Measurements whose median is further above the tenth percentile than this were
/// disturbed, and are repeated.
const CALM: f64 = 1.3;

/// How often a disturbed measurement is repeated.
const ATTEMPTS: usize = 4;

/// What a measurement has found, in ticks of the time stamp counter for a unit of work.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Of all rounds.
    pub min: f64,
    /// Tenth percentile.
    pub p10: f64,
    /// Median.
    pub median: f64,
    /// Rounds.
    pub rounds: usize,
}

impl Spread {
    /// Of what the rounds have given.
    ///
    /// # Panics
    /// Without any.
    pub fn of(mut ticks: Vec<f64>) -> Self {
        ticks.sort_by(f64::total_cmp);
        let at = |tenths: usize| ticks[(ticks.len() - 1) * tenths / 10];
        Self {
            min: at(0),
            p10: at(1),
            median: at(5),
            rounds: ticks.len(),
        }
    }

    /// The same for `units` units of work.
    #[must_use]
    pub fn times(self, units: f64) -> Self {
        Self {
            min: self.min * units,
            p10: self.p10 * units,
            median: self.median * units,
            rounds: self.rounds,
        }
    }

    /// Median over tenth percentile: 1 on a quiet machine.
    pub fn unrest(&self) -> f64 {
        self.median / self.p10
    }
}

/// Measures `N` things in turns, `rounds` times each: `sample` does a millisecond or more
/// of the thing it is given the number of, and gives the ticks for a unit of work. When
/// the machine was restless it is done again; the calmest of all attempts counts.
pub fn interleave<const N: usize>(
    rounds: usize,
    mut sample: impl FnMut(usize) -> f64,
) -> [Spread; N] {
    for which in 0..N {
        sample(which);
    }
    let mut calmest: Option<[Spread; N]> = None;
    let unrest = |spreads: &[Spread; N]| {
        let each = spreads.iter().map(Spread::unrest);
        each.fold(1.0, f64::max)
    };
    for _ in 0..ATTEMPTS {
        let mut ticks = [const { Vec::new() }; N];
        for _ in 0..rounds.max(FEWEST_ROUNDS) {
            for (which, ticks) in ticks.iter_mut().enumerate() {
                ticks.push(sample(which));
            }
        }
        let spreads = ticks.map(Spread::of);
        let is_calm = unrest(&spreads) <= CALM;
        if calmest.is_none_or(|calmest| unrest(&spreads) < unrest(&calmest)) {
            calmest = Some(spreads);
        }
        if is_calm {
            break;
        }
    }
    calmest.expect("at least one attempt")
}

/// Ticks that `work` takes, divided by `units`.
pub fn timed(units: usize, work: impl FnOnce()) -> f64 {
    let start = tsc::fenced();
    work();
    (tsc::fenced() - start) as f64 / units as f64
}
