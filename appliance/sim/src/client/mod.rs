//! A client: a machine that makes calls, several at a time, and believes nothing it is told without asking the
//! reference file system.

mod connection;
mod program;
mod replies;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::time::Duration;

use crate::appliance;
use crate::host::Host;
use crate::network::CLIENT_SIDE;
use crate::nfs::{OWNER, STRANGER, Setting, rpc};
use crate::options::Options;
use crate::outcome::{FailureKind, Judge};
use crate::random::Random;
use crate::tls::PeerTls;
use crate::truth::Truth;
use crate::truth::content::Version;
use crate::truth::reads::Asked;
use connection::Connection;

/// How long a call may wait for its answer while things go wrong. What goes wrong ends after seconds, but a reset
/// may get lost, and that its connection is dead is found out after a minute; when that happens to a call twice,
/// after two more.
const ANSWER_BOUND: Duration = Duration::from_secs(250);

/// What a client is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Finding the files.
    Mounting,
    /// Calls of all kinds.
    Working,
    /// No new calls, but everything written is to be stable.
    Finishing,
    /// Reading all files once more.
    Verifying,
}

/// A call under way.
#[derive(Debug)]
struct Pending {
    operation: Operation,
    /// The whole record.
    call: Vec<u8>,
    issued: Duration,
}

#[derive(Clone, Debug)]
enum Operation {
    Mount,
    Fsinfo,
    Lookup(u64),
    Getattr(u64),
    Access,
    Read(Asked),
    Write(Version, u64, Range<u64>),
    Set(Setting),
    Commit(u64),
}

/// What is written and not known to be stable.
#[derive(Clone, Debug)]
struct Uncommitted {
    version: Version,
    file: u64,
    bytes: Range<u64>,
    verifier: u64,
    acknowledged: Duration,
}

/// A client.
pub(crate) struct Client {
    pub(crate) host: Host,
    pub(crate) number: usize,
    /// Which it uses.
    pub(crate) appliance: usize,
    pub(crate) phase: Phase,
    /// Calls that were answered.
    pub(crate) answered: u64,
    /// Its cable is pulled until then.
    pub(crate) away_until: Option<Duration>,
    /// What it has for TLS.
    pub(crate) tls: PeerTls,
    /// It reads nothing until then.
    asleep_until: Option<Duration>,
    judge: Judge,
    options: Options,
    random: Random,
    connection: Connection,
    last_xid: u32,
    calls: BTreeMap<u32, Pending>,
    mounted: bool,
    files: Vec<u64>,
    read_max: u64,
    write_max: u64,
    /// Calls it makes before it only finishes.
    left: u64,
    uncommitted: Vec<Uncommitted>,
    /// Lost by the origin, to be written again.
    lost: Vec<(u64, Range<u64>)>,
    /// What is left to be verified: files to ask the attributes of, then places to read from.
    unverified: Vec<(u64, Option<u64>)>,
    /// When it looks again for something to do.
    idle_until: Option<Duration>,
}

/// A client's address.
pub(crate) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 1, 100 + u8::try_from(number).expect("few"))
}

/// Its Ethernet address.
pub(crate) fn mac(number: usize) -> [u8; 6] {
    [2, 0, 0, 0, 1, 100 + u8::try_from(number).expect("few")]
}

impl Client {
    pub(crate) fn new(number: usize, options: &Options, mut random: Random, judge: Judge) -> Self {
        let appliances = usize::try_from(options.appliances).expect("few");
        Self {
            host: Host::new(mac(number), address(number), options, random.key()),
            number,
            appliance: number % appliances,
            phase: Phase::Mounting,
            answered: 0,
            away_until: None,
            tls: PeerTls::of_client(options, random.fork(u64::MAX)),
            asleep_until: None,
            judge,
            options: *options,
            connection: Connection::new(&mut random),
            last_xid: u32::try_from(random.next() >> 32).expect("32 bits"),
            random,
            calls: BTreeMap::new(),
            mounted: false,
            files: Vec::new(),
            read_max: 0,
            write_max: 0,
            left: options.operations,
            uncommitted: Vec::new(),
            lost: Vec::new(),
            unverified: Vec::new(),
            idle_until: None,
        }
    }

