//! Whole appliances, their clients, an origin and the network between them in one deterministic process under
//! virtual time.
//!
//! [`Options::draw`] says what a seed's run is made of and what goes wrong in it; [`run`] runs it and says how it
//! ended. See the README beside this crate for what is checked, and what cannot be.
#![forbid(unsafe_code)]

mod appliance;
mod client;
mod host;
mod network;
mod nfs;
mod options;
mod origin;
mod outcome;
mod random;
mod trace;
mod truth;
mod world;

pub use options::Options;
pub use outcome::{Failure, FailureKind, Outcome};

/// Runs one seed with the given options. The same arguments give the same outcome.
///
/// A panic of the product is an outcome too where panics unwind; with `panic = "abort"` it ends the process.
#[must_use]
pub fn run(seed: u64, options: &Options) -> Outcome {
    world::World::new(seed, options).run()
}
