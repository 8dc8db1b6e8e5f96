//! What the gateway decides: calls and replies in, actions out.
//!
//! An NFSv3 caching gateway without I/O, clock or threads: [`Gateway`] takes the bytes of client and
//! origin connections and gives [`Action`]s. File data lies in blocks of the `cache` crate from the
//! moment it arrives and leaves as references to them.
#![forbid(unsafe_code)]

mod action;
mod budget;
mod config;
mod error;
mod gateway;
pub mod limits;
mod message;
mod meta;
mod stats;

pub use action::{Action, ClientId, OriginId};
pub use config::{Cidr, Coherence, Export, GatewayConfig, OriginConfig, Seeds, ServiceConfig};
pub use error::ConnectionError;
pub use gateway::{ClientInfo, Gateway};
pub use limits::Limits;
pub use message::{Message, Payload};
pub use meta::{MetaMut, MetaPool, MetaSlice};
pub use stats::GatewayStats;
