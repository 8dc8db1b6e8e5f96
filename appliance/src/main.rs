//! The `wirepage` binary.
#![forbid(unsafe_code)]

fn main() {}
