//! Exact counters from a running engine, without a lock on its data path.
//!
//! The control thread raises a generation number; the engine looks at it once per turn (one relaxed load
//! in the common case) and, when it has moved, sends a copy of its counters through a channel of one. An
//! engine that sleeps does so for at most [`IDLE_SLEEP_MAX`](crate::limits::IDLE_SLEEP_MAX), so an answer
//! is at most a turn old when it arrives.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Instant;

use crate::counters::Counters;

/// Both ends for one engine: the control thread's and the engine's.
pub fn channel() -> (SnapshotRequester, SnapshotPublisher) {
    let wanted = Arc::new(AtomicU64::new(0));
    let (sender, receiver) = mpsc::sync_channel(1);
    let requester = SnapshotRequester {
        wanted: Arc::clone(&wanted),
        replies: receiver,
    };
    (
        requester,
        SnapshotPublisher {
            wanted,
            answered: 0,
            replies: sender,
        },
    )
}

/// The control thread's end.
#[derive(Debug)]
pub struct SnapshotRequester {
    wanted: Arc<AtomicU64>,
    replies: Receiver<(u64, Counters)>,
}

/// The engine's end.
#[derive(Debug)]
pub struct SnapshotPublisher {
    wanted: Arc<AtomicU64>,
    answered: u64,
    replies: SyncSender<(u64, Counters)>,
}

/// Why there is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The engine takes no turns: it is still starting, or stuck.
    #[error("the engine did not answer within {} ms: it is still starting, or stuck", .0.as_millis())]
    Timeout(Duration),
    /// The engine has ended.
    #[error("the engine has ended")]
    EngineEnded,
}

impl SnapshotRequester {
    /// Counters as they are at a turn of the engine after this call. Waits at most `timeout`.
    pub fn request(&mut self, timeout: Duration) -> Result<Counters, SnapshotError> {
        let deadline = Instant::now() + timeout;
        let generation = self.wanted.fetch_add(1, Ordering::Relaxed) + 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.replies.recv_timeout(left) {
                Ok((answered, counters)) if answered == generation => return Ok(counters),
                // The answer to a request that had timed out.
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(SnapshotError::Timeout(timeout)),
                Err(RecvTimeoutError::Disconnected) => return Err(SnapshotError::EngineEnded),
            }
        }
    }
}

impl SnapshotPublisher {
    /// Called once per turn. Calls `counters` only when somebody asked, and never blocks.
    pub fn publish_if_asked(&mut self, counters: impl FnOnce() -> Counters) {
        // The number orders nothing else: the counters travel through the channel.
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted == self.answered {
            return;
        }
        match self.replies.try_send((wanted, counters())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.answered = wanted,
            // A late answer to an earlier request is still there; the requester is about to take it.
            Err(TrySendError::Full(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicBool;

    use super::*;

    fn hits(cache_hits: u64) -> Counters {
        Counters {
            cache_hits,
            ..Counters::default()
        }
    }

    /// Long enough for any machine; only reached when the test fails.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn counters_are_not_gathered_unless_asked_for() {
        let (_requester, mut publisher) = channel();
        publisher.publish_if_asked(|| panic!("nobody asked"));
    }

    #[test]
    fn a_request_is_answered_once_with_counters_of_a_later_turn() {
        let (mut requester, mut publisher) = channel();
        let engine = std::thread::spawn(move || {
            let mut gathered = 0;
            while gathered < 2 {
                publisher.publish_if_asked(|| {
                    gathered += 1;
                    hits(gathered)
                });
                std::thread::yield_now();
            }
            publisher.publish_if_asked(|| panic!("both requests are answered"));
        });
        assert_eq!(requester.request(LONG), Ok(hits(1)));
        assert_eq!(requester.request(LONG), Ok(hits(2)));
        engine.join().unwrap();
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next() {
        let (mut requester, mut publisher) = channel();
        let soon = Duration::from_millis(1);
        assert_eq!(requester.request(soon), Err(SnapshotError::Timeout(soon)));
        publisher.publish_if_asked(|| hits(1));
        // The channel holds the late answer when the next request is made.
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    publisher.publish_if_asked(|| hits(2));
                    std::thread::yield_now();
                }
            });
            let answer = requester.request(LONG);
            done.store(true, Ordering::Relaxed);
            assert_eq!(answer, Ok(hits(2)));
        });
    }

    #[test]
    fn an_engine_that_ended_is_told_from_a_slow_one() {
        let (mut requester, publisher) = channel();
        drop(publisher);
        assert_eq!(requester.request(LONG), Err(SnapshotError::EngineEnded));
    }

    #[test]
    fn an_engine_outlives_the_control_thread() {
        let (requester, mut publisher) = channel();
        drop(requester);
        publisher.publish_if_asked(|| panic!("nobody asked"));
    }
}
