//! NFS load on Wirepage through virtio rings, by a process that is its clients and its origin at once: no kernel
//! and no switch between, so that Wirepage's own cost is seen.

mod appliance;
mod clients;
mod port;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::load::{Outcome, Report, Shape, Tally};
use crate::world::Origin;
use appliance::{Appliance, Counters};
use clients::Clients;
use port::{Backend, RingPort};

/// Load through rings.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The program to measure.
    #[arg(long, default_value = "target/release/wirepage")]
    wirepage: PathBuf,
    /// How it sends file data: attach or copy.
    #[arg(long, default_value = "attach")]
    tx: String,
    /// Its core.
    #[arg(long, default_value_t = 1)]
    core: u16,
    /// The core of this process.
    #[arg(long, default_value_t = 0)]
    own_core: u16,
    /// Let Wirepage cut segments itself, as if the NIC could not.
    #[arg(long)]
    no_tso: bool,
    #[command(flatten)]
    shape: Shape,
}

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
pub enum RingsError {
    /// Something of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is no program.
    #[error(
        "{program} does not run: {source}; build it: cargo build --release -p wirepage",
        program = .program.display()
    )]
    NoWirepage {
        /// What was to run.
        program: PathBuf,
        /// Why it does not.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("Wirepage has ended:\n{0}")]
    Ended(String),
    /// It is not there in time.
    #[error("{0} does not come")]
    Late(&'static str),
    /// The EAL.
    #[error(transparent)]
    Eal(#[from] dpdk::EalError),
    /// A pool.
    #[error(transparent)]
    Pool(#[from] dpdk::PoolError),
    /// A port.
    #[error(transparent)]
    Port(#[from] dpdk::PortError),
    /// A frame.
    #[error("a frame: {0}")]
    Frame(#[from] dpdk::FrameError),
    /// The load itself.
    #[error(transparent)]
    Load(#[from] crate::load::LoadError),
    /// Counters or report.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What the load cost Wirepage.
#[derive(Debug, Serialize)]
struct Cost {
    #[serde(flatten)]
    report: Report,
    /// Ticks of its turns that did anything.
    busy_ticks: u64,
    /// Ticks in a second.
    ticks_per_second: u64,
    /// Busy ticks for each call.
    busy_ticks_per_call: u64,
    /// Busy ticks for each byte of data, in thousandths.
    busy_milliticks_per_byte: Option<u64>,
    /// Hundredths of a core that it takes with connections and nothing to do.
    idle_core_percent: f64,
    /// Bytes of file data attached, and copied, on their way out.
    attached_bytes: u64,
    copied_bytes: u64,
}

/// How long Wirepage is left alone after the mount, before and while its processor time is looked at.
const QUIET: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(5);

/// Time that each step before the load may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clients, origin, and the rings between them and Wirepage.
struct World<'a> {
    ports: [RingPort; 2],
    clients: Clients<'a>,
    origin: Origin,
    clock: Instant,
}

impl World<'_> {
    /// Does what can be done now; the time it was done at.
    fn turn(&mut self) -> Result<Duration, RingsError> {
        let now = self.clock.elapsed();
        let [client_port, origin_port] = &mut self.ports;
        client_port.receive(|frame| self.clients.handle_frame(frame, now));
        origin_port.receive(|frame| self.origin.host.handle_frame(frame, clients::SUMS, now));
        self.clients.advance(now)?;
        self.origin.advance(now);
        client_port.send(&self.clients.transmit(now))?;
        origin_port.send(&self.origin.host.transmit(now))?;
        Ok(now)
    }

    fn turn_until(
        &mut self,
        what: &'static str,
        appliance: &mut Appliance,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), RingsError> {
        let end = self.clock.elapsed() + PATIENCE;
        let mut check = Duration::ZERO;
        loop {
            let now = self.turn()?;
            if done(self) {
                return Ok(());
            }
            if now > check {
                check = now + Duration::from_millis(100);
                appliance.check()?;
            }
            if now > end {
                return Err(RingsError::Late(what));
            }
        }
    }

    /// Hundredths of a core that Wirepage takes while nobody wants anything of it.
    fn idle_percent(&mut self, appliance: &Appliance) -> Result<f64, RingsError> {
        let start = self.clock.elapsed() + QUIET;
        while self.turn()? < start {}
        let process = appliance.process();
        let before = process.cpu_seconds()?;
        while self.turn()? < start + IDLE {}
        Ok((process.cpu_seconds()? - before) / IDLE.as_secs_f64() * 100.0)
    }

    fn counters(&mut self, appliance: &mut Appliance) -> Result<Counters, RingsError> {
        let mut asked = appliance.ask()?;
        self.turn_until("the counters", appliance, |_| {
            !matches!(asked.try_wait(), Ok(None))
        })?;
        Counters::of(asked)
    }
}

/// Puts the load on and prints what it cost.
pub fn run(options: &Options) -> Result<(), RingsError> {
    let shape = &options.shape;
    shape.check()?;
    let mut appliance = Appliance::start(&options.wirepage, options.core, &options.tx)?;
    let backend = Backend::start(options.own_core)?;
    let [client_socket, origin_socket] = appliance.sockets();
    let ports = [
        backend.open(0, &client_socket, !options.no_tso)?,
        backend.open(1, &origin_socket, !options.no_tso)?,
    ];
    let mut origin = Origin::new();
    let files = clients::put_files(&mut origin, shape);
    let mut world = World {
        ports,
        clients: Clients::new(shape, &files),
        origin,
        clock: Instant::now(),
    };
    world.turn_until("the link", &mut appliance, |world| {
        world.ports.iter().all(RingPort::is_up)
    })?;
    world.clients.connect(world.clock.elapsed());
    world.turn_until("the connections", &mut appliance, |world| {
        world.clients.are_connected()
    })?;
    world.clients.begin_mount();
    world.turn_until("the mount", &mut appliance, |world| {
        world.clients.is_mounted()
    })?;

    let idle_percent = world.idle_percent(&appliance)?;
    let begin = world.clock.elapsed();
    let start = begin + Duration::from_secs_f64(shape.warm_up);
    let end = start + Duration::from_secs_f64(shape.seconds);
    world.clients.begin(begin, start..end);
    while world.turn()? < start {}
    let before = world.counters(&mut appliance)?;
    while world.turn()? < end {}
    let tally = world.clients.tally();
    let after = world.counters(&mut appliance)?;
    appliance.check()?;
    report(shape, tally, (&before, &after), idle_percent)
}

fn report(
    shape: &Shape,
    tally: Tally,
    (before, after): (&Counters, &Counters),
    idle_percent: f64,
) -> Result<(), RingsError> {
    let outcome = Outcome {
        tally,
        seconds: shape.seconds,
        // It polls: all the time that there is.
        cpu_seconds: shape.seconds,
    };
    let report = Report::new(shape, &outcome);
    let more = |key| after.value(key) - before.value(key);
    let busy_ticks = more("busy_ticks");
    let cost = Cost {
        busy_ticks,
        ticks_per_second: after.value("ticks_per_second"),
        busy_ticks_per_call: busy_ticks / report.calls.max(1),
        busy_milliticks_per_byte: (busy_ticks * 1000).checked_div(report.data_bytes),
        idle_core_percent: idle_percent,
        attached_bytes: more("tx_payload_attached_bytes"),
        copied_bytes: more("tx_payload_copied_bytes"),
        report,
    };
    if shape.json {
        println!("{}", serde_json::to_string(&cost)?);
        return Ok(());
    }
    print!("{}", cost.report);
    println!(
        "Wirepage: {} busy ticks a call, {} of a tick a byte; {} % of its core; {} MiB attached, {} MiB copied",
        cost.busy_ticks_per_call,
        cost.busy_milliticks_per_byte.map_or_else(
            || "–".to_owned(),
            |ticks| format!("{}.{:03}", ticks / 1000, ticks % 1000)
        ),
        busy_ticks * 100 / (cost.ticks_per_second.max(1) * seconds(shape)).max(1),
        cost.attached_bytes >> 20,
        cost.copied_bytes >> 20
    );
    println!("and with nothing to do {idle_percent:.1} % of a core");
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below a million"
)]
fn seconds(shape: &Shape) -> u64 {
    (shape.seconds.round() as u64).max(1)
}
