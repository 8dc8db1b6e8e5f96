//! Transmitting.

use super::device::Device;
use super::driver::Reclaim;
use crate::{Mbuf, MbufBatch};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

/// One transmit queue, used by the thread that owns it.
///
/// Frames that the device has finished with are freed, and their loans released, by the
/// thread that calls [`transmit`](Self::transmit) or
/// [`flush_completions`](Self::flush_completions), or by the drop of the whole port.
/// virtio frees them late and only when called: without calls, never.
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<dpdk::TxQueue>();
/// ```
#[derive(Debug)]
pub struct TxQueue {
    device: Arc<Device>,
    queue: u16,
    max_segments: u16,
    reclaim: Reclaim,
    /// A frame that is offered and never sent.
    probe: Mbuf,
    _not_sync: PhantomData<Cell<()>>,
}

impl TxQueue {
    pub(super) fn new(
        device: Arc<Device>,
        queue: u16,
        max_segments: u16,
        reclaim: Reclaim,
        probe: Mbuf,
    ) -> Self {
        Self {
            device,
            queue,
            max_segments,
            reclaim,
            probe,
            _not_sync: PhantomData,
        }
    }

    /// Fills in what the device needs for the offloads of the frames in the batch, and
    /// drops those that it could never send; returns how many it dropped.
    ///
    /// Call it before [`transmit`](Self::transmit); again does no harm.
    pub fn prepare(&mut self, batch: &mut MbufBatch) -> usize {
        let mut dropped = 0;
        let mut good = 0;
        // Each round either ends the loop or drops one frame.
        for _ in 0..=batch.len() {
            let frames = batch.as_mut_slice().get_mut(good..).unwrap_or_default();
            let too_long = frames
                .iter()
                .position(|f| f.segment_count() > usize::from(self.max_segments));
            let count = too_long.unwrap_or(frames.len());
            let asked = u16::try_from(count).unwrap_or(u16::MAX);
            // SAFETY: the port is started and this is its queue's only user; `frames` holds
            // at least `asked` owned chains, each a pointer. Headers that offloads speak of
            // lie in the first segment, which is direct (`set_tx_offload` checks it).
            let prepared = unsafe {
                dpdk_sys::rte_eth_tx_prepare(
                    self.device.id(),
                    self.queue,
                    frames.as_mut_ptr().cast(),
                    asked,
                )
            };
            good += usize::from(prepared);
            if good >= batch.len() {
                break;
            }
            dropped += usize::from(batch.remove(good).is_some());
        }
        dropped
    }

    /// Sends frames from the front of the batch; returns how many the ring took. What it
    /// did not take stays in the batch, in order.
    ///
    /// A frame that never fits (see [`Granted::max_segments`](super::Granted)) would stay
    /// for ever: [`prepare`](Self::prepare) drops it.
    pub fn transmit(&mut self, batch: &mut MbufBatch) -> usize {
        let frames = batch.as_mut_slice();
        let asked = u16::try_from(frames.len()).unwrap_or(u16::MAX);
        if asked == 0 {
            return 0;
        }
        // SAFETY: the port is started and this is its queue's only user; `frames` holds
        // `asked` owned chains, each a pointer.
        let sent = unsafe {
            dpdk_sys::rte_eth_tx_burst(
                self.device.id(),
                self.queue,
                frames.as_mut_ptr().cast(),
                asked,
            )
        };
        let sent = usize::from(sent);
        // SAFETY: the driver owns the first `sent` frames now and will free them; it took
        // none of the others.
        unsafe { batch.forget(sent) };
        sent
    }

    /// Frees every frame that the device has finished with, and so releases its loans.
    ///
    /// An idle engine must call it now and then. It costs a few reads when there is
    /// nothing to free. Some drivers have nothing of the kind and free all they can in
    /// [`transmit`](Self::transmit) already: there it does nothing.
    pub fn flush_completions(&mut self) {
        match self.reclaim {
            Reclaim::OversizedFrame => {
                // SAFETY: the port is started, this is its queue's only user, and `probe` is
                // owned here. No ring has as many slots as the frame pretends to need
                // (`limits::RING_DESCRIPTORS`), so the driver refuses it unread.
                let taken = unsafe {
                    dpdk_sys::shim_virtio_reclaim(self.device.id(), self.queue, self.probe.as_raw())
                };
                assert_eq!(taken, 0, "no ring takes a frame of 32,767 segments");
            }
            Reclaim::DoneCleanup => {
                // SAFETY: the port is started and this is its queue's only user. That the
                // driver may lack the call is fine.
                unsafe { dpdk_sys::rte_eth_tx_done_cleanup(self.device.id(), self.queue, 0) };
            }
        }
    }

    /// Its number among the port's transmit queues.
    pub fn index(&self) -> u16 {
        self.queue
    }
}
