//! TCP (RFC 9293) of one connection. `connection` holds the state; each other
//! file changes it for one reason.

pub(crate) mod acceptance;
pub(crate) mod acknowledgement;
pub(crate) mod arrival;
pub(crate) mod closing;
pub(crate) mod congestion;
pub(crate) mod connection;
pub(crate) mod cubic;
pub(crate) mod emit;
pub(crate) mod established;
pub(crate) mod expected;
pub(crate) mod handshake;
pub(crate) mod isn;
pub(crate) mod keepalive;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod path_mtu;
pub(crate) mod rack;
pub(crate) mod receive_queue;
pub(crate) mod receive_window;
pub(crate) mod rtt;
pub(crate) mod sack;
pub(crate) mod scoreboard;
pub(crate) mod segment;
pub(crate) mod selective;
pub(crate) mod send_queue;
pub(crate) mod sequence;
pub(crate) mod state;
pub(crate) mod syn_cookie;
pub(crate) mod tail_probe;
pub(crate) mod time_wait;
pub(crate) mod timeout;
pub(crate) mod timestamps;
