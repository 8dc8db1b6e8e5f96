//! The Linux kernel as the peer: its own sockets over a TAP, in network
//! namespaces that exist only while a test runs, with the real clock.
//!
//! Needs `/dev/net/tun`, `ip` and `iptables`, and root or unprivileged user
//! namespaces. What is missing is said by the test that fails for it.

mod disorder;
#[path = "../harness/mod.rs"]
mod harness;
mod losses;
mod middle_box;
mod namespace;
mod network;
mod runner;
mod scripts;
mod server;
mod streams;
mod transfers;
