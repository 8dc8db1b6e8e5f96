use crate::error::{PeerError, Side};
use crate::limits;
use crate::socket::reset_on_drop;
use rustix::event::{PollFd, PollFlags, poll};
use rustls::Connection;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

/// Bytes of file data and RPC that a connection carried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    /// From the plain side into TLS.
    pub sealed: u64,
    /// From TLS to the plain side.
    pub opened: u64,
}

/// Carries bytes between a plain stream and a TLS connection until both directions have ended.
///
/// One thread, two non-blocking sockets: neither direction can keep the other waiting, and each
/// holds at most one chunk. The end of one direction is passed on (`close_notify` and FIN) while
/// the other goes on.
pub struct Relay<'a> {
    plain: &'a TcpStream,
    sealed: &'a TcpStream,
    tls: &'a mut Connection,
    rekey_every: Option<u64>,
    /// Opened bytes that the plain side has not taken yet.
    pending: Vec<u8>,
    records: u64,
    plain_ended: bool,
    tls_ended: bool,
    /// What was carried so far.
    pub carried: Carried,
}

impl<'a> Relay<'a> {
    /// A relay after the handshake.
    pub fn new(
        plain: &'a TcpStream,
        sealed: &'a TcpStream,
        tls: &'a mut Connection,
        rekey_every: Option<u64>,
    ) -> Self {
        // What lies in the connection is bounded here: a chunk is only taken when it is empty.
        tls.set_buffer_limit(None);
        Relay {
            plain,
            sealed,
            tls,
            rekey_every,
            pending: Vec::with_capacity(limits::CHUNK),
            records: 0,
            plain_ended: false,
            tls_ended: false,
            carried: Carried::default(),
        }
    }

    /// Runs to the end of both directions. On an error the plain side will see a reset.
    pub fn run(&mut self) -> Result<(), PeerError> {
        let outcome = self
            .carry()
            .map_err(|error| self.last_words().unwrap_or(error));
        if outcome.is_err() {
            reset_on_drop(self.plain);
        }
        outcome
    }

    /// Why the TLS side went, if it said so before a socket failed.
    fn last_words(&mut self) -> Option<PeerError> {
        self.receive_sealed()
            .err()
            .filter(|error| matches!(error, PeerError::Tls(_)))
    }

