//! A client's connection: it is lost and made anew, from another port, and the calls without an answer go again.

use std::collections::BTreeMap;
use std::time::Duration;

use net::{ConnectionId, Event};

use super::{Client, Phase};
use crate::host::Host;
use crate::nfs::rpc::Records;
use crate::random::Random;
use crate::truth::Truth;

/// The connection of the moment.
#[derive(Debug)]
pub(super) struct Connection {
    id: Option<ConnectionId>,
    is_open: bool,
    /// Nothing more is sent on it.
    half_closed: bool,
    port: u16,
    records: Records,
    /// How many replies may come to each call: as often as it was sent here.
    owed: BTreeMap<u32, u32>,
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
            records: Records::default(),
            owed: BTreeMap::new(),
            reconnect_at: Some(Duration::ZERO),
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.reconnect_at
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
            self.host.send(id, &pending.call);
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
            records: Records::default(),
            owed: BTreeMap::new(),
            reconnect_at,
        };
    }

    pub(super) fn handle_events(&mut self, truth: &mut Truth, now: Duration) {
        while let Some(event) = self.host.poll_event(now) {
            match event {
                Event::Connected { connection } if self.connection.id == Some(connection) => {
                    self.connection.is_open = true;
                    let unanswered: Vec<u32> = self.calls.keys().copied().collect();
                    for xid in unanswered {
                        self.send(xid);
                    }
                }
                Event::Readable { connection } if self.connection.id == Some(connection) => {
                    self.take(connection, truth, now);
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

    fn take(&mut self, connection: ConnectionId, truth: &mut Truth, now: Duration) {
        let bytes = self.host.read(connection);
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
            self.random.key(),
        );
        self.calls.clear();
        self.uncommitted.clear();
        self.lost.clear();
        self.lose_connection(until);
    }
}
