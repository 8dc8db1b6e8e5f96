//! What a run is made of and what goes wrong in it, drawn from its seed.
//!
//! Every option is a number with a simplest value, at which it does no harm. A run draws each fault on or off
//! (swarm testing), so that faults are met alone, together, and not at all.

use std::fmt;
use std::str::FromStr;

use crate::random::Random;

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $kind:ident $simplest:literal of [$($choice:literal),+];)+) => {
        /// See the module; per mille where chances are meant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Options {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Options {
            /// Names of all options, in order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Everything at its simplest.
            #[must_use]
            pub const fn simplest() -> Self {
                Self { $($name: $simplest,)+ }
            }

            /// The options of a seed.
            #[must_use]
            pub fn draw(seed: u64) -> Self {
                let root = Random::new(seed).fork(0x0971_0215);
                let mut name = 0;
                // One run in eight has no fault at all.
                let faulty = root.fork(0).below(8) != 0;
                $(
                    name += 1;
                    let mut random = root.fork(name);
                    let on = Kind::$kind == Kind::Shape || (faulty && random.below(2) == 0);
                    let $name = if on { random.pick(&[$($choice),+]) } else { $simplest };
                )+
                Self { $($name,)+ }
            }

            /// The option of that name.
            pub fn by_name(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            /// Name, value and simplest value of every option.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
                [$((stringify!($name), self.$name, $simplest)),+].into_iter()
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Always drawn.
    Shape,
    /// Drawn in half of the runs with faults.
    Fault,
}

options! {
    /// Appliances before the one origin.
    appliances: Shape 1 of [1, 1, 1, 2, 3];
    /// Clients, each at one of the appliances.
    clients: Shape 1 of [1, 2, 3, 4];
    /// Files, shared by all clients.
    files: Shape 1 of [1, 2, 3];
    /// Blocks a file has at the start, and the most a client extends it to.
    file_blocks: Shape 2 of [1, 3, 6, 10];
    /// Calls each client makes before it only finishes.
    operations: Shape 40 of [20, 40, 60];
    /// Calls a client has under way at a time.
    parallel: Shape 1 of [1, 2, 4, 8];
    /// Share of WRITEs among a client's calls.
    writes: Shape 300 of [100, 300, 500];
    /// Bytes of a cache block, in KiB.
    block_kib: Shape 16 of [4, 8, 16, 64];
    /// Blocks of a cache.
    blocks: Shape 64 of [12, 24, 64];
    /// 0: the stack cuts and sums; 1: the NIC sums; 2: the NIC sums and cuts.
    offload: Shape 0 of [0, 1, 2];
    /// NFS connections an appliance keeps to the origin.
    origin_connections: Shape 1 of [1, 2, 4];
    /// One way over a link, in µs.
    delay: Shape 50 of [10, 50, 500, 5000];
    /// Speed of a link, in Mbit/s.
    bandwidth: Shape 10_000 of [100, 1000, 10_000];
    /// Time between two turns of a busy engine, in µs.
    turn: Shape 2 of [1, 2, 10, 40];
    /// Descriptors of a transmit ring.
    tx_ring: Shape 256 of [16, 64, 256];
    /// Descriptors of a receive ring.
    rx_ring: Shape 256 of [32, 256];
    /// 0: transmitted frames are let go of at once; 1: with the next transmit; 2: when the ring is short of room, by
    /// an appliance that polls and never rests.
    completions: Fault 0 of [1, 2, 2];
    /// Frames for which there is no mbuf.
    tx_pool_empty: Fault 0 of [2, 20];
    /// Received frames for which there is no mbuf.
    rx_pool_empty: Fault 0 of [2, 20];
    /// Frames lost.
    loss: Fault 0 of [2, 10, 30];
    /// Frames duplicated.
    duplication: Fault 0 of [5, 50];
    /// Frames that take longer than those behind them.
    reordering: Fault 0 of [10, 100];
    /// Frames with a bit turned over.
    corruption: Fault 0 of [2, 20];
    /// Frames given to another appliance instead.
    wrong_core: Fault 0 of [5, 50];
    /// Links that carry nothing for a while, then everything at once: times in the run.
    clogs: Fault 0 of [1, 4];
    /// Links that lose everything for a while: times in the run.
    partitions: Fault 0 of [1, 3];
    /// Appliances killed and started again: times in the run.
    crashes: Fault 0 of [1, 2];
    /// The origin dies with what it has not committed, and starts again: times in the run.
    origin_restarts: Fault 0 of [1, 2, 4];
    /// Time the origin takes to answer, at most, in µs.
    service: Shape 100 of [20, 500, 20_000];
    /// Replies that the origin holds back for long.
    slow_replies: Fault 0 of [10, 100];
    /// WRITEs of which the origin takes only the first part, and READs it cuts short.
    short_transfers: Fault 0 of [30, 200];
    /// Calls that the origin fails.
    errors: Fault 0 of [10, 50];
    /// Calls that the origin puts off with NFS3ERR_JUKEBOX.
    jukebox: Fault 0 of [10, 100];
    /// Replies sent twice.
    repeated_replies: Fault 0 of [20, 200];
    /// Replies to calls nobody made, and to calls of another connection.
    stray_replies: Fault 0 of [10, 50];
    /// Calls never answered.
    silences: Fault 0 of [2, 10];
    /// Connections the origin kills, at any byte of a reply.
    killed_replies: Fault 0 of [5, 30];
    /// WRITE replies that claim more than was asked for.
    lies: Fault 0 of [5, 50];
    /// Replies without the attributes from before.
    no_attributes: Fault 0 of [100, 1000];
    /// Clients that send their unanswered calls again, on another port: times in the run.
    reconnects: Fault 0 of [1, 4];
    /// Clients that send an unanswered call again on the same connection: times in the run.
    repetitions: Fault 0 of [2, 8];
    /// Clients that close their sending side and wait for the rest: times in the run.
    half_closes: Fault 0 of [1, 3];
    /// Clients that vanish for a while, with all they had under way: times in the run.
    vanishings: Fault 0 of [1, 2];
    /// How clients are protected. 0: not; 1: TLS after a probe; 2: TLS from the first byte.
    client_tls: Shape 0 of [0, 0, 1, 2];
    /// How NFS connections to the origin are protected, likewise.
    origin_tls: Shape 0 of [0, 0, 1, 2];
    /// Slots of transmit memory, besides those that are reserved.
    slots: Shape 64 of [8, 64];
    /// 1: every other client is of a user who may not read every other file.
    strangers: Shape 0 of [0, 1];
    /// What a peer takes in before it reads, in KiB.
    peer_window: Shape 256 of [256, 256, 64, 16];
    /// Clients that do not read for a while: times in the run.
    naps: Fault 0 of [1, 4];
    /// Segments of peers that arrive as two that overlap.
    recuts: Fault 0 of [10, 100];
    /// Segments with parts of TLS records that somebody changes, mending TCP's sum.
    forgeries: Fault 0 of [1, 5];
    /// Share of SETATTRs of the size among a client's calls.
    resizes: Shape 0 of [0, 20, 100];
    /// Share of SETATTRs of who may read among the calls of those who always may.
    chmods: Shape 0 of [0, 20, 100];
    /// Records after which an appliance renews the keys of a connection; 0: as many as the product allows.
    rekey: Shape 0 of [0, 0, 8, 40];
    /// How it does. 0: by a KeyUpdate; 1: by a new connection.
    rekey_reconnects: Shape 0 of [0, 0, 1];
    /// Peers that update their keys, before something they send and as often behind it.
    peer_key_updates: Fault 0 of [10, 30];
    /// 1: appliances and the origin give session tickets, and whoever connects again resumes.
    tickets: Shape 0 of [0, 1];
}

impl FromStr for Options {
    type Err = String;

    /// Reads `NAME=VALUE` words; what is not named is at its simplest. What [`fmt::Display`] writes, it reads.
    fn from_str(words: &str) -> Result<Self, String> {
        let mut options = Self::simplest();
        for word in words.split_whitespace() {
            options.set(word)?;
        }
        Ok(options)
    }
}

impl Options {
    /// Sets one option from `NAME=VALUE`.
    ///
    /// # Errors
    /// There is no such option, or no such value.
    pub fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word}: not NAME=VALUE"))?;
        let option = self.by_name(name);
        let option =
            option.ok_or_else(|| format!("{name}: no such option; there are {:?}", Self::NAMES))?;
        *option = value.parse().map_err(|error| format!("{word}: {error}"))?;
        Ok(())
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value, simplest) in self.all() {
            if value != simplest {
                write!(f, "{separator}{name}={value}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}
