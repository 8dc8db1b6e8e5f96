//! Sans-IO XDR, ONC RPC, record marking, portmap, MOUNT and NFSv3 codecs.
//!
//! Bytes come in as slices, decoded values borrow from them, and encoders write into the
//! caller's buffer: the crate is `no_std` without `alloc`, so no length on the wire can make it
//! allocate. A message may lie in several segments (what was carried over plus what just
//! arrived), and may be read while it still arrives: [`xdr::XdrError::Short`] means *more bytes
//! needed* as long as the record has not ended, and a malformed message once it has.
//!
//! The way of a call through the crate:
//!
//! 1. [`record::RecordReader`] strips record marks from the TCP byte stream.
//! 2. [`rpc::decode_call`] or [`rpc::decode_reply`] reads the RPC header.
//! 3. [`nfs3::args`], [`nfs3::results`], [`mount`], [`portmap`], [`rpcbind`] and [`nfsacl`] read
//!    what follows it.
//! 4. [`xdr::Writer`] and the `encode` functions produce answers.
//!
//! Decoders check that a message is well-formed. They do not object to bytes after it: forward
//! [`xdr::Reader::since`], which ends where the decoder did.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

pub mod limits;
pub mod mount;
pub mod nfs3;
pub mod nfsacl;
pub mod portmap;
pub mod record;
pub mod rpc;
pub mod rpcbind;
pub mod xdr;
