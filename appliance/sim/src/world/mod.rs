//! Everything there is, and the loop that lets it happen.
//!
//! A run has three phases. In the first everything goes wrong that its options say. Then all faults stop, and
//! every call must be answered and everything written become stable within a bound of virtual time; the clients
//! read every file once more. In the end nobody may hold anything that is not his.

mod deeds;
mod events;
mod nemesis;

use std::time::Duration;

use crate::appliance::{self, Appliance};
use crate::client::{self, Client, Phase};
use crate::network::streams::Streams;
use crate::network::{CLIENT_SIDE, ORIGIN_SIDE, Segment, Station};
use crate::options::Options;
use crate::origin::{self, Origin};
use crate::outcome::{FailureKind, Judge, Outcome, TlsCounts};
use crate::random::Random;
use crate::trace::Trace;
use crate::truth::Truth;
use events::{Event, Events};
use nemesis::Nemesis;

/// How long everything may go wrong: longer than any call may wait for its answer.
const SAFETY: Duration = Duration::from_secs(300);

/// How long everything may take to be done when nothing goes wrong any more: TCP backs off to a minute, an origin
/// that was silent is asked again after one, two and four minutes.
const LIVENESS: Duration = Duration::from_secs(1200);

/// How long everybody is left alone at the end: longer than TCP remembers a connection that was closed, and than a
/// peer that is gone is asked for.
const REST: Duration = Duration::from_secs(300);

/// Everything.
pub(crate) struct World {
    now: Duration,
    options: Options,
    judge: Judge,
    trace: Trace,
    random: Random,
    events: Events,
    handled: u64,
    nemesis: Nemesis,
    segments: [Segment; 2],
    streams: Streams,
    appliances: Vec<Appliance>,
    /// Those that are down: when they are back, with their journals.
    down: Vec<Option<(Duration, Vec<engine::Endpoints>)>>,
    clients: Vec<Client>,
    origin: Origin,
    truth: Truth,
    /// For which time each station has asked to be woken.
    wakes: Wakes,
    /// Whether an appliance's port is sending.
    sending: Vec<[bool; 2]>,
}

#[derive(Debug)]
struct Wakes {
    appliances: Vec<Option<Duration>>,
    clients: Vec<Option<Duration>>,
    origin: Option<Duration>,
}

