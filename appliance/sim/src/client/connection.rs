//! A client's connection: it is lost and made anew, from another port, and the calls without an answer go again.

use std::collections::BTreeMap;
use std::time::Duration;

use net::{ConnectionId, Event};

use super::{Client, Phase};
use crate::host::Host;
use crate::nfs::rpc::{self, Records};
use crate::random::Random;
use crate::tls::{Protection, Tunnel};
use crate::truth::Truth;

/// How long a client waits before it takes a connection on which somebody may have changed a record's length for
/// dead. Where nobody does, it waits for ever: nothing may get lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connection of the moment.
pub(super) struct Connection {
    id: Option<ConnectionId>,
    is_open: bool,
    /// Nothing more is sent on it.
    half_closed: bool,
    port: u16,
    tunnel: Option<Box<Tunnel>>,
    /// The xid of a probe that is not answered.
    probing: Option<u32>,
    records: Records,
    /// How many replies may come to each call: as often as it was sent here.
    owed: BTreeMap<u32, u32>,
    /// When something came, or could have begun to.
    heard_at: Duration,
    /// When it is made anew.
    reconnect_at: Option<Duration>,
}

impl Connection {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            id: None,
            is_open: false,
            half_closed: false,
            port: 700 + u16::try_from(random.below(100)).expect("small"),
            tunnel: None,
            probing: None,
            records: Records::default(),
            owed: BTreeMap::new(),
            heard_at: Duration::ZERO,
            reconnect_at: Some(Duration::ZERO),
        }
    }

    /// For a report.
    pub(super) fn describe(&self) -> String {
        format!(
            "port {}, open {}, half closed {}",
            self.port, self.is_open, self.half_closed
        )
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.reconnect_at
    }

    /// Nothing was to be heard before.
    pub(super) fn heard_from_now(&mut self, now: Duration) {
        self.heard_at = now;
    }

    /// When it has been silent for too long.
    pub(super) fn patience_ends(&self) -> Option<Duration> {
        self.id.map(|_| self.heard_at + PATIENCE)
    }
}

impl Client {
    /// Whether new calls can be made.
    pub(super) fn can_call(&self) -> bool {
        self.connection.is_open && !self.connection.half_closed
    }

    pub(super) fn send(&mut self, xid: u32) {
        let (true, Some(id)) = (self.can_call(), self.connection.id) else {
            return;
        };
        if let Some(pending) = self.calls.get(&xid) {
            *self.connection.owed.entry(xid).or_default() += 1;
            match &mut self.connection.tunnel {
                Some(tunnel) => {
                    tunnel.send(&pending.call, &mut self.tls);
                    self.host.send(id, &tunnel.output());
                }
                None => self.host.send(id, &pending.call),
            }
        }
    }

    pub(super) fn reconnect_if_due(&mut self, now: Duration) {
        if self
            .connection
            .reconnect_at
            .take_if(|at| *at <= now)
            .is_none()
        {
            return;
        }
        let port = 700 + (self.connection.port - 699) % 300;
        let server = self.server();
        let id = self.host.connect(server, port, now);
        let reconnect_at = id.is_none().then(|| now + Duration::from_millis(100));
        self.connection = Connection {
            id,
            is_open: false,
            half_closed: false,
            port,
            tunnel: None,
            probing: None,
            records: Records::default(),
            owed: BTreeMap::new(),
            heard_at: now,
            reconnect_at,
        };
    }

    pub(super) fn handle_events(&mut self, truth: &mut Truth, now: Duration) {
        while let Some(event) = self.host.poll_event(now) {
            match event {
                Event::Connected { connection } if self.connection.id == Some(connection) => {
                    match Protection::of(self.options.client_tls) {
                        Protection::Clear => self.begin_calling(),
                        Protection::StartTls => {
                            self.last_xid = self.last_xid.wrapping_add(1);
                            self.connection.probing = Some(self.last_xid);
                            self.host.send(connection, &rpc::probe(self.last_xid));
                        }
                        Protection::Direct => self.begin_tls(connection),
                    }
                }
                Event::Readable { connection } if self.connection.id == Some(connection) => {
                    self.connection.heard_at = now;
                    if self.asleep_until.is_none() {
                        self.take(connection, truth, now);
                    }
                }
                Event::PeerClosed { connection } => self.host.close(connection, now),
                Event::Closed { connection, .. } if self.connection.id == Some(connection) => {
                    let pause = Duration::from_millis(1 + self.random.below(50));
                    self.lose_connection(now + pause);
                }
                _ => {}
            }
        }
    }

    /// The connection may be used, and what is unanswered goes first.
    fn begin_calling(&mut self) {
        self.connection.is_open = true;
        let unanswered: Vec<u32> = self.calls.keys().copied().collect();
        for xid in unanswered {
            self.send(xid);
        }
    }

