//! An appliance: an engine, its NICs and its memory; what may become of it, and what must always hold for it.

mod checks;
mod config;
pub(crate) mod nic;

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::time::Duration;

use cache::{Arena, Cache, CacheConfig, HeapMemory};
use engine::{Endpoints, Engine};
use gateway::{Gateway, Seeds};
use net::RxChecksums;

use crate::options::Options;
use crate::outcome::Judge;
use crate::random::Random;
use nic::{Nic, RxMbuf};

pub(crate) use config::{address, mac};

/// Received frames an engine takes in one turn.
const BURST: usize = 32;

/// What fresh blocks hold: nobody's data.
const CANARY: u8 = 0xc5;

/// One appliance; without an engine while it is down.
pub(crate) struct Appliance {
    number: usize,
    options: Options,
    judge: Judge,
    random: Random,
    running: Option<Running>,
    /// What the processes before this one did.
    past: Secured,
    /// Whether an idle loop takes transmitted frames back.
    reclaims: bool,
    mended: bool,
    /// Calls the engine would not rest after, in a row.
    restless: u32,
}

/// What lives as long as the process.
struct Running {
    engine: Engine<RxMbuf>,
    nics: [Nic; 2],
    connections: BTreeMap<usize, Endpoints>,
}

/// What of TLS has been done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Secured {
    pub(crate) key_updates: u64,
    pub(crate) connections_retired: u64,
}

/// What a turn of the loop has come to.
pub(crate) struct Turn {
    /// When the next one is due.
    pub(crate) next: Option<Duration>,
}

impl Appliance {
    pub(crate) fn new(number: usize, options: &Options, random: Random, judge: Judge) -> Self {
        let mut appliance = Self {
            number,
            options: *options,
            judge,
            random,
            running: None,
            past: Secured::default(),
            reclaims: options.completions < 2,
            mended: false,
            restless: 0,
        };
        appliance.start(&[], Duration::ZERO);
        appliance
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The process starts, and hears from its journal which connections the one before it had.
    pub(crate) fn start(&mut self, journal: &[Endpoints], now: Duration) {
        let cache = fresh_cache(&self.options);
        let seeds = Seeds {
            xid: u32::try_from(self.random.next() >> 32).expect("32 bits"),
            hash: self.random.key(),
        };
        let gateway = Gateway::new(config::gateway(&self.options, self.number), cache, seeds);
        let secrets = [self.random.key(), self.random.key()];
        let config = config::engine(&self.options, self.number, secrets);
        let mut engine =
            Engine::new(config, gateway, config::security(&self.options)).expect("a valid engine");
        engine.announce();
        for connection in journal {
            engine.probe_forgotten(connection, now);
        }
        let nic = |port: u64| {
            let random = self.random.fork(port);
            let mut nic = Nic::new(&self.options, random, self.judge.clone());
            if self.mended {
                nic.mend();
            }
            nic
        };
        let nics = [nic(0), nic(1)];
        self.running = Some(Running {
            engine,
            nics,
            connections: BTreeMap::new(),
        });
    }

    /// The process is killed: nothing of it is left but its journal.
    pub(crate) fn kill(&mut self) -> Vec<Endpoints> {
        self.past = self.secured();
        let running = self.running.take();
        running.map_or_else(Vec::new, |running| {
            running.connections.into_values().collect()
        })
    }

    /// What of TLS all its processes have done.
    pub(crate) fn secured(&self) -> Secured {
        let mut sum = self.past;
        if let Some(Running { engine, .. }) = &self.running {
            let present = engine.stats().security;
            sum.key_updates += present.key_updates;
            sum.connections_retired += present.connections_retired;
        }
        sum
    }

    /// NICs have mbufs for everything, and an idle loop takes transmitted frames back.
    pub(crate) fn mend(&mut self) {
        self.mended = true;
        self.reclaims = true;
        if let Some(running) = &mut self.running {
            running.nics.iter_mut().for_each(Nic::mend);
        }
    }

    /// A frame has arrived at a port; whether somebody took it.
    pub(crate) fn receive(&mut self, port: usize, frame: Vec<u8>) -> bool {
        let running = self.running.as_mut();
        running.is_some_and(|running| running.nics[port].receive(frame))
    }

    /// One turn of the loop.
    pub(crate) fn turn(&mut self, now: Duration) -> Turn {
        let Some(Running {
            engine,
            nics,
            connections,
        }) = &mut self.running
        else {
            return Turn { next: None };
        };
        let mut busy = false;
        for (port, nic) in nics.iter_mut().enumerate() {
            for _ in 0..BURST {
                let Some((head, tail)) = nic.take() else {
                    break;
                };
                busy = true;
                engine.handle_frame(port, head, tail.into_iter(), RxChecksums::default(), now);
            }
        }
        let received = busy;
        busy |= engine.advance(now);
        for (port, nic) in nics.iter_mut().enumerate() {
            nic.was_full.set(false);
            let before = nic.frames;
            engine.poll_transmit(port, now, nic);
            busy |= nic.frames != before;
        }
        while engine.poll_audit().is_some() {}
        while let Some((slot, connection)) = engine.poll_connection_change() {
            match connection {
                Some(connection) => connections.insert(slot, connection),
                None => connections.remove(&slot),
            };
        }
        if engine.waits_for_room() || (!busy && self.reclaims) {
            nics.iter_mut().for_each(Nic::reclaim);
        }
        let next_turn = now + Duration::from_micros(self.options.turn);
        let timeout = engine.poll_timeout();
        let sending = nics.iter().any(Nic::is_sending);
        self.restless = if received || sending || timeout.is_none_or(|at| at > now) {
            0
        } else {
            self.restless + 1
        };
        self.check();
        let Some(Running { nics, .. }) = &self.running else {
            return Turn { next: None };
        };
        let next = if busy || nics.iter().any(Nic::has_received) {
            Some(next_turn)
        } else {
            timeout.map(|at| at.max(next_turn))
        };
        Turn { next }
    }

    /// What the NIC of a port sends next, and how long it takes; and whether the engine waits for room.
    pub(crate) fn send(&mut self, port: usize) -> Option<(Vec<Vec<u8>>, Duration, bool)> {
        let nic = &mut self.running.as_mut()?.nics[port];
        let (frames, time) = nic.send()?;
        Some((frames, time, nic.was_full.get()))
    }

    pub(crate) fn is_sending(&self, port: usize) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.nics[port].is_sending())
    }
}

/// So much memory for a NIC to read.
fn arena(count: usize, block: usize) -> Arena {
    let memory = HeapMemory::allocate(count * block).expect("heap memory");
    let same = |address: NonNull<u8>| address.addr().get() as u64;
    Arena::new(Box::new(memory), block, &same).expect("an arena")
}

/// Blocks on the heap, with canaries in them.
fn fresh_cache(options: &Options) -> Cache {
    let count = usize::try_from(options.blocks).expect("few blocks");
    let arena = arena(count, config::block_size(options));
    let mut cache = Cache::new(arena, CacheConfig::default());
    let mut all = Vec::new();
    while let Some(mut block) = cache.allocate() {
        block.as_mut_slice().fill(CANARY);
        all.push(block);
    }
    assert_eq!(all.len(), count, "a fresh cache gives all its blocks");
    drop(all);
    cache
}
