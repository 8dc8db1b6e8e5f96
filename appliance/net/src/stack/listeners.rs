//! Listening ports and their half-open connections.

use crate::nanos::Nanos;

use arrayvec::ArrayVec;

use crate::limits::{COOKIE_PERIOD, MAX_LISTENERS};

struct Listener {
    port: u16,
    half_open: usize,
    /// When a SYN was last answered with a cookie.
    cookie_sent: Option<Nanos>,
}

pub(super) struct Listeners {
    listeners: ArrayVec<Listener, MAX_LISTENERS>,
    backlog: usize,
}

impl Listeners {
    pub(super) fn new(backlog: usize) -> Self {
        Self {
            listeners: ArrayVec::new(),
            backlog,
        }
    }

    pub(super) fn add(&mut self, port: u16) -> bool {
        let listener = Listener {
            port,
            half_open: 0,
            cookie_sent: None,
        };
        self.is_listening(port) || self.listeners.try_push(listener).is_ok()
    }

    pub(super) fn remove(&mut self, port: u16) {
        self.listeners.retain(|listener| listener.port != port);
    }

    pub(super) fn is_listening(&self, port: u16) -> bool {
        self.listeners.iter().any(|listener| listener.port == port)
    }

    /// Whether the port has room for one more half-open connection.
    pub(super) fn has_room(&self, port: u16) -> bool {
        self.listeners
            .iter()
            .any(|listener| listener.port == port && listener.half_open < self.backlog)
    }

    pub(super) fn count(&mut self, port: u16) {
        if let Some(listener) = self.find(port) {
            listener.half_open += 1;
        }
    }

    /// A half-open connection was established or given up. The port may have
    /// been closed and opened again since.
    pub(super) fn release(&mut self, port: u16) {
        if let Some(listener) = self.find(port) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
    }

    pub(super) fn note_cookie(&mut self, port: u16, now: Nanos) {
        if let Some(listener) = self.find(port) {
            listener.cookie_sent = Some(now);
        }
    }

    /// Whether a cookie that is still good may be under way to the port; while
    /// there is none nobody can guess one.
    pub(super) fn awaits_cookie(&self, port: u16, now: Nanos) -> bool {
        self.listeners.iter().any(|listener| {
            listener.port == port
                && listener
                    .cookie_sent
                    .is_some_and(|sent| now.saturating_sub(sent) <= Nanos::of(COOKIE_PERIOD) * 2)
        })
    }

    fn find(&mut self, port: u16) -> Option<&mut Listener> {
        self.listeners
            .iter_mut()
            .find(|listener| listener.port == port)
    }
}
