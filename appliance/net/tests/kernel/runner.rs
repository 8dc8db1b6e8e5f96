//! The loop around a stack that a gateway has too: real time, a TAP and
//! `poll(2)`.

use std::cell::Cell;
use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use net::{Limits, RxChecksums, Stack, Stats};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tappers::Tap;

use super::harness::buffers::{Received, Shared, Sink};
use super::harness::peer;
use super::middle_box::{MiddleBox, Toward};
use super::namespace::finish;
use super::network::Network;
use super::server::Server;
use super::streams::{GIVE_UP, Plan};

/// Frames taken or sent before the other direction has its turn.
const BURST: usize = 64;
const MAX_FRAME: usize = 2048;
/// How often the loop looks whether the kernel's application is done.
const LOOK: Duration = Duration::from_millis(20);

pub struct Runner {
    pub stack: Stack<Received, Shared>,
    pub server: Server,
    tap: Tap,
    host: Ipv4Addr,
    application: Option<JoinHandle<()>>,
    _namespace: Option<File>,
    middle_box: MiddleBox,
    live: Rc<Cell<usize>>,
    start: Instant,
}

impl Runner {
    pub fn new(network: Network, middle_box: MiddleBox, plan: Plan) -> Self {
        let mut config = peer::config();
        config.limits = Limits::default();
        Self {
            stack: Stack::new(config).expect("a valid configuration"),
            server: Server::new(plan),
            tap: network.tap,
            host: network.host,
            application: Some(network.application),
            _namespace: network.namespace,
            middle_box,
            live: Rc::default(),
            start: Instant::now(),
        }
    }

    /// Opens a connection to the kernel.
    pub fn connect(&mut self, remote_port: u16, local_port: u16) {
        let remote = SocketAddrV4::new(self.host, remote_port);
        let now = self.start.elapsed();
        let connection = self.stack.connect(remote, local_port, now);
        self.server
            .add(connection.expect("a connection"), local_port);
    }

    /// Runs until `connections` have finished here and the kernel's application
    /// is done; yields the stack's counters.
    pub fn run(mut self, connections: usize) -> Stats {
        while self.server.finished < connections || self.application.is_some() {
            self.turn();
            if let Some(application) = self.application.take_if(|thread| thread.is_finished()) {
                finish(application);
            }
            assert!(
                self.start.elapsed() < GIVE_UP,
                "{} of {connections} connections finished: {:?}",
                self.server.finished,
                self.stack.stats()
            );
        }
        assert_eq!(self.stack.held_receive_buffers(), 0);
        assert_eq!(self.stack.held_send_buffers(), 0);
        assert_eq!(self.live.get(), 0);
        *self.stack.stats()
    }

    /// One turn of the loop, which waits if there is nothing to do.
    fn turn(&mut self) {
        let mut busy = self.receive();
        self.forward();
        let now = self.start.elapsed();
        self.stack.handle_timeout(now);
        self.server.run(&mut self.stack, now);
        busy |= self.send(now);
        self.forward();
        if !busy {
            self.wait();
        }
    }

    /// Takes frames off the TAP; whether there may be more.
    fn receive(&mut self) -> bool {
        let mut frame = [0; MAX_FRAME];
        for _ in 0..BURST {
            match self.tap.recv(&mut frame) {
                Ok(len) => {
                    let now = self.start.elapsed();
                    self.middle_box
                        .pass(Toward::Stack, frame[..len].to_vec(), now);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("reading the TAP: {error}"),
            }
        }
        true
    }

    /// Takes frames from the stack; whether there may be more.
    fn send(&mut self, now: Duration) -> bool {
        let mut sink = Sink {
            frames: Vec::new(),
            room: BURST,
        };
        self.stack.poll_transmit(now, &mut self.server, &mut sink);
        for sent in &sink.frames {
            self.middle_box.pass(Toward::Kernel, sent.bytes(), now);
        }
        sink.frames.len() == BURST
    }

    /// Delivers what leaves the middle box.
    fn forward(&mut self) {
        let now = self.start.elapsed();
        while let Some((toward, frame)) = self.middle_box.release(now) {
            match toward {
                Toward::Kernel => {
                    self.tap.send(&frame).expect("a frame into the TAP");
                }
                Toward::Stack => {
                    let head = Received::new(frame, &self.live);
                    let none = RxChecksums::default();
                    self.stack.handle_frame(head, std::iter::empty(), none, now);
                }
            }
        }
    }

    fn wait(&self) {
        let now = self.start.elapsed();
        let next = [self.stack.poll_timeout(), self.middle_box.next_release()];
        let next = next.into_iter().flatten().min().unwrap_or(Duration::MAX);
        let time = next.saturating_sub(now).min(LOOK);
        // Rounded up, or a timer that is nearly due would make it spin.
        let time = PollTimeout::try_from(time + Duration::from_micros(999)).expect("at most LOOK");
        let mut readable = [PollFd::new(self.tap.as_fd(), PollFlags::POLLIN)];
        poll(&mut readable, time).expect("poll(2)");
    }
}
