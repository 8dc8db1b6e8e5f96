//! `bench`: what Wirepage costs.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use bench::{copy_vs_attach, ratios};
use clap::{Parser, Subcommand};

/// Measures Wirepage.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What a byte, a segment and a call cost, each against something else.
    Ratios(ratios::Options),
    /// Payloads copied into frames against payloads attached: a table, a plot and a report.
    CopyVsAttach(copy_vs_attach::Options),
}

fn main() -> ExitCode {
    let outcome: Result<(), Box<dyn std::error::Error>> = match Arguments::parse().command {
        Command::Ratios(options) => ratios::run(&options).map_err(Into::into),
        Command::CopyVsAttach(options) => copy_vs_attach::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
