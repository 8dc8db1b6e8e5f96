//! Wirepage.
fn main() {}
