//! The command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::control::DEFAULT_SOCKET;
use crate::config::{Config, Machine};
use crate::control::client;
use crate::logging::{self, LogFilter};
use crate::trust;

/// Kernel-bypass NFS gateway on DPDK.
///
/// Exit status: 0 when all went well, 1 when not, 2 when the command line is wrong.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What to log to standard error: error, warn, info, debug, trace or off, also per module.
    #[arg(
        long,
        global = true,
        env = "WIREPAGE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: LogFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance until SIGTERM or SIGINT, then drain. A second signal ends it at once.
    Run {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Check a configuration and print what would run.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the counters of a running appliance as one JSON object.
    Stats(StatsArguments),
}

#[derive(Debug, Args)]
struct StatsArguments {
    /// The appliance's control socket.
    #[arg(long, value_name = "PATH", conflicts_with = "config", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// The appliance's configuration, which names its control socket.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why a command failed, for people.
type Failure = Box<dyn std::error::Error>;

/// Does what the command line `arguments` (the program's name first) ask for. `run` is the appliance
/// itself, given the file of its configuration: it returns when a drain has ended.
pub fn execute<I>(arguments: I, run: impl FnOnce(&Path, Config) -> Result<(), Failure>) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Also help and version, which succeed and go to standard output.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    logging::start(&arguments.log);
    let done = match arguments.command {
        Command::Run { config } => load(&config).and_then(|loaded| run(&config, loaded)),
        Command::Check { config } => check(&config),
        Command::Stats(arguments) => stats(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// What would run, if it would: the files that the configuration names are looked at too.
fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let trust = trust::load(&config, None)?;
    print(&config.to_string())?;
    if config.speaks_tls() {
        print(&format!("         {}\n", trust::describe_expiry(&trust)))?;
    }
    Ok(())
}

fn load(path: &Path) -> Result<Config, Failure> {
    Ok(Config::load(path, &Machine::detect())?)
}

fn stats(arguments: StatsArguments) -> Result<(), Failure> {
    let socket = match arguments.config {
        Some(config) => load(&config)?.control().socket.clone(),
        None => arguments.socket,
    };
    print(&format!("{}\n", client::stats(&socket)?))
}

fn print(text: &str) -> Result<(), Failure> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
