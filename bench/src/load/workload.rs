//! Which call comes next.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};

use super::options::{Mix, Popularity, Shape};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// READ.
    Read,
    /// WRITE.
    Write,
    /// GETATTR.
    Getattr,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Kind; 3] = [Kind::Read, Kind::Write, Kind::Getattr];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Getattr => "getattr",
        }
    }
}

/// One call to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it does.
    pub kind: Kind,
    /// Number of the file.
    pub file: u32,
    /// First byte of a READ or WRITE.
    pub offset: u64,
}

/// Chooses calls; the same seed chooses the same.
#[derive(Debug)]
pub struct Workload {
    mix: Mix,
    size: u64,
    pieces_per_file: u64,
    pieces: u64,
    zipf: Option<Zipf<f64>>,
    random: SmallRng,
}

/// Multiplies ranks so that wanted pieces do not lie side by side: a prime beyond any number of pieces.
const SPREAD: u128 = 0xffff_ffff_ffff_ffc5;

impl Workload {
    /// What `shape` asks for. A file shorter than a piece counts as one piece.
    pub fn new(shape: &Shape) -> Self {
        let size = u64::from(shape.size);
        let pieces_per_file = (u64::from(shape.file_kib) * 1024 / size).max(1);
        let pieces = pieces_per_file * u64::from(shape.files);
        let zipf = match shape.popularity {
            Popularity::Uniform => None,
            Popularity::Zipf(exponent) => Zipf::new(pieces as f64, exponent).ok(),
        };
        Self {
            mix: shape.mix,
            size,
            pieces_per_file,
            pieces,
            zipf,
            random: SmallRng::seed_from_u64(shape.seed),
        }
    }

    /// The next call.
    pub fn advance(&mut self) -> Operation {
        let lot = self.random.random_range(0..self.mix.total());
        let kind = if lot < self.mix.read {
            Kind::Read
        } else if lot < self.mix.read + self.mix.write {
            Kind::Write
        } else {
            Kind::Getattr
        };
        let piece = self.piece();
        Operation {
            kind,
            file: u32::try_from(piece / self.pieces_per_file).unwrap_or(0),
            offset: piece % self.pieces_per_file * self.size,
        }
    }

    fn piece(&mut self) -> u64 {
        let Some(zipf) = &self.zipf else {
            return self.random.random_range(0..self.pieces);
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank is a whole number from 1 to the number of pieces"
        )]
        let rank = zipf.sample(&mut self.random) as u64 - 1;
        let spread = u128::from(rank) * SPREAD % u128::from(self.pieces);
        u64::try_from(spread).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        shape: Shape,
    }

    fn workload(line: &str) -> Workload {
        let line = format!("load {line}");
        Workload::new(&Line::parse_from(line.split_whitespace()).shape)
    }

    fn counts(mut workload: Workload, calls: usize) -> HashMap<(u32, u64), usize> {
        let mut counts = HashMap::new();
        for _ in 0..calls {
            let Operation { file, offset, .. } = workload.advance();
            *counts.entry((file, offset)).or_default() += 1;
        }
        counts
    }

    #[test]
    fn every_piece_of_every_file_is_wanted() {
        for popularity in ["uniform", "zipf:0.5"] {
            let line = format!("--files 4 --file-kib 64 --size 16384 --popularity {popularity}");
            let counts = counts(workload(&line), 10_000);
            assert_eq!(counts.len(), 16, "{popularity}");
            let fits = |(file, offset): &(u32, u64)| *file < 4 && *offset <= 48 * 1024;
            assert!(counts.keys().all(fits), "{popularity}");
        }
    }

    #[test]
    fn zipf_prefers_few_and_uniform_none() {
        let most = |popularity: &str| {
            let line = format!("--files 100 --file-kib 64 --popularity {popularity}");
            counts(workload(&line), 10_000).into_values().max()
        };
        assert!(most("zipf:1.2") > Some(1500));
        assert!(most("uniform") < Some(200));
    }

    #[test]
    fn shares_are_kept() {
        let mut workload = workload("--mix read=70,write=20,getattr=10");
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[workload.advance().kind as usize] += 1;
        }
        for (count, share) in counts.into_iter().zip([7000_u32, 2000, 1000]) {
            assert!(share.abs_diff(count) < 300, "{count} of {share}");
        }
    }
}
