//! The parts of the `wirepage` binary around its engines: configuration, command line, control socket,
//! counters, idling, signals, certificates and logging. A library so that tests reach them.
#![forbid(unsafe_code)]

pub mod audit;
pub mod cli;
pub mod config;
pub mod control;
pub mod counters;
pub mod idle;
pub mod journal;
pub mod limits;
pub mod logging;
pub mod nic;
pub mod policy;
pub mod poll_loop;
pub mod run;
pub mod signals;
pub mod trust;

const _: () = assert!(
    !mutant::COMPILED_IN,
    "mutants are for the simulator: a gateway with bugs on purpose must not exist"
);
