//! The connection table: slots with generations, found by id or by endpoints.

use super::demux::Demux;
use crate::buffer::{RxBuffer, TxBuffer};
use crate::event::ConnectionId;
use crate::tcp::connection::Connection;
use crate::tcp::segment::Endpoints;

struct Slot<R, T> {
    generation: u32,
    connection: Option<Connection<R, T>>,
}

/// What `Limits::connections` says of the memory of each; the other tables take
/// 80 bytes more.
const _: () = assert!(size_of::<Slot<[usize; 3], [usize; 3]>>() <= 1024);

pub(super) struct Connections<R, T> {
    slots: Vec<Slot<R, T>>,
    free: Vec<u32>,
    demux: Demux,
}

impl<R: RxBuffer, T: TxBuffer> Connections<R, T> {
    /// `capacity` is below 2^32; see `Config::check`.
    pub(super) fn new(secret: [u8; 16], capacity: usize) -> Self {
        let slots = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self {
            slots: (0..slots)
                .map(|_| Slot {
                    generation: 0,
                    connection: None,
                })
                .collect(),
            free: (0..slots).rev().collect(),
            demux: Demux::new(secret, capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection<R, T>> {
        self.slots
            .iter()
            .filter_map(|slot| slot.connection.as_ref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection<R, T>> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.connection.as_mut())
    }

    /// The id the next inserted connection must have; `None` when full.
    pub(super) fn next_id(&self) -> Option<ConnectionId> {
        let index = *self.free.last()?;
        let generation = self.slots.get(index as usize)?.generation;
        Some(ConnectionId { index, generation })
    }

    /// Adds a connection made with `next_id`.
    pub(super) fn insert(&mut self, connection: Connection<R, T>) {
        let Some(index) = self.free.pop() else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(index as usize) {
            self.demux.insert(connection.endpoints, index);
            slot.connection = Some(connection);
        }
    }

    /// Frees the endpoints of a connection that only the application still knows: the
    /// peer may use them again at once.
    pub(super) fn release_endpoints(&mut self, index: u32) {
        if let Some(slot) = self.slots.get(index as usize)
            && let Some(connection) = &slot.connection
        {
            self.demux.remove(&connection.endpoints, index);
        }
    }

    pub(super) fn remove(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize)
            && let Some(connection) = slot.connection.take()
        {
            slot.generation = slot.generation.wrapping_add(1);
            self.demux.remove(&connection.endpoints, index);
            self.free.push(index);
        }
    }

    pub(super) fn find(&mut self, endpoints: &Endpoints) -> Option<u32> {
        self.demux.find(endpoints)
    }

    pub(super) fn at(&mut self, index: u32) -> Option<&mut Connection<R, T>> {
        self.slots.get_mut(index as usize)?.connection.as_mut()
    }

    /// The connection the application means, if it is still its to name.
    pub(super) fn named(&self, id: ConnectionId) -> Option<&Connection<R, T>> {
        self.slots
            .get(id.index as usize)?
            .connection
            .as_ref()
            .filter(|connection| connection.id == id && !connection.detached)
    }

    /// As `named`, to change it.
    pub(super) fn named_mut(&mut self, id: ConnectionId) -> Option<&mut Connection<R, T>> {
        self.at(id.index)
            .filter(|connection| connection.id == id && !connection.detached)
    }
}
