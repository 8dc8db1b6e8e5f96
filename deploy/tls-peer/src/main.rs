//! `tls-peer`: gives TLS to an NFS client or server that has none, in the way of RFC 9289 or from
//! the first byte. On ordinary sockets and rustls' buffered connection, so that it shares no
//! record layer with Wirepage.
#![forbid(unsafe_code)]

mod accept;
mod certificates;
mod connect;
mod deadline;
mod error;
mod key_log;
mod limits;
mod options;
mod probe;
mod relay;
mod serve;
mod socket;
mod tls_config;

use accept::Accept;
use clap::Parser;
use connect::Connect;
use error::SetupError;
use options::{Command, Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls-peer: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), SetupError> {
    match options.command {
        Command::Connect(options) => serve::serve(Connect::new(options)?),
        Command::Accept(options) => serve::serve(Accept::new(options)?),
        Command::MakeCerts(options) => certificates::make_certificates(&options),
    }
}
