//! Copy against attach: what it costs to send a payload out of the cache, in clear and
//! with TLS.

mod chains;
mod plot;
mod report;
mod sealing;

pub use chains::{Chains, Ring};
pub use plot::plot;
pub use report::{Cell, Report};
pub use sealing::Sealer;

use crate::pki::Pki;
use crate::{
    BLOCK_BYTES, Bed, BedError, COLD_BYTES, Machine, Source, fill, interleave, last_core, pin,
};
use cache::BlockRef;
use std::error::Error;
use std::path::PathBuf;
use tls::CipherSuite;

/// Payloads copied into frames against payloads attached, with and without a virtio ring, and
/// copied and sealed against sealed in one pass. Prints a table; writes `copy-vs-attach.svg` and
/// `copy-vs-attach.json`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where to write
    #[arg(long, default_value = "bench/reports")]
    directory: PathBuf,
    /// Rounds of each measurement, 41 at least
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// The core to measure on [default: the last one]
    #[arg(long)]
    core: Option<u16>,
}

/// How a payload gets into a frame or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Copied into mbufs; under TLS copied into transmit memory and sealed there.
    Copy,
    /// Attached where it lies; under TLS sealed into transmit memory in one pass.
    Attach,
}

/// Payloads of one size on their way.
#[derive(Debug)]
pub struct Lane {
    source: Source,
    pieces_each: usize,
    way: Way,
}

/// What payloads go through.
pub trait Stage {
    /// Longest piece of a payload that is handled at once, in bytes.
    const PIECE: usize;

    /// Ticks of the work on so many payloads.
    fn run(&mut self, lane: &mut Lane, payloads: usize) -> u64;

    /// Payloads of `len` bytes out of `blocks`.
    fn lane(blocks: &[BlockRef], len: usize, way: Way) -> Lane {
        Lane {
            source: Source::new(blocks, len.min(Self::PIECE)),
            pieces_each: len.div_ceil(Self::PIECE),
            way,
        }
    }
}

/// Sizes of payloads in bytes: a segment, a small READ, a block, a large READ.
pub const SIZES: [usize; 4] = [1448, 8 << 10, 64 << 10, 1 << 20];

/// Where payloads come from, by how much memory they are spread over.
pub const PLACES: [(&str, usize); 3] = [("L2", 256 << 10), ("L3", 8 << 20), ("DRAM", COLD_BYTES)];

/// The ciphers that records are sealed with.
pub const CIPHERS: [(&str, CipherSuite); 2] = [
    ("AES-128-GCM", CipherSuite::Aes128Gcm),
    ("AES-256-GCM", CipherSuite::Aes256Gcm),
];

/// The blocks of a place.
pub fn blocks_of(blocks: &[BlockRef], bytes: usize) -> &[BlockRef] {
    &blocks[..(bytes / BLOCK_BYTES).min(blocks.len())]
}

/// Payloads in a round: 16 MiB of them, so that even attaching takes long enough to be measured.
pub fn payloads_in_a_round(len: usize) -> usize {
    (16_usize << 20).div_ceil(len).min(4096)
}

/// Measures, prints a table, and writes plot and report.
///
/// # Errors
/// When there is nothing to measure on, or a file cannot be written.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let core = options.core.unwrap_or_else(last_core);
    let report = measure(core, options.rounds)?;
    print!("{report}");
    std::fs::create_dir_all(&options.directory)?;
    let write = |name: &str, text: &str| {
        let path = options.directory.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let json = serde_json::to_string_pretty(&report.to_json())?;
    write("copy-vs-attach.json", &format!("{json}\n"))?;
    let svg = plot(&report).map_err(|error| error.to_string())?;
    write("copy-vs-attach.svg", &svg)?;
    Ok(())
}

/// Measures all of it on `core`.
///
/// # Errors
/// When there is nothing to measure on.
pub fn measure(core: u16, rounds: usize) -> Result<Report, BedError> {
    let bed = Bed::start(core)?;
    pin(usize::from(core));
    let mut cache = bed.cache("cache", COLD_BYTES)?;
    let blocks = fill(&mut cache);
    let builder = bed.builder();
    let mut cells = Vec::new();
    let mut ring = Ring::open(&bed)?;
    for (place, bytes) in PLACES {
        let blocks = blocks_of(&blocks, bytes);
        for len in SIZES {
            let mut chains = Chains::new(&builder, len);
            cells.push(cell("frames", (place, blocks), len, &mut chains, rounds));
            cells.push(cell("virtio", (place, blocks), len, &mut ring, rounds));
        }
    }
    let mut slots = bed.slots("records")?;
    for (kind, suite) in CIPHERS {
        let mut sealer = Sealer::new(Pki::new(suite).sender(), &mut slots);
        for (place, bytes) in PLACES {
            let blocks = blocks_of(&blocks, bytes);
            for len in SIZES {
                cells.push(cell(kind, (place, blocks), len, &mut sealer, rounds));
            }
        }
    }
    Ok(Report {
        machine: Machine::look(),
        dpdk: bed.eal().version(),
        hugepages: bed.has_hugepages(),
        core,
        cells,
    })
}

/// Both ways in turns.
fn cell<S: Stage>(
    kind: &'static str,
    (place, blocks): (&'static str, &[BlockRef]),
    len: usize,
    stage: &mut S,
    rounds: usize,
) -> Cell {
    let payloads = payloads_in_a_round(len);
    let mut lanes = [Way::Copy, Way::Attach].map(|way| S::lane(blocks, len, way));
    let [copy, attach] = interleave(rounds, |which| {
        stage.run(&mut lanes[which], payloads) as f64 / payloads as f64
    });
    Cell {
        kind,
        place,
        len,
        copy,
        attach,
    }
}
