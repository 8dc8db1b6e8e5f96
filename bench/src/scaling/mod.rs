//! What a call costs the engine as there is more of something: connections, files, cached blocks.
//!
//! The engine runs in the virtual world of its tests, with frames of heap memory instead of mbufs; what its
//! peers cost is not counted.

mod blocks;
mod connections;
mod files;
mod meter;
mod table;

use clap::{Args, ValueEnum};

use table::Row;

/// What grows.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// What there is more and more of; everything, one after the other, if left out.
    #[arg(value_enum)]
    what: Option<What>,
    /// Most of it: connections up to 10,000, files up to 1,000,000, blocks of 64 KiB up to 65,536.
    #[arg(long)]
    most: Option<usize>,
    /// Prints one JSON object on standard output instead of tables.
    #[arg(long)]
    json: bool,
}

/// What there may be more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Client connections; READs of 4 KiB from the cache on one after the other.
    Connections,
    /// Files whose attributes are known; GETATTRs of one after the other.
    Files,
    /// Cached blocks, in ordinary pages; READs of 4 KiB of one after the other.
    Blocks,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Connections => "connections",
            What::Files => "files",
            What::Blocks => "blocks",
        }
    }

    /// Each at most `most`, the last one being it.
    fn steps(self, most: Option<usize>) -> Vec<usize> {
        let steps: &[usize] = match self {
            What::Connections => &[1, 10, 100, 1000, 10_000],
            What::Files => &[1000, 10_000, 100_000, 1_000_000],
            What::Blocks => &[64, 512, 4096, 16_384, 65_536],
        };
        let last = steps.last().copied().unwrap_or(1);
        let most = most.unwrap_or(last).clamp(1, last);
        let below = steps.iter().copied().filter(|&step| step < most);
        below.chain([most]).collect()
    }

    fn measure(self, steps: &[usize]) -> Vec<Row> {
        match self {
            What::Connections => connections::measure(steps),
            What::Files => files::measure(steps),
            What::Blocks => blocks::measure(steps),
        }
    }
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<(), serde_json::Error> {
    let all = [What::Connections, What::Files, What::Blocks];
    let mut object = serde_json::Map::new();
    for what in all {
        if options.what.is_some_and(|wanted| wanted != what) {
            continue;
        }
        eprintln!("measuring {}", what.name());
        let rows = what.measure(&what.steps(options.most));
        if options.json {
            object.insert(what.name().to_owned(), serde_json::to_value(&rows)?);
        } else {
            print!("{}", table::markdown(what.name(), &rows));
        }
    }
    if options.json {
        println!("{}", serde_json::Value::Object(object));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_with_the_most_that_is_wanted() {
        assert_eq!(What::Connections.steps(Some(20)), [1, 10, 20]);
        assert_eq!(What::Connections.steps(Some(10)), [1, 10]);
        assert_eq!(What::Files.steps(Some(1)), [1]);
        assert_eq!(What::Blocks.steps(None).last(), Some(&65_536));
        assert_eq!(What::Blocks.steps(Some(1 << 40)).last(), Some(&65_536));
    }

    #[test]
    fn every_kind_of_growth_is_measured() {
        for what in [What::Connections, What::Files, What::Blocks] {
            let rows = what.measure(&[8, 64]);
            let counts: Vec<_> = rows.iter().map(|row| row.count).collect();
            assert_eq!(counts, [8, 64]);
            for row in rows {
                assert!(row.ticks_per_call > 0, "{row:?}");
                assert!(row.calls > 0, "{row:?}");
            }
        }
    }
}
