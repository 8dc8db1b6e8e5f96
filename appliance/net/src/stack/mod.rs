//! One interface of one core: frames in, events and frames out.

mod arp;
mod bare_segment;
mod connections;
mod control;
mod cookies;
mod demux;
mod echo;
mod events;
mod forgotten;
mod icmp;
mod listeners;
mod open;
mod ready;
mod receive;
mod reset;
mod timers;
mod transmit;

use core::time::Duration;

use connections::Connections;
use control::ControlQueue;
use forgotten::ForgottenPeers;
use listeners::Listeners;
use ready::ReadyQueue;
use timers::Timers;

use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::{Config, ConfigError, CongestionControl};
use crate::deadline::Deadline;
use crate::event::ConnectionId;
use crate::nanos::Nanos;
use crate::neighbour::{Due, Neighbours};
use crate::stats::Stats;
use crate::tcp::connection::{Context, Settings};
use crate::tcp::receive_queue::BufferBudget;
use crate::tcp::state::State;

/// The network stack of one interface. `R` holds received pieces, `T` bytes to
/// send. See the crate's documentation for the order of calls.
pub struct Stack<R: RxBuffer, T: TxBuffer> {
    config: Config,
    settings: Settings,
    stats: Stats,
    connections: Connections<R, T>,
    listeners: Listeners,
    neighbours: Neighbours,
    forgotten: ForgottenPeers,
    control: ControlQueue,
    timers: Timers,
    /// Connections the application is to be told something about.
    eventful: ReadyQueue,
    /// Connections that may have something to send.
    sendable: ReadyQueue,
    /// Connections in TIME_WAIT that nobody knows any more, the oldest first, and
    /// what has become of their slots since.
    expendable: ReadyQueue,
    budget: BufferBudget,
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Builds a stack with all its tables.
    ///
    /// # Errors
    /// When [`Config::check`] refuses the configuration.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let limits = &config.limits;
        Ok(Self {
            settings: Settings::new(&config),
            stats: Stats::default(),
            connections: Connections::new(config.secret, limits.connections),
            listeners: Listeners::new(limits.backlog),
            neighbours: Neighbours::new(limits.neighbours),
            forgotten: ForgottenPeers::new(limits.connections),
            control: ControlQueue::new(),
            timers: Timers::new(limits.connections),
            eventful: ReadyQueue::new(limits.connections),
            sendable: ReadyQueue::new(limits.connections),
            expendable: ReadyQueue::new(limits.connections),
            budget: BufferBudget::new(limits.receive_buffers),
            config,
        })
    }

    /// Connections that start from now on use `control`.
    pub fn set_congestion_control(&mut self, control: CongestionControl) {
        self.settings.congestion_control = control;
    }

    /// Accepts connections on `port` from now on; false when there are too many
    /// listeners already. Listening twice is the same as once.
    pub fn listen(&mut self, port: u16) -> bool {
        self.listeners.add(port)
    }

    /// Accepts no more connections on `port`; existing ones go on.
    pub fn unlisten(&mut self, port: u16) {
        self.listeners.remove(port);
    }

    /// The next contiguous received bytes in order; never empty. `None` when
    /// there are none or the connection is gone.
    #[must_use]
    pub fn peek(&self, connection: ConnectionId) -> Option<&[u8]> {
        self.connections.named(connection)?.receiving.queue.peek()
    }

    /// All received bytes in order, piece by piece, for whoever needs more at once
    /// than one piece holds. Nothing if the connection is gone.
    pub fn received(&self, connection: ConnectionId) -> impl Iterator<Item = &[u8]> {
        let named = self.connections.named(connection);
        named
            .into_iter()
            .flat_map(|named| named.receiving.queue.pieces())
    }

    /// How many bytes [`received`](Self::received) gives.
    #[must_use]
    pub fn received_len(&self, connection: ConnectionId) -> usize {
        self.connections
            .named(connection)
            .map_or(0, |named| named.receiving.queue.ready_bytes())
    }

    /// Gives back the next `n` received bytes (which may span several `peek`s);
    /// more than there are means all. Opens the window.
    pub fn consume(&mut self, connection: ConnectionId, n: usize) {
        let Some(named) = self.connections.named_mut(connection) else {
            return;
        };
        if named.consume(n, &mut self.budget) {
            self.settle(connection.index);
        }
    }

    /// The source has something to send on `connection`. Needed after the source
    /// answered `None`; a connection that opens asks on its own.
    pub fn wake(&mut self, connection: ConnectionId) {
        if let Some(named) = self.connections.named_mut(connection)
            && named.state.may_send()
        {
            named.sending.source_ready = true;
            named.output_due = true;
            self.sendable.push(connection.index);
        }
    }

    /// Sends FIN after all bytes pulled so far and pulls no more. Receiving goes
    /// on until the peer's FIN. A connection that is still opening is given up.
    pub fn close(&mut self, connection: ConnectionId, now: Duration) {
        let mut context = Context {
            now: Nanos::of(now),
            stats: &mut self.stats,
            budget: &mut self.budget,
        };
        if let Some(named) = self.connections.named_mut(connection) {
            named.close(&mut context);
            self.settle(connection.index);
        }
    }

    /// Bytes pulled from the source and not acknowledged by the peer yet.
    #[must_use]
    pub fn unacknowledged(&self, connection: ConnectionId) -> usize {
        self.connections
            .named(connection)
            .map_or(0, |named| named.sending.queued_bytes())
    }

    /// The state of a connection the application may name, for diagnosis.
    #[must_use]
    pub fn state(&self, connection: ConnectionId) -> Option<State> {
        self.connections.named(connection).map(|named| named.state)
    }

    /// When `handle_timeout` wants to be called, if ever. May be earlier than
    /// anything that really is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next_deadline().time().map(Duration::from)
    }

    fn next_deadline(&self) -> Deadline {
        self.timers
            .next()
            .min(self.neighbours.next_deadline())
            .min(self.forgotten.next_deadline())
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        let now = Nanos::of(now);
        while let Some(index) = self.timers.pop_due(now) {
            let mut context = Context {
                now,
                stats: &mut self.stats,
                budget: &mut self.budget,
            };
            if let Some(connection) = self.connections.at(index) {
                connection.on_timeout(&mut context);
                self.settle(index);
            }
        }
        while let Some(due) = self.neighbours.pop_due(now) {
            match due {
                Due::Ask(address) => self.request_address(address),
                Due::Unreachable(address) => self.give_up_connecting(address, now),
            }
        }
        self.handle_forgotten_timeout(now);
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Connections in the table, TIME_WAIT included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Timers looked at so far: a few for each event, however many connections
    /// there are.
    #[must_use]
    pub fn timers_visited(&self) -> u64 {
        self.timers.visited()
    }

    /// Received buffers held for the application or for reassembly.
    #[must_use]
    pub fn held_receive_buffers(&self) -> usize {
        self.budget.held()
    }

    /// Buffers to send held in all send queues. Counts every connection: for
    /// metrics and tests, not for every packet.
    #[must_use]
    pub fn held_send_buffers(&self) -> usize {
        self.connections
            .iter()
            .map(|connection| connection.sending.queue.buffers())
            .sum()
    }

    /// Follows up on a change to a connection: tells whoever has to act on it.
    fn settle(&mut self, index: u32) {
        let Some(connection) = self.connections.at(index) else {
            return;
        };
        if connection.half_open && connection.state != State::SynReceived {
            connection.half_open = false;
            self.listeners.release(connection.endpoints.local_port);
        }
        if connection.is_forgotten() {
            // What lay behind the peer's FIN, and so never came in order.
            connection.receiving.queue.clear(&mut self.budget);
            self.connections.remove(index);
            return;
        }
        if connection.events.any() {
            self.eventful.push(index);
        }
        if connection.output_due {
            self.sendable.push(index);
        }
        self.timers.arm(index, connection.deadlines.earliest());
        if connection.is_expendable() {
            self.expendable.push(index);
        }
        if connection.state == State::Closed {
            self.connections.release_endpoints(index);
        }
    }
}
