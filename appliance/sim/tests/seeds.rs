//! Past failures, some seeds, and that a seed is always the same run.

use sim::{Failure, Options, run};

/// Seeds from 1 on that every test run tries. New ones are for `sim sweep`, as long as it finds what README.md lists.
const FIRST: u64 = 60;

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

#[test]
fn the_first_seeds_are_clean() {
    for seed in 1..=FIRST {
        assert_clean(seed, &Options::draw(seed));
    }
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
