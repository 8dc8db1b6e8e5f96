//! How a run ends, and who may say so.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was wrong, if anything was.
    pub failure: Option<Failure>,
    /// Of everything that happened, in order: the same for the same seed and options.
    pub trace: u64,
    /// Events handled.
    pub events: u64,
    /// Virtual time that passed.
    pub time: Duration,
    /// Calls of clients that were answered.
    pub answered: u64,
    /// What of TLS was met.
    pub tls: TlsCounts,
}

/// What of TLS happened, so that a test can ask whether it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCounts {
    /// Updates of worn-out keys by appliances.
    pub key_updates: u64,
    /// Connections that appliances gave up for their worn-out keys.
    pub connections_retired: u64,
    /// Updates of keys by clients and the origin.
    pub peer_key_updates: u64,
    /// Sessions that clients resumed.
    pub resumed_by_clients: u64,
    /// Sessions with the origin that appliances resumed.
    pub resumed_at_origin: u64,
}

impl fmt::Display for TlsCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} key updates, {} of peers, {} connections retired, {} sessions resumed by clients, {} at the origin",
            self.key_updates,
            self.peer_key_updates,
            self.connections_retired,
            self.resumed_by_clients,
            self.resumed_at_origin
        )
    }
}

/// What was wrong, and when in virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of which kind.
    pub kind: FailureKind,
    /// Since the start of the run.
    pub at: Duration,
    /// What exactly.
    pub reason: String,
}

/// The ways in which a run can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The product panicked.
    Crash,
    /// Somebody got bytes, or a promise, that are not so; or an invariant is broken.
    Wrong,
    /// With all faults gone, something does not finish.
    Stuck,
}

impl FailureKind {
    /// The exit code of a process that ends with it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Crash => 3,
            Self::Wrong => 4,
            Self::Stuck => 5,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crash => "crash",
            Self::Wrong => "wrong",
            Self::Stuck => "stuck",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}: {}", self.kind, self.at, self.reason)
    }
}

/// Where every check reports; the first report counts. Clones are the same judge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge(Rc<RefCell<Bench>>);

#[derive(Debug, Default)]
struct Bench {
    now: Duration,
    is_logging: bool,
    failure: Option<Failure>,
}

impl Judge {
    /// One that tells on standard error what goes on, if `is_logging`.
    pub(crate) fn new(is_logging: bool) -> Self {
        let judge = Self::default();
        judge.0.borrow_mut().is_logging = is_logging;
        judge
    }

    /// Something that helps to follow a run.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let bench = self.0.borrow();
        if bench.is_logging {
            eprintln!("{:?} {}", bench.now, what());
        }
    }

    pub(crate) fn set_time(&self, now: Duration) {
        self.0.borrow_mut().now = now;
    }

    pub(crate) fn wrong(&self, reason: impl FnOnce() -> String) {
        self.fail(FailureKind::Wrong, reason);
    }

    pub(crate) fn expect(&self, holds: bool, reason: impl FnOnce() -> String) {
        if !holds {
            self.wrong(reason);
        }
    }

    pub(crate) fn fail(&self, kind: FailureKind, reason: impl FnOnce() -> String) {
        let mut bench = self.0.borrow_mut();
        if bench.failure.is_none() {
            bench.failure = Some(Failure {
                kind,
                at: bench.now,
                reason: reason(),
            });
        }
    }

    /// How a run ends in which the product panicked.
    pub(crate) fn crashed(&self, reason: String) -> Outcome {
        let at = self.0.borrow().now;
        Outcome {
            failure: Some(Failure {
                kind: FailureKind::Crash,
                at,
                reason,
            }),
            trace: 0,
            events: 0,
            time: at,
            answered: 0,
            tls: TlsCounts::default(),
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.borrow().failure.is_some()
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.borrow().failure.clone()
    }
}