    fn server(&self) -> SocketAddrV4 {
        SocketAddrV4::new(appliance::address(self.appliance, CLIENT_SIDE), 2049)
    }

    /// Makes no more calls than it must to be done.
    pub(crate) fn finish(&mut self) {
        self.left = 0;
    }

    /// Reads everything once more.
    pub(crate) fn verify(&mut self, truth: &Truth) {
        self.phase = Phase::Verifying;
        self.unverified = truth.files().map(|file| (file, None)).collect();
    }

    /// Who calls.
    fn user(&self) -> u32 {
        if self.options.strangers == 1 && self.number % 2 == 1 {
            STRANGER
        } else {
            OWNER
        }
    }

    /// Whether it has nothing under way and nothing left to do in its phase.
    pub(crate) fn is_settled(&self) -> bool {
        let idle = self.calls.is_empty() && self.uncommitted.is_empty() && self.lost.is_empty();
        match self.phase {
            Phase::Mounting | Phase::Working => false,
            Phase::Finishing => idle,
            Phase::Verifying => idle && self.unverified.is_empty(),
        }
    }

    /// What is under way, for a report.
    pub(crate) fn describe(&self) -> String {
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|(xid, pending)| {
                format!(
                    "{xid:#x} {:?} since {:?}",
                    pending.operation, pending.issued
                )
            })
            .collect();
        format!(
            "client {} ({:?}, {}, {} uncommitted): {}",
            self.number,
            self.phase,
            self.connection.describe(),
            self.uncommitted.len(),
            calls.join("; ")
        )
    }

    /// No call waits too long.
    pub(crate) fn check_waiting(&self, now: Duration) {
        for pending in self.calls.values() {
            self.check_answer(pending, now);
        }
    }

    /// A call has waited until now. When the origin may be silent, or records changed, there is no telling how
    /// long that is.
    fn check_answer(&self, pending: &Pending, now: Duration) {
        let is_bounded = self.options.silences == 0 && self.options.forgeries == 0;
        if is_bounded && pending.issued + ANSWER_BOUND < now {
            self.judge.fail(FailureKind::Stuck, || {
                format!(
                    "{:?} waits since {:?}: {}",
                    pending.operation,
                    pending.issued,
                    self.describe()
                )
            });
        }
    }

    /// WRITEs that are not answered.
    pub(crate) fn unanswered_writes(&self) -> impl Iterator<Item = Version> {
        self.calls
            .values()
            .filter_map(|pending| match pending.operation {
                Operation::Write(version, ..) => Some(version),
                _ => None,
            })
    }

    /// SETATTRs that are not answered.
    pub(crate) fn unanswered_settings(&self) -> impl Iterator<Item = Setting> {
        self.calls
            .values()
            .filter_map(|pending| match pending.operation {
                Operation::Set(setting) => Some(setting),
                _ => None,
            })
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        if self.away_until.is_some() {
            return self.away_until;
        }
        let timers = [
            self.idle_until,
            self.asleep_until,
            self.connection.due(),
            self.patience_ends(),
            self.host.poll_timeout(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Handles timers and everything that has arrived, and makes the next calls.
    pub(crate) fn advance(&mut self, truth: &mut Truth, now: Duration) {
        if self.away_until.is_some_and(|until| until > now) {
            return;
        }
        self.away_until = None;
        self.idle_until.take_if(|at| *at <= now);
        if self.asleep_until.take_if(|at| *at <= now).is_some() {
            self.read_what_waits(truth, now);
        }
        self.handle_events(truth, now);
        self.lose_patience(now);
        self.reconnect_if_due(now);
        self.make_calls(truth, now);
    }

    /// Makes a call, which is not answered while there is no connection, but sent on the next.
    fn call(
        &mut self,
        procedure: (u32, u32, u32),
        arguments: &[u8],
        operation: Operation,
        now: Duration,
    ) {
        self.last_xid = self.last_xid.wrapping_add(1);
        let xid = self.last_xid;
        self.judge
            .note(|| format!("client {}: {operation:?} is made", self.number));
        let call = rpc::call(xid, self.user(), procedure, arguments);
        let pending = Pending {
            operation,
            call,
            issued: now,
        };
        self.calls.insert(xid, pending);
        self.connection.heard_from_now(now);
        self.send(xid);
    }
}
