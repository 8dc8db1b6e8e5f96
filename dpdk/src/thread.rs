//! Threads that use pools and queues.

use crate::Eal;
use crate::errno;
use std::marker::PhantomData;

/// Why a thread could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// the EAL has no room for this thread (start fewer threads, or register fewer of them): {0}
    #[error(
        "the EAL has no room for this thread (start fewer threads, or register fewer of them): {0}"
    )]
    Refused(std::io::Error),
}

/// Makes the calling thread known to the EAL until it is dropped.
///
/// A registered thread has a core number and with it a cache in every pool; others
/// go to the pool's shared ring for every mbuf, which works but costs more.
///
/// It cannot leave its thread:
///
/// ```compile_fail,E0277
/// fn sendable<T: Send>() {}
/// sendable::<dpdk::EalThread>();
/// ```
#[derive(Debug)]
pub struct EalThread {
    registered: bool,
    _eal: Eal,
    /// Bound to the thread: unregistering works on the caller.
    _not_send: PhantomData<*const ()>,
}

impl Eal {
    /// Registers the calling thread. The thread that started the EAL, and one already
    /// registered, get a guard that does nothing.
    ///
    /// # Errors
    ///
    /// [`ThreadError::Refused`] when all core numbers are taken.
    pub fn register_thread(&self) -> Result<EalThread, ThreadError> {
        // SAFETY: reads this thread's own core number; it has no precondition.
        let known = unsafe { dpdk_sys::rte_lcore_id() } != dpdk_sys::LCORE_ID_ANY;
        if !known {
            // SAFETY: the EAL is up while `self` lives, and this thread has no core number.
            let code = unsafe { dpdk_sys::rte_thread_register() };
            if code != 0 {
                return Err(ThreadError::Refused(errno::last()));
            }
        }
        Ok(EalThread {
            registered: !known,
            _eal: self.share(),
            _not_send: PhantomData,
        })
    }
}

impl Drop for EalThread {
    fn drop(&mut self) {
        if self.registered {
            // SAFETY: this guard registered this very thread, from which it cannot
            // move, and the EAL it holds is still up.
            unsafe { dpdk_sys::rte_thread_unregister() };
        }
    }
}
