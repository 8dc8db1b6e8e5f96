//! The caller's clock and key log as rustls wants them.

use core::fmt::Write;

use rustls::pki_types::UnixTime;

use super::{Clock, KeyLog};

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.now()))
    }
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = String::with_capacity(label.len().saturating_add(200));
        line.push_str(label);
        for octets in [client_random, secret] {
            line.push(' ');
            for octet in octets {
                // Writing to a string does not fail.
                let _ = write!(line, "{octet:02x}");
            }
        }
        self.write(&line);
    }
}
