//! `bench ratios`: what a byte, a segment and a call cost, each against something else
//! measured in turns with it in the same process.

mod attach;
mod engine;
mod kernel;
mod report;
mod seal;
mod tcp;

use crate::{Bed, BedError, COLD_BYTES, Machine, another_core, pin};
pub use report::{Report, Row, Value};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rounds of every measurement; at least [`crate::FEWEST_ROUNDS`].
    pub rounds: usize,
    /// The core to measure on.
    pub core: u16,
    /// Only these families, by name; all if there are none.
    pub only: Vec<String>,
}

/// The families of measurements, in the order in which they run.
pub const FAMILIES: [&str; 4] = ["attach", "seal", "engine", "tcp"];

/// Measures.
///
/// # Errors
/// When there is nothing to measure on.
///
/// # Panics
/// When what is measured does not do what it should: a reply is wrong, or comes from
/// elsewhere than the cache.
pub fn measure(plan: &Plan) -> Result<Report, BedError> {
    let wanted = |name: &str| plan.only.is_empty() || plan.only.iter().any(|it| it == name);
    let other_core = another_core(usize::from(plan.core));
    let bed = Bed::start(plan.core)?;
    pin(usize::from(plan.core));
    let mut rows = Vec::new();
    let mut cache = bed.cache("cache", COLD_BYTES)?;
    if wanted("attach") {
        rows.extend(attach::measure(&bed, &mut cache, plan.rounds));
    }
    let mut slots = bed.slots("records")?;
    if wanted("seal") {
        rows.extend(seal::measure(&mut cache, &mut slots, plan.rounds));
    }
    if wanted("engine") {
        rows.extend(engine::measure(
            &bed,
            cache,
            slots,
            other_core,
            plan.rounds,
        )?);
    }
    if wanted("tcp") {
        rows.extend(tcp::measure(plan.rounds));
    }
    Ok(Report {
        machine: Machine::look(),
        hugepages: bed.has_hugepages(),
        rows,
    })
}
