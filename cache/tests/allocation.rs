//! After its making a cache allocates nothing.

mod fixture;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fixture::{BLOCK_SIZE, cache_of, key};

thread_local! {
    // Of this thread, because the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_churn_of_everything_allocates_nothing() {
    let mut cache = cache_of(256);
    let mut wires: [Option<cache::WireRef>; 40] = [const { None }; 40];
    let mut pins: [Option<cache::BlockSlice>; 40] = [const { None }; 40];
    let before = ALLOCATIONS.get();
    let (mut random, mut hits, mut fills) = (1_u64, 0, 0);
    for turn in 0..200_000_usize {
        // A linear congruential sequence: cheap, and the same every time.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695);
        let name = key(random >> 60, (random >> 40) % 64);
        match cache.lookup(name, 0..BLOCK_SIZE) {
            Some(hit) => {
                hits += 1;
                wires[turn % 40] = Some(hit.slice.lend(0..100));
                pins[turn % 37] = Some(hit.slice);
            }
            None => {
                if let Some(block) = cache.allocate() {
                    fills += 1;
                    cache.publish(name, block.freeze(), 0..BLOCK_SIZE, turn % 2 == 0);
                }
            }
        }
        match random >> 33 & 0x3ff {
            0 => cache.remove_file(name.file),
            1 => cache.remove_range(name.file, 0..10 * BLOCK_SIZE as u64),
            2 => cache.remove(name),
            _ => {}
        }
    }
    let stats = cache.stats();
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(allocations, 0);
    drop(std::hint::black_box(vec![0_u8; 100]));
    assert_eq!(ALLOCATIONS.get(), before + 1, "the counter counts");
    assert!(
        hits > 1000 && fills > 1000 && stats.evictions > 1000,
        "{hits} {fills} {stats:?}"
    );
}
