//! `bench`: measures Wirepage. See `bench/README.md`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use bench::ratios::{self, FAMILIES};
use bench::{copy_vs_attach, last_core};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Wirepage", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What a byte, a segment and a call cost, each against something else
    Ratios(Ratios),
    /// Payloads copied into frames against payloads attached: a table, a plot and a report
    CopyVsAttach(CopyVsAttach),
}

/// Payloads copied into frames against payloads attached, with and without a virtio ring, and
/// copied and sealed against sealed in one pass. Prints a table; writes `copy-vs-attach.svg` and
/// `copy-vs-attach.json`.
#[derive(clap::Args)]
struct CopyVsAttach {
    /// Where to write
    #[arg(long, default_value = "bench/reports")]
    directory: PathBuf,
    /// Rounds of each measurement, 41 at least
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// The core to measure on [default: the last one]
    #[arg(long)]
    core: Option<u16>,
}

/// What a byte, a segment and a call cost, each against something else.
///
/// Numerator and denominator are measured in turns in one process, bound to one core; the
/// figure is that of the fastest rounds. Ticks are those of the time stamp counter.
#[derive(clap::Args)]
#[command(after_help = "Which way each ratio goes:
  attach_vs_copy_1448_dram     copying ÷ attaching                              (6 or more is wanted)
  tls_tx_over_seal_1448        READ over TLS, 1,448 B segments ÷ sealing alone  (1.35 or less)
  tls_tx_over_seal_tso         the same with TSO ÷ sealing alone                (1.10 or less)
  one_pass_vs_copy_then_seal   copying and sealing in place ÷ one pass          (1.15 or more)
  tcp_vs_smoltcp_1500          our TCP ÷ smoltcp's, both ends of each           (0.5 or less)
  tls_sender_vs_kernel_send    our sender ÷ aws-lc and send(), CPU time         (0.5 or less)
  attach_segment_vs_c          our loop ÷ the same in C                         (1.3 or less)")]
struct Ratios {
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
    /// Rounds of each measurement, 41 at least
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// The core to measure on [default: the last one]
    #[arg(long)]
    core: Option<u16>,
    /// Only these families
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(FAMILIES))]
    only: Vec<String>,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Ratios(ratios) => print_ratios(ratios),
        Command::CopyVsAttach(arguments) => report_copy_vs_attach(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_ratios(arguments: Ratios) -> Result<(), Box<dyn Error>> {
    let Ratios {
        json,
        rounds,
        core,
        only,
    } = arguments;
    let core = core.unwrap_or_else(last_core);
    let plan = ratios::Plan { rounds, core, only };
    let report = ratios::measure(&plan)?;
    if json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(())
}

fn report_copy_vs_attach(arguments: &CopyVsAttach) -> Result<(), Box<dyn Error>> {
    let core = arguments.core.unwrap_or_else(last_core);
    let report = copy_vs_attach::measure(core, arguments.rounds)?;
    print!("{report}");
    std::fs::create_dir_all(&arguments.directory)?;
    let write = |name: &str, text: &str| {
        let path = arguments.directory.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let json = serde_json::to_string_pretty(&report.to_json())?;
    write("copy-vs-attach.json", &format!("{json}\n"))?;
    let svg = copy_vs_attach::plot(&report).map_err(|error| error.to_string())?;
    write("copy-vs-attach.svg", &svg)?;
    Ok(())
}