    fn begin_tls(&mut self, connection: ConnectionId) {
        let mut tunnel = self.tls.tunnel();
        self.host.send(connection, &tunnel.output());
        self.connection.tunnel = Some(Box::new(tunnel));
    }

    fn take(&mut self, connection: ConnectionId, truth: &mut Truth, now: Duration) {
        let mut bytes = self.host.read(connection);
        if let Some(tunnel) = &mut self.connection.tunnel {
            let received = tunnel.receive(&bytes, &mut self.tls);
            self.host.send(connection, &tunnel.output());
            let is_open = tunnel.is_open();
            bytes = match received {
                Ok(bytes) => bytes,
                Err(_) if self.options.forgeries > 0 => {
                    self.host.abort(connection);
                    self.lose_connection(now);
                    return;
                }
                Err(error) => {
                    let number = self.number;
                    truth
                        .judge
                        .wrong(|| format!("TLS of client {number} fails: {error}"));
                    return;
                }
            };
            if is_open && !self.connection.is_open {
                self.begin_calling();
            }
        } else if let Some(xid) = self.connection.probing {
            self.connection.records.push(&bytes);
            if let Some(record) = self.connection.records.pop() {
                let number = self.number;
                truth.judge.expect(record == rpc::starttls(xid)[4..], || {
                    format!("client {number} asks for TLS and is answered {record:02x?}")
                });
                self.connection.probing = None;
                self.begin_tls(connection);
            }
            return;
        }
        self.connection.records.push(&bytes);
        while let Some(record) = self.connection.records.pop() {
            let xid = record.first_chunk().map(|xid| u32::from_be_bytes(*xid));
            let owed = xid.and_then(|xid| self.connection.owed.get_mut(&xid));
            match owed {
                Some(owed) if *owed > 0 => *owed -= 1,
                _ => {
                    let number = self.number;
                    truth
                        .judge
                        .wrong(|| format!("client {number} is sent a reply to no call: {xid:x?}"));
                }
            }
            self.take_reply(&record, truth, now);
        }
    }

    /// Reads what has come while it did not.
    pub(super) fn read_what_waits(&mut self, truth: &mut Truth, now: Duration) {
        if let Some(connection) = self.connection.id {
            self.take(connection, truth, now);
        }
    }

    /// When a forged record may have to be given up, if anything is under way.
    pub(super) fn patience_ends(&self) -> Option<Duration> {
        let is_forged = self.options.forgeries > 0;
        let waits = is_forged && !(self.calls.is_empty() && self.connection.is_open);
        self.connection.patience_ends().filter(|_| waits)
    }

    pub(super) fn lose_patience(&mut self, now: Duration) {
        if let (Some(id), true) = (
            self.connection.id,
            self.patience_ends().is_some_and(|at| at <= now),
        ) {
            self.host.abort(id);
            self.lose_connection(now);
        }
    }

    /// Reads nothing for a while.
    pub(crate) fn nap(&mut self, until: Duration) {
        self.asleep_until = Some(until);
    }

    fn lose_connection(&mut self, reconnect_at: Duration) {
        self.connection.id = None;
        self.connection.is_open = false;
        self.connection.reconnect_at = Some(reconnect_at);
    }

    /// Gives its connection up, with or without a word, and sends what is unanswered on another.
    pub(crate) fn reconnect(&mut self, now: Duration) {
        let Some(id) = self.connection.id else {
            return;
        };
        if self.random.below(2) == 0 {
            self.host.abort(id);
        } else {
            self.host.close(id, now);
        }
        self.lose_connection(now);
    }

    /// Sends an unanswered call once more, as it was.
    pub(crate) fn repeat(&mut self) {
        let unanswered: Vec<u32> = self.calls.keys().copied().collect();
        if !unanswered.is_empty() {
            let xid = unanswered[self.random.index(unanswered.len())];
            self.send(xid);
        }
    }

    /// Sends nothing more on its connection, and waits for what is owed to it.
    pub(crate) fn half_close(&mut self, now: Duration) {
        if let (true, Some(id)) = (self.can_call(), self.connection.id) {
            self.connection.half_closed = true;
            self.host.close(id, now);
        }
    }

    /// Is gone without a word until then, and has forgotten everything when it is back.
    pub(crate) fn vanish(&mut self, until: Duration) {
        if self.phase != Phase::Working {
            return;
        }
        self.away_until = Some(until);
        self.host = Host::new(
            super::mac(self.number),
            super::address(self.number),
            &self.options,
            self.random.key(),
        );
        self.tls.forget();
        self.calls.clear();
        self.uncommitted.clear();
        self.lost.clear();
        self.lose_connection(until);
    }
}
