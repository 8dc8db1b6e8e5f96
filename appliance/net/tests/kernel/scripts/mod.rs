//! The same scripts against our stack and against the kernel: a peer of the
//! test's own sends segments one by one and notes what comes back. Where the two
//! answer differently the script says so, and why; a difference that is not
//! listed fails, and so does one that is listed and not there.
//!
//! Compared are flags (but PSH, which is only advice), sequence numbers, options
//! and lengths; not the values of windows (but 0), timestamps and scales, which
//! are each one's own choice.

mod closing;
mod compare;
mod established;
mod handshake;
mod kernel;
mod ours;
mod reception;
mod segment;
mod sending;
mod subject;
mod talk;
