//! Ethernet addresses of the hosts on the link, by ARP (RFC 826, 1122 2.3.2).
//!
//! Nothing waits here for an address: a connection that cannot send builds its
//! frame anew once the address is known. An entry is made by our own question or
//! by a request that asks for us; what else passes by only refreshes entries
//! that exist.

use crate::nanos::Nanos;
use core::net::Ipv4Addr;

use crate::deadline::Deadline;
use crate::limits::{ARP_HOLD_OFF, ARP_REQUESTS, ARP_RETRY, NEIGHBOUR_LIFETIME};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Trusted until then; afterwards asked for again, and used meanwhile.
    Known { mac: [u8; 6], until: Nanos },
    /// Used while nobody has answered that it is still right.
    Stale { mac: [u8; 6] },
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
    next_request: Nanos,
    used: Nanos,
}

/// What is known about a next hop; with `ask` a request is to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Known {
        mac: [u8; 6],
        slot: usize,
        ask: bool,
    },
    /// Nothing.
    Pending { ask: bool },
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
    pub(crate) fn resolve(&mut self, address: Ipv4Addr, slot: usize, now: Nanos) -> Resolution {
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
            Status::Known { mac, until } => {
                let ask = now >= until;
                if ask {
                    entry.ask_first(Status::Stale { mac }, now);
                    self.asked += 1;
                }
                Resolution::Known { mac, slot, ask }
            }
            Status::Stale { mac } => Resolution::Known {
                mac,
                slot,
                ask: false,
            },
            Status::Unreachable if now >= entry.next_request => {
                entry.ask_first(Status::Asked, now);
                self.asked += 1;
                Resolution::Pending { ask: true }
            }
            Status::Asked | Status::Unreachable => Resolution::Pending { ask: false },
        }
    }

    /// What was last known of `address`, without asking.
    pub(crate) fn last_known(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        let entry = self.entries.get(self.position(address)?)?;
        match entry.status {
            Status::Known { mac, .. } | Status::Stale { mac } => Some(mac),
            Status::Asked | Status::Unreachable => None,
        }
    }

    /// Takes an address from an ARP packet; `create` when it asked for us. True
    /// when someone may have waited for it.
    pub(crate) fn learn(
        &mut self,
        address: Ipv4Addr,
        mac: [u8; 6],
        create: bool,
        now: Nanos,
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
            let waited = matches!(entry.status, Status::Asked | Status::Unreachable);
            self.asked -= usize::from(entry.is_asked());
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
    pub(crate) fn confirm(&mut self, address: Ipv4Addr, slot: usize, now: Nanos) {
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        if entry.address == address
            && let Status::Known { mac, .. } | Status::Stale { mac } = entry.status
        {
            self.asked -= usize::from(entry.is_asked());
            entry.status = Status::Known {
                mac,
                until: now + NEIGHBOUR_LIFETIME,
            };
        }
    }

    pub(crate) fn next_deadline(&self) -> Deadline {
        if self.asked == 0 {
            return Deadline::NEVER;
        }
        self.entries
            .iter()
            .filter(|entry| entry.is_asked())
            .map(|entry| entry.next_request)
            .min()
            .into()
    }

    /// One thing that is due, if any.
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<Due> {
        if self.asked == 0 {
            return None;
        }
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.is_asked() && entry.next_request <= now)?;
        if entry.requests >= ARP_REQUESTS {
            entry.status = Status::Unreachable;
            entry.next_request = now + ARP_HOLD_OFF;
            self.asked -= 1;
            return Some(Due::Unreachable(entry.address));
        }
        entry.next_request = now + Nanos::of(ARP_RETRY) * (1 << entry.requests);
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
        self.asked += usize::from(neighbour.is_asked());
        if self.entries.len() < self.capacity {
            self.entries.push(neighbour);
        } else if let Some(oldest) = self.entries.iter_mut().min_by_key(|entry| entry.used) {
            self.asked -= usize::from(oldest.is_asked());
            *oldest = neighbour;
        }
    }
}

impl Neighbour {
    fn is_asked(&self) -> bool {
        matches!(self.status, Status::Asked | Status::Stale { .. })
    }

    fn ask_first(&mut self, status: Status, now: Nanos) {
        self.status = status;
        self.requests = 1;
        self.next_request = now + ARP_RETRY;
    }
}
