//! The `wirepage` binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wirepage::cli::execute(std::env::args_os(), |file, config| {
        Ok(wirepage::run::run(file, &config)?)
    })
}
