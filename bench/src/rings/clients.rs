//! The clients: one machine with many connections, on our own TCP, making the calls of [`crate::load`].

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use net::{ConnectionId, Event, RxChecksums};
use nfs3_types::mount::{self, MOUNT_PROGRAM, dirpath};
use nfs3_types::nfs3::nfs_fh3;
use nfs3_types::xdr_codec::Opaque;

use super::RingsError;
use crate::load::calls::{self, Calls};
use crate::load::{Caller, LoadError, Pace, Progress, Shape, Tally, Workload, stamp};
use crate::world::{EXPORT, Host, Origin};

/// A virtual link: whoever fills in no checksums has lost no bytes.
pub const SUMS: RxChecksums = RxChecksums {
    ip_good: true,
    l4_good: true,
};

const MAC: [u8; 6] = [2, 0, 0, 0, 1, 2];
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
const WIREPAGE: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
const NFS_PORT: u16 = 2049;
const MOUNT_PORT: u16 = 20048;
const FIRST_PORT: u16 = 10_000;

struct Line {
    connection: ConnectionId,
    caller: Caller,
    connected: bool,
}

/// What is running.
struct Running {
    workload: Workload,
    pace: Pace,
    begun: Duration,
    measured: Range<Duration>,
}

/// All connections.
pub struct Clients<'a> {
    host: Host,
    shape: &'a Shape,
    calls: Rc<Calls>,
    lines: Vec<Line>,
    numbers: HashMap<ConnectionId, usize>,
    mount: Option<ConnectionId>,
    mount_connected: bool,
    mounted: bool,
    running: Option<Running>,
    tally: Tally,
    progress: Progress<'a>,
    turn: usize,
    out: Vec<u8>,
}

/// Files with the bytes that replies are checked for; their handles.
pub fn put_files(origin: &mut Origin, shape: &Shape) -> Vec<nfs_fh3> {
    let len = usize::try_from(shape.file_kib).unwrap_or(usize::MAX) * 1024;
    let put = |number| {
        let mut data = stamp::filler(len);
        stamp::put(&mut data, number, 0);
        origin.export.put_new(format!("load-{number}"), data)
    };
    (0..shape.files).map(put).collect()
}

impl<'a> Clients<'a> {
    /// Nobody is connected yet.
    pub fn new(shape: &'a Shape, files: &[nfs_fh3]) -> Self {
        let connections = usize::from(shape.connections) + 16;
        Self {
            host: Host::with_connections(MAC, ADDRESS, connections),
            shape,
            calls: Rc::new(Calls::new(files, shape.size)),
            lines: Vec::new(),
            numbers: HashMap::new(),
            mount: None,
            mount_connected: false,
            mounted: false,
            running: None,
            tally: Tally::new(),
            progress: Progress::new(shape),
            turn: 0,
            out: Vec::new(),
        }
    }

    /// Begins all connections.
    pub fn connect(&mut self, now: Duration) {
        let mut connect = |port: u16, local: u16| {
            let server = SocketAddrV4::new(WIREPAGE, port);
            let connecting = self.host.stack.connect(server, local, now);
            connecting.expect("there is room for all")
        };
        self.mount = Some(connect(MOUNT_PORT, FIRST_PORT - 1));
        for number in 0..self.shape.connections {
            let connection = connect(NFS_PORT, FIRST_PORT + number);
            self.numbers.insert(connection, usize::from(number));
            self.lines.push(Line {
                connection,
                caller: Caller::new(Rc::clone(&self.calls), self.shape.depth),
                connected: false,
            });
        }
    }

    /// Whether all are connected.
    pub fn are_connected(&self) -> bool {
        self.mount_connected && self.lines.iter().all(|line| line.connected)
    }

    /// Mounts the export, so that Wirepage knows whose handles these are.
    pub fn begin_mount(&mut self) {
        let procedure = MOUNT_PROGRAM::MOUNTPROC3_MNT as u32;
        let path = dirpath(Opaque::borrowed(EXPORT.as_bytes()));
        let procedure = (mount::PROGRAM, mount::VERSION, procedure);
        let call = calls::encode(1, procedure, &calls::credential(), &path);
        if let Some(connection) = self.mount {
            self.host.send(connection, &call);
        }
    }

    /// Whether there was a reply.
    pub fn is_mounted(&self) -> bool {
        self.mounted
    }

    /// Begins the load; what is due in `measured` counts.
    pub fn begin(&mut self, now: Duration, measured: Range<Duration>) {
        self.running = Some(Running {
            workload: Workload::new(self.shape),
            pace: Pace::new(self.shape),
            begun: now,
            measured,
        });
    }

    /// Ends it; what it has seen, with what waits counted as unanswered.
    pub fn tally(&mut self) -> Tally {
        self.progress.end();
        self.running = None;
        std::mem::replace(&mut self.tally, Tally::new())
    }

    /// Takes a frame if it is for this machine.
    pub fn handle_frame(&mut self, frame: &[u8], now: Duration) {
        if self.host.takes(frame) {
            self.host.handle_frame(frame, SUMS, now);
        }
    }

    /// Frames that are due.
    pub fn transmit(&mut self, now: Duration) -> Vec<Vec<u8>> {
        self.host.transmit(now)
    }

    /// Timers, replies, new calls.
    pub fn advance(&mut self, now: Duration) -> Result<(), RingsError> {
        self.host.stack.handle_timeout(now);
        while let Some(event) = self.host.stack.poll_event() {
            match event {
                Event::Connected { connection } => match self.numbers.get(&connection) {
                    Some(&number) => self.lines[number].connected = true,
                    None => self.mount_connected = true,
                },
                Event::Readable { connection } => self.read(connection, now)?,
                Event::PeerClosed { connection } | Event::Closed { connection, .. } => {
                    if let Some(&number) = self.numbers.get(&connection) {
                        let waiting = self.lines[number].caller.in_flight();
                        return Err(LoadError::Closed(waiting).into());
                    }
                }
                Event::Accepted { .. } => {}
            }
        }
        self.begin_calls(now);
        self.progress.tell(now, &self.tally);
        Ok(())
    }

    fn read(&mut self, connection: ConnectionId, now: Duration) -> Result<(), RingsError> {
        let bytes = self.host.read(connection);
        let Some(&number) = self.numbers.get(&connection) else {
            self.mounted |= !bytes.is_empty();
            return Ok(());
        };
        let measured = self
            .running
            .as_ref()
            .map(|running| running.measured.clone());
        let tally = &mut self.tally;
        let caller = &mut self.lines[number].caller;
        let received = caller.receive(&bytes, now, &mut |done| {
            let due = now - done.latency;
            if measured
                .as_ref()
                .is_some_and(|measured| measured.contains(&due))
            {
                tally.add(done);
            }
        });
        received.map_err(LoadError::from)?;
        Ok(())
    }

    fn begin_calls(&mut self, now: Duration) {
        let Some(running) = &mut self.running else {
            return;
        };
        let until = now.min(running.measured.end) - running.begun + Duration::from_nanos(1);
        let count = self.lines.len();
        let is_closed = running.pace.is_closed();
        let mut full = 0;
        while full < count {
            self.turn = (self.turn + 1) % count;
            let Line {
                connection, caller, ..
            } = &mut self.lines[self.turn];
            if !caller.has_room() {
                full += 1;
                continue;
            }
            let due = match running.pace.take(until) {
                Some(due) => running.begun + due,
                None if is_closed => now,
                None => return,
            };
            full = 0;
            self.out.clear();
            caller.begin(running.workload.advance(), due, &mut self.out);
            self.host.send(*connection, &self.out);
        }
    }
}
