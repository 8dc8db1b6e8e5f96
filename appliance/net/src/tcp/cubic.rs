//! CUBIC's growth in congestion avoidance (RFC 9438). Windows in bytes, time in
//! whole milliseconds, all in integers.

use crate::nanos::Nanos;

/// Of the window, this many tenths are kept after a loss (beta, 4.6).
pub(super) const BETA_TENTHS: usize = 7;

/// Longest time that enters the curve, so that its cube fits: it has reached
/// any window by then.
const MAX_MILLIS: u64 = 100_000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    /// The window at the last loss (W_max, after fast convergence), in bytes.
    maximum: usize,
    /// The window before the last reduction (cwnd_prior).
    prior: usize,
    epoch: Option<Epoch>,
}

/// A stretch of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Nanos,
    /// When the curve reaches its plateau, from the start (K), and how high it is.
    plateau_millis: u64,
    plateau: usize,
    /// What Reno would have by now (W_est), and what is left over of a byte.
    reno: usize,
    reno_credit: u64,
}

impl Cubic {
    /// The window is about to be reduced from `window` (4.6, 4.7).
    pub(super) fn on_loss(&mut self, window: usize) {
        self.maximum = if window < self.maximum {
            // Fast convergence: make room for newcomers.
            window * (10 + BETA_TENTHS) / 20
        } else {
            window
        };
        self.prior = window;
        self.epoch = None;
    }

    /// The time that passes now does not count (4.2: not while the application
    /// is what limits).
    pub(super) fn pause(&mut self) {
        self.epoch = None;
    }

    /// The window after `acked` bytes in congestion avoidance (4.2 to 4.5).
    pub(super) fn grown(
        &mut self,
        window: usize,
        acked: usize,
        mss: usize,
        now: Nanos,
        round_trip: Nanos,
    ) -> usize {
        // More than a window at once follows a reduction; it counts as one.
        let acked = acked.min(window);
        let maximum = self.maximum;
        let prior = self.prior;
        let epoch = self
            .epoch
            .get_or_insert_with(|| Epoch::new(window, maximum, mss, now));
        let elapsed = now.saturating_sub(epoch.start);
        let reno = epoch.grow_reno(window, acked, mss, prior);
        if epoch.height(elapsed, mss) < reno {
            return window.max(reno);
        }
        let target = epoch
            .height(elapsed + round_trip, mss)
            .clamp(window, window + window / 2);
        window + (target - window) * acked / window.max(1)
    }
}

impl Epoch {
    fn new(window: usize, maximum: usize, mss: usize, start: Nanos) -> Self {
        // K = cbrt((W_max - cwnd) / C) seconds, with C = 0.4 segments a second
        // cubed: in milliseconds, the radicand is 2.5 * 10^9 times as much.
        let deficit = maximum.saturating_sub(window) as u64;
        Self {
            start,
            plateau_millis: cube_root(deficit.saturating_mul(2_500_000_000) / mss.max(1) as u64),
            plateau: maximum.max(window),
            reno: window,
            reno_credit: 0,
        }
    }

    /// W_cubic after `elapsed`.
    fn height(&self, elapsed: Nanos, mss: usize) -> usize {
        let millis = elapsed.as_millis().min(MAX_MILLIS);
        let distance = u128::from(millis.abs_diff(self.plateau_millis).min(MAX_MILLIS));
        let offset = distance.pow(3) * mss as u128 * 4 / 10_000_000_000;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if millis >= self.plateau_millis {
            self.plateau.saturating_add(offset)
        } else {
            self.plateau.saturating_sub(offset)
        }
    }

    /// 4.3: alpha is 3 * (1 - beta) / (1 + beta), 9/17, until the window is what
    /// it was before the loss; 1 from then on.
    fn grow_reno(&mut self, window: usize, acked: usize, mss: usize, prior: usize) -> usize {
        let seventeenths = if self.reno < prior { 9 } else { 17 };
        let whole = 17 * window.max(1) as u64;
        self.reno_credit += acked as u64 * mss as u64 * seventeenths;
        self.reno += usize::try_from(self.reno_credit / whole).unwrap_or(0);
        self.reno_credit %= whole;
        self.reno
    }
}

/// The largest number whose cube is not above `value`.
fn cube_root(value: u64) -> u64 {
    // 2^22 cubed is beyond 64 bits.
    (0..22).rev().fold(0, |root, bit| {
        let next = root | 1_u64 << bit;
        let fits = next.checked_pow(3).is_some_and(|cube| cube <= value);
        if fits { next } else { root }
    })
}

#[cfg(test)]
mod tests {
    use super::{Cubic, cube_root};
    use crate::nanos::Nanos;

    const MSS: usize = 1000;

    /// The window after so many round trips in which all of it is acknowledged.
    fn after(cubic: &mut Cubic, mut window: usize, round_trip: Nanos, rounds: u64) -> usize {
        for round in 0..rounds {
            window = cubic.grown(window, window, MSS, round_trip * round, round_trip);
        }
        window
    }

    #[test]
    fn cube_roots_are_exact() {
        for root in [0, 1, 2, 999, 2_642_245] {
            assert_eq!(cube_root(root * root * root), root);
        }
        assert_eq!(cube_root(u64::MAX), 2_642_245);
        assert_eq!(cube_root(26), 2);
    }

    #[test]
    fn the_window_comes_back_to_where_it_was_after_k() {
        let mut cubic = Cubic::default();
        cubic.on_loss(1000 * MSS);
        // K = cbrt(300 / 0.4) = 9.09 s: 91 round trips of 100 ms.
        let window = after(&mut cubic, 700 * MSS, Nanos::from_millis(100), 91);
        assert!((990 * MSS..=1010 * MSS).contains(&window), "{window}");
    }

    #[test]
    fn beyond_the_plateau_growth_speeds_up() {
        let mut cubic = Cubic::default();
        cubic.on_loss(1000 * MSS);
        let at = |rounds| {
            let mut cubic = cubic;
            after(&mut cubic, 700 * MSS, Nanos::from_millis(100), rounds)
        };
        assert!(at(190) - at(160) > 3 * (at(130) - at(100)));
    }

    #[test]
    fn on_short_paths_it_is_no_slower_than_reno() {
        let mut cubic = Cubic::default();
        cubic.on_loss(20 * MSS);
        // Reno with beta 0.7 needs 6 / (9/17) round trips for the same.
        let window = after(&mut cubic, 14 * MSS, Nanos::from_millis(1), 12);
        assert!(window >= 20 * MSS, "{window}");
    }

    #[test]
    fn a_second_loss_below_the_last_makes_room() {
        let mut cubic = Cubic::default();
        cubic.on_loss(100 * MSS);
        cubic.on_loss(80 * MSS);
        assert_eq!(cubic.maximum, 68 * MSS);
    }

    #[test]
    fn hostile_figures_do_not_overflow() {
        let mut cubic = Cubic::default();
        cubic.on_loss(1 << 30);
        let late = Nanos::from_secs(1 << 40);
        cubic.grown(1000, 1 << 30, 65_535, Nanos::ZERO, late);
        let grown = cubic.grown(1 << 30, 1 << 30, 65_535, late, late);
        assert!(grown <= 3 << 29);
    }
}