impl Wakes {
    fn of(&mut self, station: Station) -> &mut Option<Duration> {
        match station {
            Station::Appliance(number) => &mut self.appliances[number],
            Station::Client(number) => &mut self.clients[number],
            Station::Origin => &mut self.origin,
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64, options: &Options, judge: Judge) -> Self {
        let root = Random::new(seed);
        crate::tls::seed(root.fork(6));
        let appliance_count = usize::try_from(options.appliances).expect("few");
        let client_count = usize::try_from(options.clients).expect("few");
        let mut truth = Truth::new(judge.clone(), appliance_count);
        let block = options.block_kib * 1024;
        for file in 0..options.files {
            truth.create(
                (options.file_blocks * block * 3 / 4)
                    .saturating_sub(file * 1001)
                    .max(5),
            );
        }
        let appliances: Vec<_> = (0..appliance_count)
            .map(|number| {
                Appliance::new(
                    number,
                    options,
                    root.fork(100 + number as u64),
                    judge.clone(),
                )
            })
            .collect();
        let clients: Vec<_> = (0..client_count)
            .map(|number| {
                Client::new(
                    number,
                    options,
                    root.fork(200 + number as u64),
                    judge.clone(),
                )
            })
            .collect();
        let mut segments = [
            Segment::new(options.client_tls != 0, root.fork(1)),
            Segment::new(options.origin_tls != 0, root.fork(2)),
        ];
        for number in 0..appliance_count {
            for (port, segment) in segments.iter_mut().enumerate() {
                segment.plug(Station::Appliance(number), appliance::mac(number, port));
            }
        }
        for number in 0..client_count {
            segments[CLIENT_SIDE].plug(Station::Client(number), client::mac(number));
        }
        segments[ORIGIN_SIDE].plug(Station::Origin, origin::MAC);
        let mut world = Self {
            now: Duration::from_secs(1),
            options: *options,
            streams: Streams::new(judge.clone(), options.tx_pool_empty == 0),
            judge,
            trace: Trace::default(),
            events: Events::default(),
            handled: 0,
            nemesis: Nemesis::plan(options, root.fork(3)),
            segments,
            wakes: Wakes {
                appliances: vec![None; appliance_count],
                clients: vec![None; client_count],
                origin: None,
            },
            sending: vec![[false; 2]; appliance_count],
            down: (0..appliance_count).map(|_| None).collect(),
            appliances,
            clients,
            origin: Origin::new(options, root.fork(4)),
            truth,
            random: root.fork(5),
        };
        for station in world.stations() {
            world.wake(station, world.now);
        }
        world
    }

    fn stations(&self) -> Vec<Station> {
        let appliances = (0..self.appliances.len()).map(Station::Appliance);
        let clients = (0..self.clients.len()).map(Station::Client);
        appliances.chain(clients).chain([Station::Origin]).collect()
    }

    /// Runs to the end, or to the first failure.
    pub(crate) fn run(mut self) -> Outcome {
        let is_finishing = |client: &Client| client.phase == Phase::Finishing;
        self.run_until(SAFETY, |world| world.clients.iter().all(is_finishing));
        for client in &self.clients {
            client.check_waiting(self.now);
        }
        self.mend();
        let settled = |world: &Self| world.clients.iter().all(Client::is_settled);
        self.must("settle", settled);
        for client in &mut self.clients {
            client.verify(&self.truth);
        }
        self.wake_all();
        self.must("read everything", settled);
        let rest = REST;
        self.run_until(rest, |_| false);
        if !self.judge.has_failed() {
            for appliance in &mut self.appliances {
                appliance.check_at_rest();
                appliance.end(self.now);
            }
        }
        Outcome {
            failure: self.judge.failure(),
            trace: self.trace.hash(),
            events: self.handled,
            time: self.now,
            answered: self.answered(),
            tls: self.tls_counts(),
        }
    }

    fn tls_counts(&self) -> TlsCounts {
        let mut counts = TlsCounts {
            peer_key_updates: self.origin.tls.key_updates,
            resumed_at_origin: self.origin.tls.resumed,
            ..TlsCounts::default()
        };
        for client in &self.clients {
            counts.peer_key_updates += client.tls.key_updates;
            counts.resumed_by_clients += client.tls.resumed;
        }
        for secured in self.appliances.iter().map(Appliance::secured) {
            counts.key_updates += secured.key_updates;
            counts.connections_retired += secured.connections_retired;
        }
        counts
    }

    fn answered(&self) -> u64 {
        self.clients.iter().map(|client| client.answered).sum()
    }

    fn must(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        if !self.run_until(LIVENESS, done) {
            let clients: Vec<_> = self.clients.iter().map(Client::describe).collect();
            self.judge.fail(FailureKind::Stuck, || {
                format!(
                    "clients do not {what} within {LIVENESS:?}: {}",
                    clients.join(" / ")
                )
            });
        }
    }

    /// Lets things happen until `done`, or for `time`; whether it is done.
    fn run_until(&mut self, time: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + time;
        while !self.judge.has_failed() {
            if done(self) {
                return true;
            }
            let Some((at, event)) = self.events.next() else {
                self.judge.fail(FailureKind::Stuck, || {
                    "nothing is ever going to happen".to_owned()
                });
                return false;
            };
            if at > end {
                self.events.enter(at, event);
                self.now = end;
                return false;
            }
            self.now = self.now.max(at);
            self.judge.set_time(self.now);
            self.handled += 1;
            self.handle(event);
            if let Some(deed) = self.nemesis.due(self.answered()) {
                self.judge.note(|| format!("{deed:?}"));
                self.do_deed(deed);
            }
        }
        true
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake(station) => {
                if self
                    .wakes
                    .of(station)
                    .take_if(|at| *at <= self.now)
                    .is_some()
                {
                    self.trace.event(self.now, code(station), &[]);
                    self.advance(station);
                }
            }
            Event::Arrive(station, segment, frame) => {
                self.trace.event(self.now, 100 + code(station), &frame);
                self.arrive(station, segment, frame);
            }
            Event::Send(number, port) => {
                self.sending[number][port] = false;
                self.send(number, port);
            }
        }
    }

