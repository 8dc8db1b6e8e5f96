//! The parts of the `wirepage` binary around its engines: configuration, command line, control socket,
//! counters, signals and logging. A library so that tests reach them.
#![forbid(unsafe_code)]

pub mod config;
pub mod idle;
pub mod limits;
