//! Sans-IO Ethernet, ARP, IPv4, ICMP echo and TCP for one interface of one core.
//!
//! Nothing here reads a clock, draws a random number or performs I/O: frames
//! and the time come in as arguments, frames go out through a [`FrameSink`].
//! Payload is never copied on its way out: TCP's send queue holds [`TxBuffer`]s
//! (refcounted immutable bytes), and every transmission or retransmission emits
//! a fresh header over the very same memory.
//!
//! # Order of calls
//!
//! One iteration of the owner's loop is:
//!
//! 1. [`Stack::handle_frame`] for every received frame,
//! 2. [`Stack::handle_timeout`] once [`Stack::poll_timeout`] has passed,
//! 3. [`Stack::poll_event`] until it yields nothing, with [`Stack::peek`],
//!    [`Stack::consume`], [`Stack::wake`], [`Stack::close`] and
//!    [`Stack::abort`] as the application sees fit (which may bring up further
//!    events),
//! 4. [`Stack::poll_transmit`], which sends everything that is due.
//!
//! `now` is the time since an arbitrary start and never goes back.
//!
//! # Recovery from losses
//!
//! With a peer that permits selective acknowledgements (RFC 2018) losses are
//! found by RACK and tail loss probes (RFC 8985) on a scoreboard, and sent again
//! within the congestion window (RFC 6675); with others by duplicates (NewReno,
//! RFC 6582). The window grows by CUBIC (RFC 9438) with the former, unless
//! [`Stack::set_congestion_control`] says otherwise. In both cases the
//! retransmission time-out is the last resort.
//!
//! # What is not supported
//!
//! The crate's `README.md` lists RFC by RFC what is there, what is not, and why.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod buffer;
mod config;
mod deadline;
mod event;
mod frame;
pub mod limits;
mod nanos;
mod neighbour;
mod stack;
mod stats;
mod tcp;
mod wire;

pub use buffer::{RxBuffer, TxBuffer};
pub use config::{Config, ConfigError, CongestionControl, Limits, Offload, Tso};
pub use event::{CloseReason, ConnectError, ConnectionId, Event};
pub use frame::{FrameOffload, FrameSink, Piece, RxChecksums, Source, TxFrame};
pub use stack::Stack;
pub use stats::Stats;
pub use tcp::state::State;