    fn arrive(&mut self, station: Station, segment: usize, frame: Vec<u8>) {
        let now = self.now;
        match station {
            Station::Appliance(number) => {
                self.streams.hear(&frame);
                if self.appliances[number].receive(segment, frame) {
                    self.wake(station, self.now);
                }
            }
            Station::Client(number) => {
                let client = &mut self.clients[number];
                if client.away_until.is_none() {
                    mutant::off_during(|| client.host.handle_frame(frame, now));
                    self.advance(station);
                }
            }
            Station::Origin => {
                mutant::off_during(|| self.origin.host.handle_frame(frame, now));
                self.advance(station);
            }
        }
    }

    /// Lets a station do what is due, and sends what it has to send.
    fn advance(&mut self, station: Station) {
        let now = self.now;
        let (next, frames) = match station {
            Station::Appliance(number) => {
                self.revive_if_due(number);
                let turn = self.appliances[number].turn(now);
                // One that was woken while it was down has used up the wake that was to revive it.
                let next = turn.next.or(self.back_at(number));
                for port in [CLIENT_SIDE, ORIGIN_SIDE] {
                    self.start_sending(number, port, now);
                }
                (next, Vec::new())
            }
            Station::Client(number) => {
                let client = &mut self.clients[number];
                mutant::off_during(|| {
                    client.advance(&mut self.truth, now);
                    // It sets timers too.
                    let frames = client.host.transmit(now);
                    (client.next(), frames)
                })
            }
            Station::Origin => mutant::off_during(|| {
                self.origin.advance(&mut self.truth, now);
                let frames = self.origin.host.transmit(now);
                (self.origin.next(), frames)
            }),
        };
        let segment = if station == Station::Origin {
            ORIGIN_SIDE
        } else {
            CLIENT_SIDE
        };
        for frame in frames {
            self.carry(station, segment, frame);
        }
        if let Some(next) = next {
            self.wake(station, next.max(now + Duration::from_micros(1)));
        }
    }

    fn wake_all(&mut self) {
        for station in self.stations() {
            self.wake(station, self.now);
        }
    }

    fn wake(&mut self, station: Station, at: Duration) {
        let wake = self.wakes.of(station);
        if wake.is_none_or(|before| at < before) {
            *wake = Some(at);
            self.events.enter(at, Event::Wake(station));
        }
    }

    fn start_sending(&mut self, number: usize, port: usize, at: Duration) {
        if self.appliances[number].is_sending(port) && !self.sending[number][port] {
            self.sending[number][port] = true;
            self.events.enter(at, Event::Send(number, port));
        }
    }

    fn send(&mut self, number: usize, port: usize) {
        let Some((frames, time, was_full)) = self.appliances[number].send(port) else {
            return;
        };
        for frame in frames {
            self.streams.watch(&frame);
            self.carry(Station::Appliance(number), port, frame);
        }
        if was_full {
            self.wake(Station::Appliance(number), self.now);
        }
        self.start_sending(number, port, self.now + time);
    }

    fn carry(&mut self, from: Station, segment: usize, frame: Vec<u8>) {
        for delivery in self.segments[segment].carry(from, frame, self.now, &self.options) {
            let event = Event::Arrive(delivery.to, segment, delivery.arrival.frame);
            self.events.enter(delivery.arrival.at, event);
        }
    }
}

fn code(station: Station) -> u64 {
    match station {
        Station::Appliance(number) => 10 + number as u64,
        Station::Client(number) => 20 + number as u64,
        Station::Origin => 30,
    }
}
