//! Every bound of this program, with its reason.

use std::time::Duration;

/// Connections served at once unless `--max-connections` says otherwise: each is a thread, two
/// sockets and about 256 KiB.
pub const CONNECTIONS: usize = 64;

/// From the connection's first moment to the end of the TLS handshake. Loopback and data centres
/// need milliseconds; a peer that stalls must not hold a thread for longer.
pub const SETUP_TIME: Duration = Duration::from_secs(10);

/// Longest clear record that is kept to be looked at: the header of a call with the longest
/// credential and verifier (RFC 5531 section 8.2) fits several times.
pub const CLEAR_RECORD: usize = 4096;

/// Clear calls answered on one connection before TLS begins: a probe, and some wrong ones.
pub const CLEAR_CALLS: usize = 8;

/// Plaintext of one TLS record (RFC 8446 section 5.1).
pub const RECORD_PLAINTEXT: usize = 1 << 14;

/// Bytes read from the plain side at once: four full TLS records.
pub const CHUNK: usize = 4 * RECORD_PLAINTEXT;

/// Idle time after which the kernel asks whether the other host is still there, so that a
/// connection whose other end vanished does not stay for ever.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Pause after a failed `accept`: with no file descriptors left it would fail again at once.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
