//! One core of the appliance: stacks, sessions and gateway, without DPDK.
//!
//! Frames and the time come in, frames go out; no clock, randomness or I/O.
#![forbid(unsafe_code)]

mod audit;
mod closing;
mod config;
mod engine;
pub mod limits;
mod payload;
mod roster;
mod secure;
mod session;
mod source_ports;
mod stalled;
mod stats;

pub use audit::{Audit, Outcome};
pub use config::{EngineConfig, EngineError, Listen, Origin};
pub use engine::Engine;
pub use payload::{TxBytes, TxMemory};
pub use roster::Endpoints;
pub use secure::{
    Admission, AdmissionRule, OriginTls, Policy, Rekey, RekeyPolicy, Sealing, Security, Trust,
};
pub use stats::{EngineStats, SecurityStats};
