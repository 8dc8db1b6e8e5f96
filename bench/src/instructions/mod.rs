//! Instructions of the paths that every call takes, counted by callgrind and compared with what they were.

mod baselines;
mod callgrind;
mod cases;
mod probe;
mod tcp;

use std::collections::BTreeMap;

use clap::Args;

use baselines::{Baselines, Verdict};
use callgrind::CallgrindError;
use cases::Case;

/// Counts instructions.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Takes today's counts for the baselines.
    #[arg(long)]
    bless: bool,
    /// Prints one JSON object on standard output instead of a table.
    #[arg(long)]
    json: bool,
    /// Runs one case, for callgrind to watch.
    #[arg(long, hide = true)]
    run: Option<String>,
}

/// Why there are no counts, or not the right ones.
#[derive(Debug, thiserror::Error)]
pub enum InstructionsError {
    /// Counting failed.
    #[error(transparent)]
    Callgrind(#[from] CallgrindError),
    /// The file of the baselines cannot be used.
    #[error("{path}: {source}")]
    Baselines {
        /// The file.
        path: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Counts or baselines are not what JSON can tell.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no such case.
    #[error("no case {0}")]
    NoCase(String),
    /// Paths have become longer.
    #[error(
        "{0} of the paths take over {limit} % more instructions than their baselines; if that is worth it: \
         bench instructions --bless",
        limit = baselines::LIMIT_PERCENT
    )]
    Longer(usize),
}

/// Counts, compares, prints.
pub fn run(options: &Options) -> Result<(), InstructionsError> {
    if let Some(name) = &options.run {
        let case = Case::named(name).ok_or_else(|| InstructionsError::NoCase(name.clone()))?;
        (case.run)();
        return Ok(());
    }
    let mut counts = BTreeMap::new();
    for case in cases::ALL {
        let total = callgrind::count(case.name)?;
        counts.insert(case.name.to_owned(), total / cases::REPETITIONS);
    }
    let mut baselines = Baselines::load()?;
    if options.bless {
        baselines.bless(&counts)?;
    }
    if options.json {
        println!("{}", serde_json::to_string(&counts)?);
    }
    let mut longer = 0;
    for case in cases::ALL {
        let count = counts[case.name];
        let verdict = baselines.judge(case.name, count);
        longer += usize::from(matches!(verdict, Verdict::Longer(_)));
        if !options.json {
            println!("{count:8} {verdict:16} {}", case.about);
        }
    }
    if longer > 0 {
        return Err(InstructionsError::Longer(longer));
    }
    Ok(())
}
