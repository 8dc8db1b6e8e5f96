//! The crate against rustls' ordinary connections, and against peers that mean ill.

mod closing;
mod configuration;
mod data;
mod handshake;
mod hostile_handshake;
mod hostile_records;
mod identity;
mod key_update;
mod oracle;
mod ours;
mod pki;
mod refusals;
mod resumption;
