//! Who is connected, for a journal kept outside: it outlives a process that is killed, and the next one can let
//! the peers know.

use core::net::SocketAddrV4;
use std::collections::VecDeque;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// Ours.
    pub local: SocketAddrV4,
    /// The peer's.
    pub remote: SocketAddrV4,
}

/// The connection in every slot, and which slots have changed since they were last asked about.
pub(crate) struct Roster {
    /// The first slot of every port.
    first_slots: Vec<usize>,
    slots: Vec<Option<Endpoints>>,
    is_changed: Vec<bool>,
    /// The slots marked in `is_changed`, each once.
    changed: VecDeque<usize>,
}

impl Roster {
    /// With as many slots as the ports' tables of connections have together.
    pub(crate) fn new(capacities: &[usize]) -> Self {
        let mut slots = 0;
        let mut first_slots = Vec::with_capacity(capacities.len());
        for capacity in capacities {
            first_slots.push(slots);
            slots += capacity;
        }
        Self {
            first_slots,
            slots: vec![None; slots],
            is_changed: vec![false; slots],
            changed: VecDeque::with_capacity(slots),
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Who has the `index`th connection of `port` from now on.
    pub(crate) fn set(&mut self, port: usize, index: usize, endpoints: Option<Endpoints>) {
        let Some(slot) = self.first_slots.get(port).map(|first| first + index) else {
            return;
        };
        let (Some(entry), Some(is_changed)) =
            (self.slots.get_mut(slot), self.is_changed.get_mut(slot))
        else {
            return;
        };
        if *entry == endpoints {
            return;
        }
        *entry = endpoints;
        if !std::mem::replace(is_changed, true) {
            self.changed.push_back(slot);
        }
    }

    /// A slot that has changed, and who has it now.
    pub(crate) fn poll_change(&mut self) -> Option<(usize, Option<Endpoints>)> {
        let slot = self.changed.pop_front()?;
        *self.is_changed.get_mut(slot)? = false;
        Some((slot, *self.slots.get(slot)?))
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn endpoints(port: u16) -> Option<Endpoints> {
        let end = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        Some(Endpoints {
            local: end(2049),
            remote: end(port),
        })
    }

    #[test]
    fn a_slot_is_reported_once_with_what_it_holds_now() {
        let mut roster = Roster::new(&[3, 1]);
        roster.set(0, 2, endpoints(700));
        roster.set(1, 0, endpoints(701));
        roster.set(0, 2, None);
        roster.set(0, 2, endpoints(702));
        assert_eq!(roster.poll_change(), Some((2, endpoints(702))));
        assert_eq!(roster.poll_change(), Some((3, endpoints(701))));
        assert_eq!(roster.poll_change(), None);
        roster.set(0, 2, None);
        assert_eq!(roster.poll_change(), Some((2, None)));
    }

    #[test]
    fn what_does_not_change_or_does_not_exist_is_not_reported() {
        let mut roster = Roster::new(&[1]);
        roster.set(0, 0, None);
        roster.set(0, 1, endpoints(700));
        roster.set(1, 0, endpoints(700));
        assert_eq!(roster.poll_change(), None);
    }
}
