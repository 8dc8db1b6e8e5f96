//! The engine end to end, in virtual time: clients and an origin that nobody of ours
//! encodes for, with blocks lent to a NIC that lets go of them when the test says.

mod bounds;
mod draining;
mod greedy;
mod half_close;
mod histories;
mod hostile;
mod idle;
mod lossy_links;
mod reading;
mod reconnecting;
mod repeating;
mod two_keys;
mod vanishing;
mod world;
mod writing;

/// Long enough for everything that is under way on a clean link, delayed
/// acknowledgements included, and shorter than any time-out that gives up.
const SOON: std::time::Duration = std::time::Duration::from_secs(1);
