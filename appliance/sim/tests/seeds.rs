//! Past failures, fresh seeds, and that a seed is always the same run.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sim::{Options, run};

/// Fresh seeds of a test run: what two cores do in a minute and a half with the profile of tests.
const FRESH: u64 = 400;

/// Where fresh seeds begin without a repository.
const FALLBACK: u64 = 1_000_000;

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
        assert_eq!(failure_of(seed, &options), None, "{reason}");
        count += 1;
    }
    assert!(count > 0, "there is a corpus");
}

/// Every commit tries seeds that none before it has tried, and always the same ones.
#[test]
fn fresh_seeds_are_clean() {
    let first = of_commit().unwrap_or(FALLBACK);
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let try_seeds = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + FRESH {
                return;
            }
            if let Some(failure) = failure_of(seed, &Options::draw(seed)) {
                failures.lock().expect("no panic").push(failure);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(try_seeds);
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(
        failures.is_empty(),
        "of {FRESH} seeds from {first} on, {} fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A number that follows from the commit.
fn of_commit() -> Option<u64> {
    let mut git = Command::new("git");
    let git = git.args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "HEAD"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let hash = String::from_utf8(output.stdout).ok()?;
    u64::from_str_radix(hash.get(..12)?, 16).ok()
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

/// What is wrong with a run, and how to see it again.
fn failure_of(seed: u64, options: &Options) -> Option<String> {
    let outcome = run(seed, options);
    let what = match outcome.failure {
        Some(failure) => failure.to_string(),
        None if outcome.answered == 0 => "nothing is done".to_owned(),
        None => return None,
    };
    Some(format!(
        "{what}\n    cargo run --release -p sim -- run --seed {seed} --options \"{options}\""
    ))
}
