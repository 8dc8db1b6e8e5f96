//! Ethernet addresses of the hosts on the link, by ARP (RFC 826, 1122 2.3.2).
//!
//! Nothing waits here for an address: a connection that cannot send builds its
//! frame anew once the address is known. An entry is made by our own question or
//! by a request that asks for us; what else passes by only refreshes entries
//! that exist.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::limits::{ARP_HOLD_OFF, ARP_REQUESTS, ARP_RETRY, NEIGHBOUR_LIFETIME};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Trusted until then; asked for again afterwards.
    Known { mac: [u8; 6], until: Duration },
    /// Nobody has answered yet.
    Asked,
    /// Nobody answered any request.
    Unreachable,
}

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    address: Ipv4Addr,
    status: Status,
    /// Requests sent without an answer.
    requests: u8,
    /// When the next request, or the next attempt, is due.
    next_request: Duration,
    used: Duration,
}

/// What is known about a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Known {
        mac: [u8; 6],
        slot: usize,
    },
    /// Not known; a broadcast request is to be sent now if `ask`.
    Pending {
        ask: bool,
    },
}

/// A request that a timer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ask(Ipv4Addr),
    Unreachable(Ipv4Addr),
}

pub(crate) struct Neighbours {
    entries: Vec<Neighbour>,
    capacity: usize,
    /// How many are being asked: usually none, which makes looking for the next
    /// deadline free.
    asked: usize,
}

impl Neighbours {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            capacity,
            asked: 0,
        }
    }

    /// Looks `address` up, first at `slot`, where it was last.
    pub(crate) fn resolve(&mut self, address: Ipv4Addr, slot: usize, now: Duration) -> Resolution {
        let found = match self.entries.get(slot) {
            Some(entry) if entry.address == address => Some(slot),
            _ => self.position(address),
        };
        let Some(slot) = found else {
            self.insert(Neighbour {
                address,
                status: Status::Asked,
                requests: 1,
                next_request: now + ARP_RETRY,
                used: now,
            });
            return Resolution::Pending { ask: true };
        };
        let Some(entry) = self.entries.get_mut(slot) else {
            return Resolution::Pending { ask: false };
        };
        entry.used = now;
        match entry.status {
            Status::Known { mac, until } if now < until => Resolution::Known { mac, slot },
            Status::Known { .. } => {
                entry.ask_first(now);
                self.asked += 1;
                Resolution::Pending { ask: true }
            }
            Status::Unreachable if now >= entry.next_request => {
                entry.ask_first(now);
                self.asked += 1;
                Resolution::Pending { ask: true }
            }
            Status::Asked | Status::Unreachable => Resolution::Pending { ask: false },
        }
    }

    /// Takes an address from an ARP packet; `create` when it asked for us. True
    /// when someone may have waited for it.
    pub(crate) fn learn(
        &mut self,
        address: Ipv4Addr,
        mac: [u8; 6],
        create: bool,
        now: Duration,
    ) -> bool {
        let status = Status::Known {
            mac,
            until: now + NEIGHBOUR_LIFETIME,
        };
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.address == address)
        {
            let waited = !matches!(entry.status, Status::Known { .. });
            self.asked -= usize::from(entry.status == Status::Asked);
            entry.status = status;
            entry.requests = 0;
            return waited;
        }
        if create {
            self.insert(Neighbour {
                address,
                status,
                requests: 0,
                next_request: now,
                used: now,
            });
        }
        false
    }

    /// A connection through `slot` makes progress, so the address is right.
    pub(crate) fn confirm(&mut self, address: Ipv4Addr, slot: usize, now: Duration) {
        if let Some(entry) = self.entries.get_mut(slot)
            && entry.address == address
            && let Status::Known { until, .. } = &mut entry.status
        {
            *until = now + NEIGHBOUR_LIFETIME;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        if self.asked == 0 {
            return None;
        }
        self.entries
            .iter()
            .filter(|entry| entry.status == Status::Asked)
            .map(|entry| entry.next_request)
            .min()
    }

    /// One thing that is due, if any.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Due> {
        if self.asked == 0 {
            return None;
        }
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.status == Status::Asked && entry.next_request <= now)?;
        if entry.requests >= ARP_REQUESTS {
            entry.status = Status::Unreachable;
            entry.next_request = now + ARP_HOLD_OFF;
            self.asked -= 1;
            return Some(Due::Unreachable(entry.address));
        }
        entry.next_request = now + ARP_RETRY * (1 << entry.requests);
        entry.requests += 1;
        Some(Due::Ask(entry.address))
    }

    fn position(&self, address: Ipv4Addr) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.address == address)
    }

    /// A full table gives up whom it has not needed for longest.
    fn insert(&mut self, neighbour: Neighbour) {
        self.asked += usize::from(neighbour.status == Status::Asked);
        if self.entries.len() < self.capacity {
            self.entries.push(neighbour);
        } else if let Some(oldest) = self.entries.iter_mut().min_by_key(|entry| entry.used) {
            self.asked -= usize::from(oldest.status == Status::Asked);
            *oldest = neighbour;
        }
    }
}

impl Neighbour {
    fn ask_first(&mut self, now: Duration) {
        self.status = Status::Asked;
        self.requests = 1;
        self.next_request = now + ARP_RETRY;
    }
}
