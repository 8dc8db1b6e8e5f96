//! TLS on clients' connections and on those to the origin, end to end in virtual time: the engine against
//! rustls' ordinary connections and against peers that mean ill.

#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../../../tls/tests/tls/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "other test programs use the rest of it")]
#[path = "../../../tls/tests/tls/pki.rs"]
mod pki;
#[allow(
    dead_code,
    unused_imports,
    reason = "other test programs use the rest of it"
)]
#[path = "../engine/world/mod.rs"]
mod world;

mod handshakes;
mod hostile;
mod keys;
mod lab;
mod origin_hostile;
mod origin_keys;
mod origin_probe;
mod origin_side;
mod origin_transfer;
mod origin_trust;
mod peer;
mod policy;
mod pressure;
mod reload;
mod stored;
mod transfer;
