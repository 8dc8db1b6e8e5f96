//! The control socket: a Unix stream socket that answers `stats` with one line of JSON.
//!
//! [`server`] runs in a thread of its own and asks the engines through [`snapshot`]; [`client`] is the
//! other end. The protocol is one request line, then one reply line, then the end of the stream. The reply
//! is an object of [`Counters`](crate::counters::Counters), or an object with the one key `error`.

pub mod client;
pub mod server;
pub mod snapshot;

/// The one request there is.
const STATS_REQUEST: &str = "stats";
