//! The `wirepage` binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wirepage::cli::execute(std::env::args_os(), |_config| {
        Err("this build has no engine".into())
    })
}
