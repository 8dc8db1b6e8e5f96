//! The functions by whose names callgrind knows what to count.

use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// Instructions in here are counted.
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    COUNTING.set(true);
    black_box(work)();
    COUNTING.set(false);
}

/// Instructions in here are not, not even inside of [`counted`].
pub fn uncounted(work: &mut dyn FnMut()) {
    // Outside of it, callgrind would begin to count.
    if COUNTING.get() {
        paused(work);
    } else {
        work();
    }
    // A jump into `paused` in place of a call would escape callgrind.
    black_box(());
}

#[inline(never)]
fn paused(work: &mut dyn FnMut()) {
    black_box(work)();
    black_box(());
}

/// How callgrind names both: it switches counting at each entry and exit.
pub const TOGGLES: [&str; 2] = [
    "*instructions*probe*::counted*",
    "*instructions*probe*::paused*",
];
