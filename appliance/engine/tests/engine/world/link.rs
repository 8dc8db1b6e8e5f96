//! Links under virtual time, which lose the frames they are told to.

use std::collections::VecDeque;
use std::time::Duration;

/// Time a frame takes.
pub const DELAY: Duration = Duration::from_micros(50);

/// Decides whether a frame gets lost.
pub type Loss = Box<dyn FnMut(&[u8]) -> bool>;

/// One direction of a link: frames arrive in order, `DELAY` after they left.
pub struct Direction<K> {
    flying: VecDeque<(Duration, Vec<u8>, Vec<K>)>,
    loss: Option<Loss>,
    pub lost: usize,
}

impl<K> Default for Direction<K> {
    fn default() -> Self {
        Self {
            flying: VecDeque::new(),
            loss: None,
            lost: 0,
        }
    }
}

impl<K> Direction<K> {
    /// Frames for which `loss` says so do not arrive from now on.
    pub fn lose(&mut self, loss: impl FnMut(&[u8]) -> bool + 'static) {
        self.loss = Some(Box::new(loss));
    }

    /// Every frame arrives from now on.
    pub fn mend(&mut self) {
        self.loss = None;
    }

    pub fn carry(&mut self, now: Duration, frame: Vec<u8>, keeps: Vec<K>) {
        if self.loss.as_mut().is_some_and(|loss| loss(&frame)) {
            self.lost += 1;
            return;
        }
        self.flying.push_back((now + DELAY, frame, keeps));
    }

    /// When the next frame arrives.
    pub fn next(&self) -> Option<Duration> {
        self.flying.front().map(|(at, ..)| *at)
    }

    /// The next frame that has arrived; what kept its memory is let go of.
    pub fn arrive(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop_front().map(|(_, frame, _)| frame)
    }
}

/// Both directions, as the engine sees them.
pub struct Link<K> {
    pub from_engine: Direction<K>,
    pub to_engine: Direction<()>,
}

impl<K> Default for Link<K> {
    fn default() -> Self {
        Self {
            from_engine: Direction::default(),
            to_engine: Direction::default(),
        }
    }
}

impl<K> Link<K> {
    pub fn next(&self) -> Option<Duration> {
        [self.from_engine.next(), self.to_engine.next()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// A small generator (SplitMix64): the same seed gives the same run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

/// Says yes `per_mille` times in a thousand, as its seed says, but never more than three
/// times in a row: nobody may give up.
pub fn random_loss(seed: u64, per_mille: usize) -> impl FnMut(&[u8]) -> bool {
    let mut random = Random(seed);
    let mut in_a_row = 0;
    move |_| {
        let lost = random.below(1000) < per_mille && in_a_row < 3;
        in_a_row = if lost { in_a_row + 1 } else { 0 };
        lost
    }
}
