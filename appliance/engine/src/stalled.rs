//! Clients that do not take their replies: found, and reset.

use std::time::Duration;

use gateway::limits::PRESSED_PATIENCE;
use net::RxBuffer;

use crate::engine::{Engine, Port};
use crate::limits;
use crate::session::Peer;

impl<R: RxBuffer> Engine<R> {
    /// When clients that make no progress are looked for next, if there can be any.
    pub(crate) fn sweep_timeout(&self) -> Option<Duration> {
        let sessions = &self.ports.get(self.listen_port)?.sessions;
        (!sessions.is_empty()).then_some(self.sweep_at)
    }

    /// Resets the connections of clients that do not take their replies, which pin blocks.
    pub(crate) fn reset_stalled(&mut self, now: Duration) {
        self.sweep_at = now + limits::STALL_SWEEP;
        let patience = self.gateway.reply_patience();
        let last_sweep = now.saturating_sub(limits::STALL_SWEEP);
        let are_slots_short = self
            .tls
            .as_ref()
            .is_some_and(|tls| tls.was_starved_since(last_sweep));
        let Port { stack, sessions } = &mut self.ports[self.listen_port];
        for session in sessions.iter_mut() {
            let Peer::Client(client) = session.peer else {
                continue;
            };
            let unacknowledged = stack.unacknowledged(session.connection);
            let patience = if are_slots_short && session.holds_slot(unacknowledged) {
                patience.min(PRESSED_PATIENCE)
            } else {
                patience
            };
            if let Some(since) = session.stalled_since(unacknowledged, now)
                && since + patience <= now
            {
                self.stalled_clients_closed += 1;
                self.resetting.push(client);
            }
        }
        while let Some(client) = self.resetting.pop() {
            self.reset_client(client, now);
        }
    }
}
