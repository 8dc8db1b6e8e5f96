//! Operations on a cache, beside the model of the cache's own tests. The input is the number of blocks and then one
//! operation after the other.

use std::ops::Range;

use arbitrary::{Result, Unstructured};
use cache::FileId;

use crate::fixture::model::{Model, Step};
use crate::fixture::{BLOCK_SIZE, key};

pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let blocks = input.int_in_range(1..=16).unwrap_or(1);
    let mut model = Model::new(blocks);
    while !input.is_empty()
        && let Ok(step) = step(&mut input)
    {
        model.step(step);
        model.check();
    }
    model.finish();
}

fn step(input: &mut Unstructured<'_>) -> Result<Step> {
    let kind = input.int_in_range(0..=11)?;
    let file = input.int_in_range(1..=3)?;
    let key = key(file, input.int_in_range(0..=5)?);
    let number = usize::from(input.arbitrary::<u8>()?);
    Ok(match kind {
        0 => Step::Publish {
            key,
            valid: range(input)?,
            end_of_file: input.arbitrary()?,
            keep: number & 1 == 1,
        },
        1 => Step::Lookup {
            key,
            range: range(input)?,
            keep: number & 1 == 1,
        },
        2 => Step::Peek {
            key,
            keep: number & 1 == 1,
        },
        3 => Step::Remove { key },
        4 => {
            let (start, end) = (edge(input)?, edge(input)?);
            let size = BLOCK_SIZE as u64;
            Step::RemoveRange {
                file: FileId(file),
                bytes: key.index * size + start as u64..number as u64 % 7 * size + end as u64,
            }
        }
        5 => Step::RemoveFile { file: FileId(file) },
        6 => Step::Share { pin: number },
        7 => Step::Unpin { pin: number },
        8 => Step::Lend { pin: number },
        9 => Step::Release { wire: number },
        10 => Step::Thaw { block: number },
        _ => Step::Republish { block: number, key },
    })
}

fn range(input: &mut Unstructured<'_>) -> Result<Range<usize>> {
    let (a, b) = (edge(input)?, edge(input)?);
    Ok(a.min(b)..a.max(b))
}

/// An offset in a block: its edges more often than not.
fn edge(input: &mut Unstructured<'_>) -> Result<usize> {
    Ok(match input.arbitrary::<u8>()? {
        0..64 => 0,
        64..96 => 1,
        96..128 => BLOCK_SIZE - 1,
        128..192 => BLOCK_SIZE,
        _ => input.int_in_range(0..=BLOCK_SIZE)?,
    })
}
