//! `sim`: runs seeds, sweeps over many, and makes failures small.

mod seeds;

use std::panic;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use seeds::{shrink, sweep};
use sim::{FailureKind, Options, TlsCounts, run, run_logging};

/// Exit code for arguments that make no sense.
const USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(about = "Simulates whole appliances under virtual time")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one seed. Exits with 0 when it is clean, 3 after a crash, 4 when something is wrong, 5 when it is stuck.
    Run {
        /// The seed.
        #[arg(long)]
        seed: u64,
        /// These options and the simplest for all others, instead of what the seed draws: `"loss=10 crashes=1"`.
        #[arg(long)]
        options: Option<String>,
        /// Sets an option, `NAME=VALUE`, over what is drawn.
        #[arg(long = "set")]
        set: Vec<String>,
        /// Tells on standard error what goes on.
        #[arg(long)]
        log: bool,
    },
    /// Runs many seeds, each in a process of its own. Exits with 0 only when all are clean.
    Sweep {
        /// The first seed.
        #[arg(long)]
        from: u64,
        /// How many.
        #[arg(long)]
        count: u64,
        /// Stops after so many minutes.
        #[arg(long)]
        minutes: Option<u64>,
    },
    /// Looks for the smallest set of options with which a seed still fails in the same way.
    Shrink {
        /// The seed.
        seed: u64,
    },
}

fn main() -> ExitCode {
    let code = match Arguments::parse().command {
        Command::Run {
            seed,
            options,
            set,
            log,
        } => match chosen(seed, options.as_deref(), &set) {
            Ok(options) => run_one(seed, &options, log),
            Err(reason) => {
                eprintln!("{reason}");
                USAGE
            }
        },
        Command::Sweep {
            from,
            count,
            minutes,
        } => sweep(
            from,
            count,
            minutes.map(|minutes| Duration::from_secs(60 * minutes)),
        ),
        Command::Shrink { seed } => shrink(seed),
    };
    ExitCode::from(code)
}

fn chosen(seed: u64, options: Option<&str>, set: &[String]) -> Result<Options, String> {
    let mut options = options.map_or_else(|| Ok(Options::draw(seed)), str::parse)?;
    set.iter().try_for_each(|word| options.set(word))?;
    Ok(options)
}

fn run_one(seed: u64, options: &Options, log: bool) -> u8 {
    println!("seed {seed}: {options}");
    // Release builds abort when they panic; the hook comes before.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        println!("{}: {panic}", FailureKind::Crash);
        std::process::exit(FailureKind::Crash.exit_code().into());
    }));
    let outcome = if log {
        run_logging(seed, options)
    } else {
        run(seed, options)
    };
    println!(
        "{} events in {:?}, {} calls answered, trace {:016x}",
        outcome.events, outcome.time, outcome.answered, outcome.trace
    );
    if outcome.tls != TlsCounts::default() {
        println!("{}", outcome.tls);
    }
    outcome.failure.map_or(0, |failure| {
        println!("{failure}");
        failure.kind.exit_code()
    })
}
