//! `bench ratios`: what a byte, a segment and a call cost, each against something else
//! measured in turns with it in the same process.

mod attach;
mod engine;
mod kernel;
mod report;
mod seal;
mod tcp;

use crate::{Bed, BedError, COLD_BYTES, Machine, another_core, last_core, pin};
pub use report::{Report, Row, Value};
pub use tcp::OurPair;

/// What a byte, a segment and a call cost, each against something else.
///
/// Numerator and denominator are measured in turns in one process, bound to one core; the
/// figure is that of the fastest rounds. Ticks are those of the time stamp counter.
#[derive(Debug, clap::Args)]
#[command(after_help = "Which way each ratio goes:
  attach_vs_copy_1448_dram     copying ÷ attaching                              (6 or more is wanted)
  tls_tx_over_seal_1448        READ over TLS, 1,448 B segments ÷ sealing alone  (1.35 or less)
  tls_tx_over_seal_tso         the same with TSO ÷ sealing alone                (1.10 or less)
  one_pass_vs_copy_then_seal   copying and sealing in place ÷ one pass          (1.15 or more)
  tcp_vs_smoltcp_1500          our TCP ÷ smoltcp's, both ends of each           (0.5 or less)
  tls_sender_vs_kernel_send    our sender ÷ aws-lc and send(), CPU time         (0.5 or less)
  attach_segment_vs_c          our loop ÷ the same in C                         (1.3 or less)")]
pub struct Options {
    /// Print nothing but JSON
    #[arg(long)]
    json: bool,
    /// Rounds of each measurement, 41 at least
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// The core to measure on [default: the last one]
    #[arg(long)]
    core: Option<u16>,
    /// Only these families
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(FAMILIES))]
    only: Vec<String>,
    /// Nothing but one kind of call, over and over as a profiler wants it: getattr_plain, read_64k_tls and so on,
    /// with _1448 what is cut in software, and with _together small calls of which many come at once
    #[arg(long, conflicts_with_all = ["json", "only"])]
    call: Option<String>,
}

/// The families of measurements, in the order in which they run.
pub const FAMILIES: [&str; 4] = ["attach", "seal", "engine", "tcp"];

/// Measures, and prints what was found.
///
/// # Errors
/// When there is nothing to measure on.
///
/// # Panics
/// As [`measure`].
pub fn run(options: &Options) -> Result<(), BedError> {
    if let Some(call) = &options.call {
        return repeat(options, call);
    }
    let report = measure(options)?;
    if options.json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(())
}

fn repeat(options: &Options, call: &str) -> Result<(), BedError> {
    let core = options.core.unwrap_or_else(last_core);
    let bed = Bed::start(core)?;
    pin(usize::from(core));
    let spread = engine::repeat(&bed, call, options.rounds)?;
    println!(
        "{call}: min {:.0}, p10 {:.0}, median {:.0} ticks",
        spread.min, spread.p10, spread.median
    );
    Ok(())
}

/// Measures.
///
/// # Errors
/// When there is nothing to measure on.
///
/// # Panics
/// When what is measured does not do what it should: a reply is wrong, or comes from
/// elsewhere than the cache.
pub fn measure(options: &Options) -> Result<Report, BedError> {
    let Options { rounds, only, .. } = options;
    let (rounds, core) = (*rounds, options.core.unwrap_or_else(last_core));
    let wanted = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let other_core = another_core(usize::from(core));
    let bed = Bed::start(core)?;
    pin(usize::from(core));
    let mut rows = Vec::new();
    let mut cache = bed.cache("cache", COLD_BYTES)?;
    if wanted("attach") {
        rows.extend(attach::measure(&bed, &mut cache, rounds));
    }
    let mut slots = bed.slots("records")?;
    if wanted("seal") {
        rows.extend(seal::measure(&mut cache, &mut slots, rounds));
    }
    if wanted("engine") {
        rows.extend(engine::measure(&bed, cache, slots, other_core, rounds)?);
    }
    if wanted("tcp") {
        rows.extend(tcp::measure(rounds));
    }
    Ok(Report {
        machine: Machine::look(),
        hugepages: bed.has_hugepages(),
        rows,
    })
}
