//! The origin: an NFS server with everything that servers do to their clients.
//!
//! It reads calls, carries each out after some time and answers after some more, so that calls and replies overtake
//! each other. It has a duplicate request cache, as servers have: without one a call that is repeated because its
//! connection was lost could be executed late, over newer data, and nobody before it could help that.

mod faults;
mod replies;
mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use net::{ConnectionId, Event};

use crate::host::Host;
use crate::nfs::rpc::{self, AUTH_TLS, Records, decode_call};
use crate::options::Options;
use crate::random::Random;
use crate::tls::{PeerTls, Protection, Tunnel};
use crate::truth::Truth;
use replies::ReplyCache;

/// The origin's address.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 200);
pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 2, 200];
pub(crate) const NFS_PORT: u16 = 2049;
pub(crate) const MOUNT_PORT: u16 = 20048;

/// The origin.
pub(crate) struct Origin {
    pub(crate) host: Host,
    /// What it has for TLS.
    pub(crate) tls: PeerTls,
    options: Options,
    random: Random,
    streams: BTreeMap<ConnectionId, Stream>,
    /// What is to be done, and when; the number keeps the order of what comes at once.
    work: BTreeMap<(Duration, u64), Work>,
    works: u64,
    replies: ReplyCache,
    boot: u64,
    /// Somebody on the wire changes records.
    may_be_forged: bool,
    /// When it is back.
    down_until: Option<Duration>,
}

/// One connection.
struct Stream {
    /// Of which appliance.
    peer: Ipv4Addr,
    /// TLS is wanted and has not begun.
    wants_tls: bool,
    tunnel: Option<Box<Tunnel>>,
    records: Records,
    /// To be reset once what was sent has arrived.
    dying: bool,
}

/// Something that takes its time.
enum Work {
    /// To carry out a call.
    Execute {
        connection: ConnectionId,
        record: Vec<u8>,
    },
    /// To send bytes.
    Send {
        connection: ConnectionId,
        bytes: Vec<u8>,
        /// And to reset the connection then.
        then_die: bool,
    },
}

