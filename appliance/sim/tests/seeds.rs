//! Past failures, new seeds, and that a seed is always the same run.

use std::num::NonZero;
use std::process::Command;
use std::thread::{self, available_parallelism};
use std::time::{SystemTime, UNIX_EPOCH};

use sim::{Failure, Options, run};

/// Seeds that nobody has run before.
const FRESH: u64 = 300;

#[test]
fn no_failure_of_the_past_comes_back() {
    let corpus = include_str!("../corpus.txt");
    let lines = corpus
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let (run_of, reason) = line.split_once('#').expect("every seed has its reason");
        assert!(
            !reason.trim().is_empty(),
            "every seed has its reason: {line}"
        );
        let (seed, options) = run_of.split_once(' ').unwrap_or((run_of, ""));
        let seed = seed.parse().expect("a seed");
        let options: Options = options.parse().expect("options");
        assert_clean(seed, &options);
        count += 1;
    }
    assert!(count > 0, "there is a corpus");
}

/// Every commit has seeds of its own: new ones with each change, and whoever runs a commit again runs the same.
#[test]
fn fresh_seeds_are_clean() {
    let from = first_seed();
    println!("seeds from {from} on");
    let threads = available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for seed in (from..from + FRESH).skip(thread).step_by(threads) {
                    assert_clean(seed, &Options::draw(seed));
                }
            });
        }
    });
}

/// From the commit that is checked out, else from the time.
#[allow(
    clippy::disallowed_methods,
    reason = "which seeds are new is not for a seed to say"
)]
fn first_seed() -> u64 {
    let commit = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .output()
        .ok();
    let digits = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    digits
        .and_then(|digits| u64::from_str_radix(digits.get(..10)?, 16).ok())
        .unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_secs() * 1000
        })
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 1..=12 {
        let options = Options::draw(seed);
        let (first, second) = (run(seed, &options), run(seed, &options));
        assert_eq!(first, second, "seed {seed}: {options}");
        assert_ne!(first.trace, run(seed + 1000, &options).trace);
    }
}

#[test]
fn options_are_read_as_they_are_written() {
    for seed in 0..50 {
        let options = Options::draw(seed);
        assert_eq!(options.to_string().parse(), Ok(options));
    }
    assert!("nothing=1".parse::<Options>().is_err());
    assert!("loss=many".parse::<Options>().is_err());
}

fn assert_clean(seed: u64, options: &Options) {
    let outcome = run(seed, options);
    let failure = outcome.failure.as_ref().map(Failure::to_string);
    assert_eq!(failure, None, "seed {seed}, options {options}");
    assert!(outcome.answered > 0, "seed {seed} does nothing");
}
