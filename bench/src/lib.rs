//! Criterion benches: copy against attach.
