//! Many seeds, and one seed many times: each run in a process of its own, so that a crash ends no more than its run.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sim::Options;

/// Failing seeds after which a sweep has seen enough.
const ENOUGH: usize = 20;

/// Runs `count` seeds from `from` on, or as many as there is `time` for; 0 if all are clean.
pub(crate) fn sweep(from: u64, count: u64, time: Option<Duration>) -> u8 {
    let begin = Instant::now();
    let mut failed = Vec::new();
    let mut done = 0;
    for seed in (from..).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        if time.is_some_and(|time| begin.elapsed() > time) || failed.len() >= ENOUGH {
            break;
        }
        done += 1;
        let output = run(seed, None);
        if !output.status.success() {
            failed.push(seed);
            print!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    println!(
        "{done} seeds from {from} on in {} s: {} failed {failed:?}",
        begin.elapsed().as_secs(),
        failed.len()
    );
    u8::from(!failed.is_empty())
}

/// Makes the options of a failing seed as simple as they can be; 0 if it fails at all.
pub(crate) fn shrink(seed: u64) -> u8 {
    let mut options = Options::draw(seed);
    let Some(code) = exit_code(seed, &options) else {
        println!("seed {seed} is clean");
        return 1;
    };
    let fails = |options: &Options| exit_code(seed, options) == Some(code);
    loop {
        let before = options;
        let all: Vec<_> = options.all().collect();
        for (name, value, simplest) in all {
            // The simplest first; then, of a number of something, fewer.
            for simpler in [simplest, value / 2, value.saturating_sub(1)] {
                let mut candidate = options;
                let Some(option) = candidate.by_name(name) else {
                    continue;
                };
                let is_simpler = simpler == simplest || (simplest < simpler && simpler < value);
                if *option == simplest || !is_simpler {
                    continue;
                }
                *option = simpler;
                if fails(&candidate) {
                    options = candidate;
                    break;
                }
            }
        }
        if options == before {
            break;
        }
        println!("still fails with {options}");
    }
    print!(
        "{}",
        String::from_utf8_lossy(&run(seed, Some(&options)).stdout)
    );
    println!("corpus: {seed} {options} # the reason");
    0
}

/// How a run fails; `None` if it does not.
fn exit_code(seed: u64, options: &Options) -> Option<i32> {
    let status = run(seed, Some(options)).status;
    (!status.success()).then(|| status.code().unwrap_or(-1))
}

fn run(seed: u64, options: Option<&Options>) -> Output {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = Command::new(program);
    command.args(["run", "--seed", &seed.to_string()]);
    if let Some(options) = options {
        command.args(["--options", &options.to_string()]);
    }
    command.output().expect("this program can be run once more")
}
