//! What the gateway decides: calls and replies in, actions out.
//!
//! An NFSv3 caching gateway without I/O, clock or threads: [`Gateway`] takes the bytes of client and
//! origin connections and gives [`Action`]s. File data lies in blocks of the `cache` crate from the
//! moment it arrives and leaves as references to them.
//!
//! The way of a call: `client_intake` reads it from the stream, `dispatch` finds out what it is, `repeat`
//! deals with it if it has come before, `authorise` holds its handles against the exports, `squash` hides
//! whom the origin is not to know, and then
//! `read`, `write` or `forward` does it. Replies of the origin come in through `origin_intake`; what is done
//! when they do not come, `recovery` and `giving_up` say.
//! `duplicates` remembers what must not be executed twice, and `coherence` decides what of the cache is
//! still so.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)
)]

mod access;
mod action;
mod ages;
mod at_once;
mod authorise;
mod budget;
mod burst;
mod call;
mod chain;
mod charge;
mod client;
mod client_intake;
mod clock_table;
mod coherence;
mod config;
mod dispatch;
mod duplicates;
mod error;
mod exports;
mod files;
mod fill;
mod fills;
mod forward;
mod gateway;
mod giving_up;
mod handles;
mod hash;
mod identity;
pub mod limits;
mod links;
mod listing;
mod message;
mod meta;
mod mount;
mod mounts;
mod origin;
mod origin_intake;
mod portmap;
mod read;
mod recovery;
mod repeat;
mod reply;
mod resolve;
mod security;
mod slots;
mod squash;
mod stats;
#[cfg(test)]
mod testing;
mod upstream;
mod verdicts;
mod wait_list;
mod write;

pub use action::{Action, ClientId, OriginId};
pub use charge::Charge;
pub use config::{Cidr, Coherence, Export, GatewayConfig, OriginConfig, Seeds, ServiceConfig};
pub use error::{ConnectionError, ExportsMoved};
pub use gateway::{ClientInfo, Gateway};
pub use limits::Limits;
pub use message::{Message, Payload};
pub use meta::{MetaMut, MetaPool, MetaSlice};
pub use security::{AcceptedSecurity, Admitted, ClientSecurity, OriginSecurity, UidRanges};
pub use squash::{Anonymous, Squash};
pub use stats::GatewayStats;
