//! What counts were, for each compiler.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use super::InstructionsError;

/// Percent that a count may rise above its baseline.
pub const LIMIT_PERCENT: u64 = 2;

/// The compiler of this program.
const COMPILER: &str = env!("BENCH_RUSTC");

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// By compiler, by case.
#[derive(Debug)]
pub struct Baselines(BTreeMap<String, BTreeMap<String, u64>>);

/// What a count is against its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This compiler has none.
    NoBaseline,
    /// As before, within the limit, in per mille.
    AsBefore(i64),
    /// Well below; the baseline is worth renewing.
    Shorter(i64),
    /// Above the limit.
    Longer(i64),
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (per_mille, word) = match *self {
            Verdict::NoBaseline => return out.pad("no baseline"),
            Verdict::AsBefore(per_mille) => (per_mille, "ok"),
            Verdict::Shorter(per_mille) => (per_mille, "shorter"),
            Verdict::Longer(per_mille) => (per_mille, "LONGER"),
        };
        let sign = if per_mille < 0 { '-' } else { '+' };
        let size = per_mille.unsigned_abs();
        out.pad(&format!("{sign}{}.{} % {word}", size / 10, size % 10))
    }
}

fn unusable(source: std::io::Error) -> InstructionsError {
    InstructionsError::Baselines { path: PATH, source }
}

impl Baselines {
    /// Those that are committed.
    pub fn load() -> Result<Self, InstructionsError> {
        let text = fs::read_to_string(PATH).map_err(unusable)?;
        let baselines = Self(serde_json::from_str(&text)?);
        if !baselines.0.contains_key(COMPILER) {
            let known: Vec<_> = baselines.0.keys().map(String::as_str).collect();
            eprintln!(
                "counts of {COMPILER} have no baselines and are not judged; there are some of {}",
                known.join(", ")
            );
        }
        Ok(baselines)
    }

    /// What a count is against the baseline of this compiler.
    pub fn judge(&self, case: &str, count: u64) -> Verdict {
        match self.0.get(COMPILER).and_then(|cases| cases.get(case)) {
            Some(&baseline) => judge(baseline, count),
            None => Verdict::NoBaseline,
        }
    }

    /// Takes these counts for this compiler's baselines, for good.
    pub fn bless(&mut self, counts: &BTreeMap<String, u64>) -> Result<(), InstructionsError> {
        self.0.insert(COMPILER.to_owned(), counts.clone());
        let mut text = serde_json::to_string_pretty(&self.0)?;
        text.push('\n');
        fs::write(PATH, text).map_err(unusable)
    }
}

fn judge(baseline: u64, count: u64) -> Verdict {
    let difference = count.cast_signed() - baseline.cast_signed();
    let per_mille = difference.saturating_mul(1000) / baseline.max(1).cast_signed();
    if count * 100 > baseline * (100 + LIMIT_PERCENT) {
        Verdict::Longer(per_mille)
    } else if count * (100 + LIMIT_PERCENT) < baseline * 100 {
        Verdict::Shorter(per_mille)
    } else {
        Verdict::AsBefore(per_mille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_percent_more_is_too_much_and_less_is_not() {
        assert_eq!(judge(1000, 1020), Verdict::AsBefore(20));
        assert_eq!(judge(1000, 1021), Verdict::Longer(21));
        assert_eq!(judge(1000, 990), Verdict::AsBefore(-10));
        assert_eq!(judge(1000, 900), Verdict::Shorter(-100));
        assert_eq!(judge(0, 1), Verdict::Longer(1000));
    }

    #[test]
    fn committed_baselines_can_be_read_and_are_of_cases_there_are() {
        let baselines = Baselines::load().unwrap();
        for (compiler, cases) in &baselines.0 {
            let wanted: std::collections::BTreeSet<_> = super::super::cases::ALL
                .iter()
                .map(|case| case.name)
                .collect();
            let found: std::collections::BTreeSet<_> = cases.keys().map(String::as_str).collect();
            assert_eq!(found, wanted, "{compiler}");
        }
    }
}
