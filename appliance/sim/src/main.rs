//! `sim`: runs seeds.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sim::{Options, run};

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
        /// Sets an option, `NAME=VALUE`, over what the seed draws.
        #[arg(long = "set")]
        set: Vec<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { seed, set } => {
            let mut options = Options::draw(seed);
            for setting in &set {
                let parsed = setting
                    .split_once('=')
                    .and_then(|(name, value)| Some((options.by_name(name)?, value.parse().ok()?)));
                let Some((option, value)) = parsed else {
                    eprintln!(
                        "--set {setting}: no such option or no number; options are {:?}",
                        Options::NAMES
                    );
                    return ExitCode::from(2);
                };
                *option = value;
            }
            println!("seed {seed}: {options}");
            let outcome = run(seed, &options);
            println!(
                "{} events in {:?}, {} calls answered, trace {:016x}",
                outcome.events, outcome.time, outcome.answered, outcome.trace
            );
            match outcome.failure {
                None => ExitCode::SUCCESS,
                Some(failure) => {
                    println!("{failure}");
                    ExitCode::from(failure.kind.exit_code())
                }
            }
        }
    }
}
