//! The kernel, of which the script's peer is the link.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tappers::Tap;

use super::super::harness::frames::{OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, Tcp, read_tcp};
use super::super::harness::peer::{OUR_PORT, PEER_PORT};
use super::super::namespace::{finish, run};
use super::super::network::tap;
use super::subject::{End, Heard, Subject};

pub struct Kernel {
    tap: Tap,
    listener: Option<TcpListener>,
    connecting: Option<JoinHandle<std::io::Result<TcpStream>>>,
    stream: Option<TcpStream>,
    failure: Option<End>,
}

impl Kernel {
    /// In this thread's namespace, in which nothing may have been set up.
    pub fn new() -> Self {
        let tap = tap(&format!("{OUR_ADDRESS}/24"), Some(OUR_MAC));
        let peer = PEER_ADDRESS.to_string();
        let mac = PEER_MAC.map(|byte| format!("{byte:02x}")).join(":");
        run(
            "ip",
            &["neighbour", "replace", &peer, "lladdr", &mac, "dev", "wire"],
        );
        Self {
            tap,
            listener: None,
            connecting: None,
            stream: None,
            failure: None,
        }
    }

    /// The application's socket, once there is a connection.
    fn stream(&mut self) -> Option<&TcpStream> {
        if let Some(thread) = self.connecting.take_if(|thread| thread.is_finished()) {
            match finish(thread) {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => self.failure = Some(end_of(&error)),
            }
        }
        if self.stream.is_none()
            && let Some(listener) = &self.listener
            && let Ok((stream, _)) = listener.accept()
        {
            self.stream = Some(stream);
        }
        let stream = self.stream.as_ref()?;
        stream
            .set_nonblocking(true)
            .expect("a socket that does not block");
        stream
            .set_nodelay(true)
            .expect("no Nagle, which we have not");
        Some(stream)
    }
}

fn end_of(error: &std::io::Error) -> End {
    match error.kind() {
        ErrorKind::ConnectionRefused => End::Refused,
        ErrorKind::ConnectionReset => End::Reset,
        _ => panic!("a socket's error: {error}"),
    }
}

impl Subject for Kernel {
    fn listen(&mut self) {
        let listener = TcpListener::bind((OUR_ADDRESS, OUR_PORT)).expect("a listener");
        listener.set_nonblocking(true).expect("a polled listener");
        self.listener = Some(listener);
    }

    fn connect(&mut self) {
        let remote = SocketAddrV4::new(PEER_ADDRESS, PEER_PORT);
        self.connecting = Some(thread::spawn(move || TcpStream::connect(remote)));
        // The SYN leaves when the thread runs; it stays in the device till then.
        let mut readable = [PollFd::new(self.tap.as_fd(), PollFlags::POLLIN)];
        poll(&mut readable, PollTimeout::MAX).expect("poll(2)");
    }

    fn inject(&mut self, frame: Vec<u8>) {
        self.tap.send(&frame).expect("a frame into the TAP");
    }

    fn wait(&mut self, time: Duration) -> Vec<Tcp> {
        let end = Instant::now() + time;
        let mut segments = Vec::new();
        let mut frame = [0; 2048];
        loop {
            match self.tap.recv(&mut frame) {
                Ok(len) if is_tcp(&frame[..len]) => segments.push(read_tcp(&frame[..len])),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return segments;
                    }
                    let left = PollTimeout::try_from(left + Duration::from_micros(999));
                    let mut readable = [PollFd::new(self.tap.as_fd(), PollFlags::POLLIN)];
                    poll(&mut readable, left.expect("a short wait")).expect("poll(2)");
                }
                Err(error) => panic!("reading the TAP: {error}"),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut stream = self.stream().expect("a connection");
        stream.write_all(bytes).expect("room in the send buffer");
    }

    fn shut_down(&mut self) {
        let stream = self.stream().expect("a connection");
        stream.shutdown(Shutdown::Write).expect("a half-close");
    }

    fn read(&mut self) -> Heard {
        let mut heard = Heard::default();
        let Some(mut stream) = self.stream() else {
            heard.end = self.failure.or(Some(End::NotOpen));
            return heard;
        };
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => heard.end = Some(End::Closed),
                Ok(count) => {
                    heard.bytes += count;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => heard.end = Some(end_of(&error)),
            }
            return heard;
        }
    }
}

fn is_tcp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&6)
}