    fn carry(&mut self) -> Result<(), PeerError> {
        let mut chunk = vec![0; limits::CHUNK];
        // The other side's first data may have come along with its handshake.
        self.open()?;
        while !self.is_over() {
            let (plain, sealed) = self.wait()?;
            if sealed.contains(PollFlags::OUT) {
                self.send_sealed()?;
            }
            if plain.contains(PollFlags::OUT) {
                self.send_plain()?;
            }
            if sealed.contains(PollFlags::IN) {
                self.receive_sealed()?;
            }
            if plain.contains(PollFlags::IN) {
                self.receive_plain(&mut chunk)?;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.plain_ended && self.tls_ended && self.pending.is_empty() && !self.tls.wants_write()
    }

    /// The events that each socket can be served with now.
    fn interest(&self) -> (PollFlags, PollFlags) {
        let mut plain = PollFlags::empty();
        let mut sealed = PollFlags::empty();
        plain.set(PollFlags::IN, !self.plain_ended && !self.tls.wants_write());
        plain.set(PollFlags::OUT, !self.pending.is_empty());
        sealed.set(PollFlags::IN, !self.tls_ended && self.pending.is_empty());
        sealed.set(PollFlags::OUT, self.tls.wants_write());
        (plain, sealed)
    }

    /// Sleeps until there is something to do, and says what. A socket without interest is left
    /// out: poll would report its hang-up again and again.
    fn wait(&self) -> Result<(PollFlags, PollFlags), PeerError> {
        let (plain, sealed) = self.interest();
        let mut sockets = Vec::with_capacity(2);
        for (stream, events) in [(self.plain, plain), (self.sealed, sealed)] {
            if !events.is_empty() {
                sockets.push(PollFd::new(stream, events));
            }
        }
        match poll(&mut sockets, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((PollFlags::empty(), PollFlags::empty())),
            Err(error) => return Err(PeerError::Io(error.into())),
        }
        let mut events = sockets.iter().map(PollFd::revents);
        let mut ready = |interest: PollFlags| {
            if interest.is_empty() {
                return interest;
            }
            match events.next().unwrap_or(PollFlags::empty()) {
                // An error shows itself to whichever call is made next.
                seen if seen.intersects(PollFlags::ERR | PollFlags::HUP) => interest,
                seen => seen & interest,
            }
        };
        Ok((ready(plain), ready(sealed)))
    }

    fn receive_plain(&mut self, chunk: &mut [u8]) -> Result<(), PeerError> {
        let Some(len) = ready(Side::Plain, (&mut &*self.plain).read(chunk))? else {
            return Ok(());
        };
        if len == 0 {
            self.plain_ended = true;
            self.tls.send_close_notify();
            return self.send_sealed();
        }
        for plaintext in chunk[..len].chunks(limits::RECORD_PLAINTEXT) {
            self.tls.writer().write_all(plaintext)?;
            self.records += 1;
            if self
                .rekey_every
                .is_some_and(|every| self.records.is_multiple_of(every))
            {
                self.tls.refresh_traffic_keys()?;
            }
        }
        self.carried.sealed += len as u64;
        self.send_sealed()
    }

    fn send_sealed(&mut self) -> Result<(), PeerError> {
        while self.tls.wants_write() {
            if ready(Side::Tls, self.tls.write_tls(&mut &*self.sealed))?.is_none() {
                return Ok(());
            }
        }
        if self.plain_ended {
            end_of_sending(Side::Tls, self.sealed)?;
        }
        Ok(())
    }

    fn receive_sealed(&mut self) -> Result<(), PeerError> {
        match ready(Side::Tls, self.tls.read_tls(&mut &*self.sealed))? {
            None => Ok(()),
            Some(0) => Err(PeerError::Truncated),
            Some(_) => self.open(),
        }
    }

    fn open(&mut self) -> Result<(), PeerError> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                // The alert is owed to the peer, but nothing hangs on its arrival.
                let _ = self.tls.write_tls(&mut &*self.sealed);
                return Err(error.into());
            }
        };
        let start = self.pending.len();
        self.pending
            .resize(start + state.plaintext_bytes_to_read(), 0);
        self.tls.reader().read_exact(&mut self.pending[start..])?;
        self.carried.opened += state.plaintext_bytes_to_read() as u64;
        self.tls_ended = state.peer_has_closed();
        self.send_plain()
    }

    fn send_plain(&mut self) -> Result<(), PeerError> {
        while !self.pending.is_empty() {
            match ready(Side::Plain, (&mut &*self.plain).write(&self.pending))? {
                None => return Ok(()),
                Some(len) => drop(self.pending.drain(..len)),
            }
        }
        if self.tls_ended {
            end_of_sending(Side::Plain, self.plain)?;
        }
        Ok(())
    }
}

/// `None` when the socket is not ready after all.
fn ready(side: Side, outcome: io::Result<usize>) -> Result<Option<usize>, PeerError> {
    match outcome {
        Ok(len) => Ok(Some(len)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(source) => Err(PeerError::Broken { side, source }),
    }
}

fn end_of_sending(side: Side, stream: &TcpStream) -> Result<(), PeerError> {
    match stream.shutdown(Shutdown::Write) {
        // The other side has gone altogether; it wanted nothing more.
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        outcome => outcome.map_err(|source| PeerError::Broken { side, source }),
    }
}

/// Carries bytes between two plain streams until both directions have ended.
pub fn relay_clear(outer: &TcpStream, inner: &TcpStream) -> Result<Carried, PeerError> {
    outer.set_nonblocking(false)?;
    inner.set_nonblocking(false)?;
    thread::scope(|scope| {
        let outward = scope.spawn(|| copy(inner, outer));
        let inward = copy(outer, inner);
        let outward = outward
            .join()
            .unwrap_or_else(|_| Err(ErrorKind::Other.into()));
        Ok(Carried {
            sealed: outward?,
            opened: inward?,
        })
    })
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut from, &mut to);
    let how = if copied.is_ok() {
        Shutdown::Write
    } else {
        Shutdown::Both
    };
    let _ = to.shutdown(how);
    if copied.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
    copied
}
