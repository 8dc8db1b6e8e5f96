//! The engine end to end, in virtual time: clients and an origin that nobody of ours
//! encodes for, with blocks lent to a NIC that lets go of them when the test says.

mod bounds;
mod draining;
mod greedy;
mod half_close;
mod histories;
mod hostile;
mod idle;
mod killed;
mod lossy_links;
mod origin_cut;
mod origin_faults;
mod places;
mod reading;
mod reconnecting;
mod repeating;
mod two_keys;
mod vanishing;
#[allow(
    dead_code,
    unused_imports,
    reason = "other test programs use the rest of it"
)]
mod world;
mod writing;

use world::SOON;
