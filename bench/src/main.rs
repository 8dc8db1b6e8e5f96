//! `bench`: what Wirepage costs, and what others cost under the same load.
#![forbid(unsafe_code)]

mod instructions;
mod load;
mod peers;
mod rings;
mod scaling;
#[allow(
    dead_code,
    unused_imports,
    reason = "the engine's tests use the rest of it"
)]
#[path = "../../appliance/engine/tests/engine/world/mod.rs"]
mod world;

use std::process::ExitCode;

use bench::{copy_vs_attach, ratios};
use clap::{Parser, Subcommand};

/// Measures Wirepage and its peers.
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
    /// Puts NFS load on a server, over the kernel's sockets.
    Load(load::Options),
    /// Puts NFS load on Wirepage through virtio rings, as its clients and its origin at once.
    Rings(rings::Options),
    /// Compares Wirepage with what people run today, in the lab. Needs root.
    Peers(peers::Options),
    /// Counts the instructions of the paths that every call takes, and compares them with their baselines.
    Instructions(instructions::Options),
    /// Tells what a call costs the engine as connections, files and cached blocks become more.
    Scaling(scaling::Options),
}

fn main() -> ExitCode {
    let outcome: Result<(), Box<dyn std::error::Error>> = match Arguments::parse().command {
        Command::Ratios(options) => ratios::run(&options).map_err(Into::into),
        Command::CopyVsAttach(options) => copy_vs_attach::run(&options),
        Command::Load(options) => load::run(&options).map_err(Into::into),
        Command::Rings(options) => rings::run(&options).map_err(Into::into),
        Command::Peers(options) => peers::run(&options).map_err(Into::into),
        Command::Instructions(options) => instructions::run(&options).map_err(Into::into),
        Command::Scaling(options) => scaling::run(&options).map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
