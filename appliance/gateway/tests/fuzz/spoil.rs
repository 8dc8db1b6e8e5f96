//! What becomes of a good record.

/// What decides: a script as long as there is one, then a small generator (SplitMix64). The same script and seed
/// give the same run.
pub struct Random {
    script: std::vec::IntoIter<u8>,
    seed: u64,
}

impl Random {
    pub fn new(script: Vec<u8>, seed: u64) -> Self {
        Self {
            script: script.into_iter(),
            seed,
        }
    }

    /// Whether there is more of the script.
    pub fn is_scripted(&self) -> bool {
        !self.script.as_slice().is_empty()
    }

    fn scripted(&mut self, bytes: usize) -> Option<u64> {
        let fold = |word, byte| word << 8 | u64::from(byte);
        let is_scripted = self.is_scripted();
        is_scripted.then(|| self.script.by_ref().take(bytes).fold(0, fold))
    }

    pub fn next(&mut self) -> u64 {
        if let Some(word) = self.scripted(4) {
            // To the front: it is the first half that is used.
            return word << 32;
        }
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let number = match self.scripted(if bound <= 256 { 1 } else { 2 }) {
            Some(number) => number,
            None => self.next(),
        };
        usize::try_from(number % bound as u64).expect("below a usize")
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// Words that a bound is near to.
const WORDS: [u32; 26] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    16,
    17,
    63,
    64,
    65,
    255,
    256,
    400,
    401,
    1024,
    1025,
    4096,
    4097,
    65_536,
    0x0010_0001,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];

/// A call, spoiled and in a record, mostly.
pub fn call(mut body: Vec<u8>, other: &[u8], random: &mut Random) -> Vec<u8> {
    for _ in 0..random.below(4) {
        spoil(&mut body, other, random);
    }
    in_fragments(&body, random)
}

/// A reply, spoiled now and then.
pub fn reply(mut body: Vec<u8>, random: &mut Random) -> Vec<u8> {
    if random.below(3) == 0 {
        for _ in 0..=random.below(3) {
            spoil(&mut body, &[0xff; 64], random);
        }
    }
    in_fragments(&body, random)
}

fn spoil(body: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if body.is_empty() {
        return;
    }
    let at = random.below(body.len());
    match random.below(40) {
        // A word: XDR has nothing smaller. Mostly behind the xid and the direction.
        0..26 => {
            let start = at / 4 * 4;
            let word = match random.below(4) {
                0 => random.next().to_be_bytes()[..4].to_vec(),
                _ => random.pick(&WORDS).to_be_bytes().to_vec(),
            };
            if start >= 8 && start + 4 <= body.len() {
                body[start..start + 4].copy_from_slice(&word);
            }
        }
        26..31 => body[at] ^= 1 << random.below(8),
        31..33 => body.truncate(at),
        33..35 => {
            let from = random.below(other.len().max(1));
            body.truncate(at);
            body.extend(other.get(from..).unwrap_or_default());
        }
        35..37 => {
            let len = (1 + random.below(16)).min(body.len() - at);
            body.drain(at..at + len);
        }
        37..39 => {
            let inserted = vec![random.pick(&[0, 0xff, 0x80, b'/', b'.']); 1 + random.below(16)];
            body.splice(at..at, inserted);
        }
        _ => {
            // Once in a while more than any call may have.
            let len = random.pick(&[64, 1000, 5000, 40_000]);
            body.extend(std::iter::repeat_n(0xee, len));
        }
    }
}

/// The body as a record: whole, in fragments, and once in a while with a mark that lies.
fn in_fragments(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut stream = Vec::with_capacity(body.len() + 64);
    let mut rest = body;
    while random.below(4) == 0 {
        let (fragment, later) = rest.split_at(random.below(rest.len() + 1));
        stream.extend(mark(fragment.len(), false));
        stream.extend(fragment);
        rest = later;
    }
    let lie = if random.below(400) == 0 {
        random.below(64)
    } else {
        0
    };
    stream.extend(mark(rest.len() + lie, true));
    stream.extend(rest);
    stream
}

fn mark(len: usize, last: bool) -> [u8; 4] {
    let len = u32::try_from(len).expect("a short record");
    (len | u32::from(last) << 31).to_be_bytes()
}
