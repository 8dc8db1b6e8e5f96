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
mod tls;
mod trace;
mod truth;
mod world;

use std::panic::{self, AssertUnwindSafe};

pub use options::Options;
pub use outcome::{Failure, FailureKind, Outcome, TlsCounts};

use outcome::Judge;

/// Runs one seed with the given options. The same arguments give the same outcome.
///
/// A panic of the product is an outcome too where panics unwind; with `panic = "abort"`, as in the release profile,
/// it ends the process.
#[must_use]
pub fn run(seed: u64, options: &Options) -> Outcome {
    run_judged(seed, options, &Judge::default())
}

/// As [`run`], telling on standard error what goes on.
#[must_use]
pub fn run_logging(seed: u64, options: &Options) -> Outcome {
    run_judged(seed, options, &Judge::new(true))
}

fn run_judged(seed: u64, options: &Options, judge: &Judge) -> Outcome {
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        world::World::new(seed, options, judge.clone()).run()
    }));
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        judge.crashed(text.unwrap_or_default())
    })
}
