//! The load itself: one thread, one poll, many connections.

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::caller::{Caller, Done};
use super::calls::Calls;
use super::error::LoadError;
use super::options::Options;
use super::pace::Pace;
use super::progress::Progress;
use super::secure::Tls;
use super::tally::Tally;
use super::wire::Wire;
use super::workload::Workload;

/// Bytes taken from a socket at once.
const RECEIVE_BYTES: usize = 256 * 1024;

/// Readiness taken from the kernel at once.
const EVENTS: usize = 1024;

/// Time after which calls without a reply are given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Time that calls get for their replies once the run is over.
const DRAIN: Duration = Duration::from_secs(5);

/// What a run has seen, and how long it took.
#[derive(Debug)]
pub struct Outcome {
    /// Calls that were due in the measured time.
    pub tally: Tally,
    /// Seconds measured.
    pub seconds: f64,
    /// CPU seconds this process used in that time.
    pub cpu_seconds: f64,
}

struct Line {
    wire: Wire,
    caller: Caller,
}

/// Everything that runs.
struct Run<'a> {
    lines: Vec<Line>,
    workload: Workload,
    pace: Pace,
    tally: Tally,
    measured: std::ops::Range<Duration>,
    clock: Instant,
    /// The line whose turn it is in an open loop.
    turn: usize,
    last_reply: Duration,
    timer: OwnedFd,
    progress: Progress<'a>,
}

/// Puts the load on the server.
pub fn run(options: &Options, tls: Option<&Tls>, calls: Calls) -> Result<Outcome, LoadError> {
    let shape = &options.shape;
    let calls = Rc::new(calls);
    let mut poll = Poll::new()?;
    let address = SocketAddrV4::new(options.server, options.nfs_port);
    let mut lines = Vec::with_capacity(usize::from(shape.connections));
    for number in 0..usize::from(shape.connections) {
        lines.push(Line {
            wire: Wire::begin(address, tls, poll.registry(), Token(number))?,
            caller: Caller::new(Rc::clone(&calls), shape.depth),
        });
    }
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)
        .map_err(io::Error::from)?;
    let timer_token = Token(lines.len());
    poll.registry().register(
        &mut SourceFd(&timer.as_raw_fd()),
        timer_token,
        Interest::READABLE,
    )?;
    let start = Duration::from_secs_f64(shape.warm_up);
    let run = Run {
        lines,
        workload: Workload::new(shape),
        pace: Pace::new(shape),
        tally: Tally::new(),
        measured: start..start + Duration::from_secs_f64(shape.seconds),
        clock: Instant::now(),
        turn: 0,
        last_reply: Duration::ZERO,
        timer,
        progress: Progress::new(shape),
    };
    run.go(&mut poll)
}

