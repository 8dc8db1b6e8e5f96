//! One interface of one core: frames in, events and frames out.

use core::marker::PhantomData;
use core::net::SocketAddrV4;
use core::time::Duration;

use crate::buffer::{RxBuffer, TxBuffer};
use crate::config::{Config, ConfigError};
use crate::event::{ConnectError, ConnectionId, Event};
use crate::frame::{FrameSink, RxChecksums, Source};
use crate::stats::Stats;

/// The network stack of one interface. `R` holds received pieces, `T` bytes to
/// send. See the crate's documentation for the order of calls.
pub struct Stack<R: RxBuffer, T: TxBuffer> {
    config: Config,
    stats: Stats,
    buffers: PhantomData<(R, T)>,
}

impl<R: RxBuffer, T: TxBuffer> Stack<R, T> {
    /// Builds a stack with all its tables.
    ///
    /// # Errors
    /// When [`Config::check`] refuses the configuration.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            stats: Stats::default(),
            buffers: PhantomData,
        })
    }

    /// Takes one whole received frame: `head` with all headers, then the rest.
    pub fn handle_frame(
        &mut self,
        head: R,
        tail: impl Iterator<Item = R>,
        checksums: RxChecksums,
        now: Duration,
    ) {
        let _ = (head, tail, checksums, now);
    }

    /// Accepts connections on `port` from now on; false when there are too many
    /// listeners already. Listening twice is the same as once.
    pub fn listen(&mut self, port: u16) -> bool {
        let _ = port;
        true
    }

    /// Accepts no more connections on `port`; existing ones go on.
    pub fn unlisten(&mut self, port: u16) {
        let _ = port;
    }

    /// Starts a connection; `Connected` or `Closed` follows.
    ///
    /// # Errors
    /// When it cannot be started; nothing was sent.
    pub fn connect(
        &mut self,
        remote: SocketAddrV4,
        local_port: u16,
        now: Duration,
    ) -> Result<ConnectionId, ConnectError> {
        let _ = (remote, local_port, now);
        Err(ConnectError::NoRoute)
    }

    /// The next event, or `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// The next contiguous received bytes in order; never empty. `None` when
    /// there are none or the connection is gone.
    #[must_use]
    pub fn peek(&self, connection: ConnectionId) -> Option<&[u8]> {
        let _ = connection;
        None
    }

    /// Gives back the next `n` received bytes (which may span several `peek`s);
    /// more than there are means all. Opens the window.
    pub fn consume(&mut self, connection: ConnectionId, n: usize) {
        let _ = (connection, n);
    }

    /// The source has something to send on `connection`.
    pub fn wake(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// Sends FIN after all bytes pulled so far and pulls no more. Receiving goes
    /// on until the peer's FIN.
    pub fn close(&mut self, connection: ConnectionId, now: Duration) {
        let _ = (connection, now);
    }

    /// Ends the connection at once with RST, dropping both queues. No event
    /// follows; the id is dead.
    pub fn abort(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// Bytes pulled from the source and not acknowledged by the peer yet.
    #[must_use]
    pub fn unacknowledged(&self, connection: ConnectionId) -> usize {
        let _ = connection;
        0
    }

    /// Sends what is due until nothing is or the sink is full.
    pub fn poll_transmit(
        &mut self,
        now: Duration,
        source: &mut impl Source<T>,
        sink: &mut impl FrameSink<T>,
    ) {
        let _ = (now, source, sink);
    }

    /// When `handle_timeout` wants to be called, if ever. May be earlier than
    /// anything that really is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        let _ = now;
    }

    /// Announces our address to the link (gratuitous ARP, RFC 5227).
    pub fn announce(&mut self) {}

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
        0
    }

    /// Received buffers held for the application or for reassembly.
    #[must_use]
    pub fn held_receive_buffers(&self) -> usize {
        0
    }

    /// Buffers to send held in all send queues.
    #[must_use]
    pub fn held_send_buffers(&self) -> usize {
        0
    }
}