impl Origin {
    pub(crate) fn new(options: &Options, mut random: Random) -> Self {
        let mut host = Host::new(MAC, ADDRESS, options, random.key());
        host.listen(NFS_PORT);
        host.listen(MOUNT_PORT);
        Self {
            host,
            tls: PeerTls::of_origin(options, random.fork(u64::MAX)),
            options: *options,
            random,
            streams: BTreeMap::new(),
            work: BTreeMap::new(),
            works: 0,
            replies: ReplyCache::default(),
            boot: 1,
            may_be_forged: options.forgeries > 0,
            down_until: None,
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&mut self, options: &Options) {
        self.options = *options;
    }

    /// It dies with its connections and what it had not committed, and is back at some time.
    pub(crate) fn restart(&mut self, truth: &mut Truth, back: Duration, now: Duration) {
        truth.lose_unstable(now);
        self.work.clear();
        self.replies = ReplyCache::default();
        self.tls.forget();
        self.boot += 1;
        for connection in std::mem::take(&mut self.streams).into_keys() {
            self.host.abort(connection);
        }
        if self.down_until.is_none() {
            self.host.unlisten(NFS_PORT);
            self.host.unlisten(MOUNT_PORT);
        }
        self.down_until = Some(back);
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        let work = self.work.first_key_value().map(|((at, _), _)| *at);
        [work, self.down_until, self.host.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Handles timers and everything that has arrived.
    pub(crate) fn advance(&mut self, truth: &mut Truth, now: Duration) {
        if self.down_until.take_if(|at| *at <= now).is_some() {
            self.host.listen(NFS_PORT);
            self.host.listen(MOUNT_PORT);
        }
        while let Some(event) = self.host.poll_event(now) {
            match event {
                Event::Accepted {
                    connection,
                    local_port,
                    remote,
                } => {
                    let protection = if local_port == NFS_PORT {
                        Protection::of(self.options.origin_tls)
                    } else {
                        Protection::Clear
                    };
                    let is_direct = protection == Protection::Direct;
                    let stream = Stream {
                        peer: *remote.ip(),
                        wants_tls: protection == Protection::StartTls,
                        tunnel: is_direct.then(|| Box::new(self.tls.tunnel())),
                        records: Records::default(),
                        dying: false,
                    };
                    self.streams.insert(connection, stream);
                }
                Event::Readable { connection } => self.take(connection, truth, now),
                Event::PeerClosed { connection } => self.host.close(connection, now),
                Event::Closed { connection, .. } => self.forget(connection),
                Event::Connected { .. } => {}
            }
        }
        while let Some(work) = self.due(now) {
            self.perform(work, truth, now);
        }
        let dead: VecDeque<ConnectionId> = self
            .streams
            .iter()
            .filter(|(connection, stream)| stream.dying && self.host.is_flushed(**connection))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in dead {
            self.kill(connection);
        }
    }

    fn due(&mut self, now: Duration) -> Option<Work> {
        let first = self.work.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn schedule(&mut self, at: Duration, work: Work) {
        self.works += 1;
        self.work.insert((at, self.works), work);
    }

    /// A connection ends, and with it the calls on it that have not been begun.
    fn kill(&mut self, connection: ConnectionId) {
        self.host.abort(connection);
        self.forget(connection);
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.streams.remove(&connection);
        self.work.retain(|_, work| {
            let (Work::Execute { connection: of, .. } | Work::Send { connection: of, .. }) = work;
            *of != connection
        });
    }

    fn take(&mut self, connection: ConnectionId, truth: &Truth, now: Duration) {
        let mut bytes = self.host.read(connection);
        let Some(stream) = self.streams.get_mut(&connection) else {
            return;
        };
        if stream.dying {
            return;
        }
        if let Some(tunnel) = &mut stream.tunnel {
            let received = tunnel.receive(&bytes, &mut self.tls);
            self.host.send(connection, &tunnel.output());
            bytes = match received {
                Ok(bytes) => bytes,
                Err(_) if self.may_be_forged => {
                    self.kill(connection);
                    return;
                }
                Err(error) => {
                    truth
                        .judge
                        .wrong(|| format!("TLS of the origin fails: {error}"));
                    return;
                }
            };
        }
        stream.records.push(&bytes);
        if stream.wants_tls {
            let Some(record) = stream.records.pop() else {
                return;
            };
            let probe = decode_call(&record).filter(|call| call.flavor == AUTH_TLS);
            truth.judge.expect(probe.is_some(), || {
                "the origin is sent a call in clear that is to be protected".to_owned()
            });
            if let Some(probe) = probe {
                stream.wants_tls = false;
                stream.tunnel = Some(Box::new(self.tls.tunnel()));
                self.host.send(connection, &rpc::starttls(probe.xid));
            }
            return;
        }
        let peer = stream.peer;
        let whole: Vec<_> = std::iter::from_fn(|| stream.records.pop()).collect();
        for record in whole {
            let Some(call) = decode_call(&record) else {
                truth
                    .judge
                    .wrong(|| "the origin is sent something that is no call".to_owned());
                return;
            };
            let is_new = self.replies.begin(peer, call.xid, &record);
            truth.judge.expect(is_new.is_ok(), || {
                format!(
                    "xid {:#x} is sent to the origin again with other bytes (I6)",
                    call.xid
                )
            });
            let takes = self.random.below(self.options.service + 1);
            let at = now + Duration::from_micros(takes);
            self.schedule(at, Work::Execute { connection, record });
        }
    }

    fn perform(&mut self, work: Work, truth: &mut Truth, now: Duration) {
        match work {
            Work::Execute { connection, record } => {
                let Some(stream) = self.streams.get(&connection) else {
                    return;
                };
                let peer = stream.peer;
                let Some(call) = decode_call(&record) else {
                    return;
                };
                let xid = call.xid;
                truth.judge.note(|| {
                    let states = truth.states();
                    format!(
                        "origin: procedure {} of {peer}, {xid:#x}; states {states:?}",
                        call.procedure
                    )
                });
                let reply = match self.replies.find(peer, xid) {
                    Some(reply) => reply.to_vec(),
                    None => {
                        let (reply, remember) = self.serve(call, truth, now);
                        if remember {
                            self.replies.finish(peer, xid, &reply);
                        }
                        reply
                    }
                };
                truth
                    .judge
                    .note(|| format!("origin: {xid:#x} is done; states {:?}", truth.states()));
                self.answer(connection, reply, now);
            }
            Work::Send {
                connection,
                bytes,
                then_die,
            } => {
                // What is cut off is the end of the stream.
                if let Some(stream) = self.streams.get_mut(&connection)
                    && !stream.dying
                {
                    stream.dying = then_die;
                    match &mut stream.tunnel {
                        Some(tunnel) => {
                            tunnel.send(&bytes, &mut self.tls);
                            self.host.send(connection, &tunnel.output());
                        }
                        None => self.host.send(connection, &bytes),
                    }
                }
            }
        }
    }
}