impl Run<'_> {
    fn go(mut self, poll: &mut Poll) -> Result<Outcome, LoadError> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; RECEIVE_BYTES];
        let mut cpu_at_start = None;
        let mut cpu_seconds = None;
        let mut due = self.begin_all(Duration::ZERO)?;
        loop {
            self.wait(poll, &mut events, due)?;
            let now = self.clock.elapsed();
            if cpu_at_start.is_none() && now >= self.measured.start {
                cpu_at_start = Some(process_cpu_seconds());
            }
            for event in &events {
                let number = event.token().0;
                if number < self.lines.len() {
                    self.attend(number, &mut buffer)?;
                }
            }
            let now = self.clock.elapsed();
            if now >= self.measured.end && cpu_seconds.is_none() {
                cpu_seconds = Some(process_cpu_seconds() - cpu_at_start.unwrap_or_default());
            }
            due = self.begin_all(now)?;
            self.progress.tell(now, &self.tally);
            if self.is_over(now)? {
                break;
            }
        }
        self.progress.end();
        Ok(Outcome {
            tally: self.tally,
            seconds: (self.measured.end - self.measured.start).as_secs_f64(),
            cpu_seconds: cpu_seconds.unwrap_or_default(),
        })
    }

    fn in_flight(&self) -> usize {
        self.lines.iter().map(|line| line.caller.in_flight()).sum()
    }

    /// Whether everything is answered or given up.
    fn is_over(&mut self, now: Duration) -> Result<bool, LoadError> {
        if now < self.measured.end {
            if now > self.last_reply + SILENCE {
                return Err(LoadError::Silence {
                    seconds: SILENCE.as_secs(),
                    in_flight: self.in_flight(),
                });
            }
            return Ok(false);
        }
        let all_begun = self.pace.due(self.measured.end).is_none();
        if all_begun && self.in_flight() == 0 {
            return Ok(true);
        }
        if now < self.measured.end + DRAIN {
            return Ok(false);
        }
        for line in &self.lines {
            for (kind, due) in line.caller.waiting() {
                if self.measured.contains(&due) {
                    self.tally.give_up(kind, now - due);
                }
            }
        }
        while let Some(due) = self.pace.take(self.measured.end) {
            let kind = self.workload.advance().kind;
            self.tally.give_up(kind, now - due);
        }
        Ok(true)
    }

    /// Sleeps until something arrives or the next call is due.
    fn wait(
        &self,
        poll: &mut Poll,
        events: &mut Events,
        due: Option<Duration>,
    ) -> Result<(), LoadError> {
        // What needs no precision: progress, and the ends of things.
        const TICK: Duration = Duration::from_millis(200);
        let now = self.clock.elapsed();
        let until = due.filter(|due| *due < now + TICK);
        let timeout = match until {
            Some(due) if due <= now => Duration::ZERO,
            Some(due) => {
                self.set_timer(due - now)?;
                TICK
            }
            None => {
                let to_end = self.measured.end.saturating_sub(now);
                if to_end.is_zero() {
                    TICK
                } else {
                    to_end.min(TICK)
                }
            }
        };
        match poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The poll's own time-outs are whole milliseconds.
    fn set_timer(&self, time: Duration) -> Result<(), LoadError> {
        let setting = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: 0,
                tv_nsec: i64::from(time.subsec_nanos().max(1)),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)
            .map_err(io::Error::from)?;
        Ok(())
    }

    /// Makes every call that is due and has a place; when the next one is due that the clock must wait for.
    fn begin_all(&mut self, now: Duration) -> Result<Option<Duration>, LoadError> {
        if self.pace.is_closed() {
            if now < self.measured.end {
                for number in 0..self.lines.len() {
                    self.refill(number, now)?;
                }
            }
            return Ok(None);
        }
        let until = self.measured.end.min(now + Duration::from_nanos(1));
        while let Some(due) = self.pace.due(until) {
            let Some(number) = self.with_room() else {
                // A reply must come first.
                return Ok(None);
            };
            self.pace.take(until);
            let operation = self.workload.advance();
            let Line { wire, caller } = &mut self.lines[number];
            caller.begin(operation, due, &mut wire.out);
            wire.flush()?;
        }
        Ok(self.pace.due(self.measured.end))
    }

    fn with_room(&mut self) -> Option<usize> {
        let count = self.lines.len();
        let number = (self.turn..self.turn + count)
            .map(|number| number % count)
            .find(|&number| self.lines[number].caller.has_room())?;
        self.turn = number + 1;
        Some(number)
    }

    /// In a closed loop: every place that is free is used.
    fn refill(&mut self, number: usize, now: Duration) -> Result<(), LoadError> {
        let Line { wire, caller } = &mut self.lines[number];
        if !caller.has_room() {
            return Ok(());
        }
        while caller.has_room() {
            caller.begin(self.workload.advance(), now, &mut wire.out);
        }
        wire.flush()
    }

    /// A connection is ready.
    fn attend(&mut self, number: usize, buffer: &mut [u8]) -> Result<(), LoadError> {
        let Self {
            lines,
            tally,
            measured,
            clock,
            last_reply,
            ..
        } = self;
        let Line { wire, caller } = &mut lines[number];
        wire.flush()?;
        let is_closed = wire.receive(buffer, |bytes| {
            let now = clock.elapsed();
            caller.receive(bytes, now, &mut |done: Done| {
                *last_reply = now;
                if measured.contains(&(now - done.latency)) {
                    tally.add(done);
                }
            })?;
            Ok(())
        })?;
        if is_closed {
            return Err(LoadError::Closed(caller.in_flight()));
        }
        Ok(())
    }
}

/// CPU seconds this process has used.
fn process_cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
