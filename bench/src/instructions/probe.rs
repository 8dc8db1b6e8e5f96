//! The functions by whose names callgrind knows what to count.

use std::hint::black_box;

/// Instructions in here are counted.
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    black_box(work)();
}

/// Instructions in here are not, though they are inside of [`counted`].
#[inline(never)]
pub fn uncounted(work: &mut dyn FnMut()) {
    black_box(work)();
}

/// How callgrind names both: it switches counting at each entry and exit.
pub const TOGGLES: [&str; 2] = [
    "*instructions*probe*::counted*",
    "*instructions*probe*::uncounted*",
];
