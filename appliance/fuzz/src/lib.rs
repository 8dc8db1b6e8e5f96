//! Targets for a coverage-guided fuzzer: each takes any bytes and panics if something does not hold that must.
//!
//! Each target's file says what its bytes mean. The inputs in `corpus/NAME` are replayed by `cargo test`, so what
//! was found once is found again without a fuzzer; `deploy/fuzz` looks for more. Peers, models and oracles are
//! those of the crates' own tests.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as in tests: a panic is a finding"
)]

mod cache_operations;
mod configuration;
mod gateway_bytes;
mod record_marking;
mod segments;
mod tls_handshake;
mod tls_peers;
mod tls_records;
mod xdr;

#[path = "../../../cache/tests/fixture/mod.rs"]
mod fixture;
#[path = "../../net/tests/harness/mod.rs"]
mod harness;

/// Something that can be fed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Of the directory of its inputs, and for `deploy/fuzz`.
    pub name: &'static str,
    /// Feeds it; panics on a finding.
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    target("cache", cache_operations::run),
    target("config", configuration::run),
    target("gateway", gateway_bytes::run),
    target("net", segments::run),
    target("record", record_marking::run),
    target("tls-handshake", tls_handshake::run),
    target("tls-records", tls_records::run),
    target("xdr", xdr::run),
];
