//! One core of the appliance: stacks, sessions and gateway, without DPDK.
//!
//! Frames and the time come in, frames go out; no clock, randomness or I/O.
#![forbid(unsafe_code)]

mod config;
mod engine;
pub mod limits;
mod payload;
mod session;
mod source_ports;
mod stats;

pub use config::{EngineConfig, EngineError, Listen, Origin};
pub use engine::Engine;
pub use payload::TxBytes;
pub use stats::EngineStats;
