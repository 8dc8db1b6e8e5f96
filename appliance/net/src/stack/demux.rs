//! From the endpoints of a segment to a slot: a hash table with chaining whose
//! memory is allocated at start. The hash is keyed, so that peers cannot choose
//! ports that collide.

use core::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::tcp::segment::Endpoints;

const END: u32 = u32::MAX;

pub(super) struct Demux {
    secret: [u8; 16],
    /// First slot of each chain; a power of two of them.
    buckets: Box<[u32]>,
    /// The next slot of the chain, and whose endpoints the slot holds.
    links: Box<[Link]>,
    /// The slot that was found last: segments come in trains.
    recent: u32,
}

#[derive(Clone, Copy)]
struct Link {
    next: u32,
    endpoints: Option<Endpoints>,
}

impl Demux {
    pub(super) fn new(secret: [u8; 16], capacity: usize) -> Self {
        let empty = Link {
            next: END,
            endpoints: None,
        };
        Self {
            secret,
            buckets: vec![END; capacity.next_power_of_two() * 2].into_boxed_slice(),
            links: vec![empty; capacity].into_boxed_slice(),
            recent: END,
        }
    }

    fn bucket(&self, endpoints: &Endpoints) -> usize {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        let ports = u32::from(endpoints.remote_port) << 16 | u32::from(endpoints.local_port);
        hasher.write_u64(u64::from(endpoints.remote.to_bits()) << 32 | u64::from(ports));
        let mask = self.buckets.len() as u64 - 1;
        usize::try_from(hasher.finish() & mask).unwrap_or(0)
    }

    pub(super) fn find(&mut self, endpoints: &Endpoints) -> Option<u32> {
        let recent = self.links.get(self.recent as usize);
        if recent.is_some_and(|link| link.endpoints.as_ref() == Some(endpoints)) {
            return Some(self.recent);
        }
        let mut slot = *self.buckets.get(self.bucket(endpoints))?;
        loop {
            // END is beyond every slot.
            let link = self.links.get(slot as usize)?;
            if link.endpoints.as_ref() == Some(endpoints) {
                self.recent = slot;
                return Some(slot);
            }
            slot = link.next;
        }
    }

    /// Adds a slot; the endpoints must not be in the table.
    pub(super) fn insert(&mut self, endpoints: Endpoints, slot: u32) {
        let bucket = self.bucket(&endpoints);
        if let (Some(head), Some(link)) = (
            self.buckets.get_mut(bucket),
            self.links.get_mut(slot as usize),
        ) {
            *link = Link {
                next: core::mem::replace(head, slot),
                endpoints: Some(endpoints),
            };
        }
    }

    /// Takes a slot out; nothing happens if it is out already.
    pub(super) fn remove(&mut self, endpoints: &Endpoints, slot: u32) {
        let bucket = self.bucket(endpoints);
        let Some(after) = self.links.get(slot as usize).map(|link| link.next) else {
            return;
        };
        let Some(head) = self.buckets.get_mut(bucket) else {
            return;
        };
        if *head == slot {
            *head = after;
        } else {
            let mut at = *head;
            while let Some(link) = self.links.get_mut(at as usize) {
                if link.next == slot {
                    link.next = after;
                    break;
                }
                at = link.next;
            }
        }
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link {
                next: END,
                endpoints: None,
            };
        }
    }
}
