//! Receiving.

use super::device::Device;
use crate::MbufBatch;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

/// One receive queue, polled by the thread that owns it.
///
/// It can be given to another thread but not be shared: drivers keep a queue's state
/// without locks.
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<dpdk::RxQueue>();
/// ```
#[derive(Debug)]
pub struct RxQueue {
    device: Arc<Device>,
    queue: u16,
    _not_sync: PhantomData<Cell<()>>,
}

impl RxQueue {
    pub(super) fn new(device: Arc<Device>, queue: u16) -> Self {
        Self {
            device,
            queue,
            _not_sync: PhantomData,
        }
    }

    /// Adds received frames to the batch, as many as are there and fit; returns how many.
    pub fn receive(&mut self, batch: &mut MbufBatch) -> usize {
        let spare = batch.spare();
        let room = u16::try_from(spare.len()).unwrap_or(u16::MAX);
        if room == 0 {
            return 0;
        }
        // SAFETY: the port is started and this is its queue's only user, by `&mut self`;
        // `spare` has room for `room` pointers, which is what an `Mbuf` is.
        let count = unsafe {
            dpdk_sys::rte_eth_rx_burst(
                self.device.id(),
                self.queue,
                spare.as_mut_ptr().cast(),
                room,
            )
        };
        let count = usize::from(count);
        // SAFETY: the driver wrote `count` chains, which it hands over with one reference
        // to each segment, to the first slots.
        unsafe { batch.filled(count) };
        count
    }

    /// Its number among the port's receive queues.
    pub fn index(&self) -> u16 {
        self.queue
    }
}
