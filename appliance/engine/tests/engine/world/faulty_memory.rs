//! Memory that changes by itself.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use super::BLOCK;

/// Changes the bytes of the block in `arena` that begins with `old`, behind everybody's back, as a faulty device
/// would.
pub fn overwrite_block(arena: Range<usize>, old: &[u8], new: &[u8]) {
    let memory = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem");
    let memory = memory.expect("our own memory");
    let place = arena.step_by(BLOCK).find(|&block| {
        let mut bytes = vec![0; old.len()];
        memory
            .read_exact_at(&mut bytes, block as u64)
            .expect("mapped");
        bytes == old
    });
    let place = place.expect("the data is in the cache");
    memory.write_all_at(new, place as u64).expect("mapped");
}
