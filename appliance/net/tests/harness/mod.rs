//! A scripted peer under virtual time. Its segments are built and read by
//! smoltcp, so that a mistake in our encoding cannot hide in our decoding.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod buffers;
pub mod device;
pub mod frames;
pub mod link;
pub mod peer;
