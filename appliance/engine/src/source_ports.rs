//! Which local port the next connection to the origin uses.

use core::ops::RangeInclusive;

use crate::limits;

/// Walks a range of ports from the top down and round again, so that a port is
/// not used again while the origin may still hold its last connection.
#[derive(Debug)]
pub(crate) struct SourcePorts {
    range: RangeInclusive<u16>,
    next: u16,
}

impl SourcePorts {
    /// Ports below 1024 when the origin insists on them, dynamic ones otherwise.
    pub(crate) fn new(reserved: bool) -> Self {
        let range = if reserved {
            limits::RESERVED_SOURCE_PORTS
        } else {
            limits::DYNAMIC_SOURCE_PORTS
        };
        Self {
            next: *range.end(),
            range,
        }
    }

    /// How many ports there are to try.
    pub(crate) fn count(&self) -> usize {
        self.range.len()
    }

    /// The next port.
    pub(crate) fn next(&mut self) -> u16 {
        let port = self.next;
        self.next = if port == *self.range.start() {
            *self.range.end()
        } else {
            port - 1
        };
        port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_comes_once_before_any_comes_again() {
        let mut ports = SourcePorts::new(true);
        let round: Vec<u16> = (0..ports.count()).map(|_| ports.next()).collect();
        assert_eq!(round.first(), Some(&1023));
        assert_eq!(round.last(), Some(&512));
        assert_eq!(ports.next(), 1023);
    }
}
