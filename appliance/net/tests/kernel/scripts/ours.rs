//! Our stack under virtual time.

use std::net::SocketAddrV4;
use std::time::Duration;

use net::{CloseReason, Event};

use super::super::harness::buffers::Shared;
use super::super::harness::frames::{PEER_ADDRESS, Tcp};
use super::super::harness::peer::{OUR_PORT, PEER_PORT, Peer};
use super::subject::{End, Heard, Subject};

pub struct Ours {
    peer: Peer,
    end: Option<End>,
}

impl Ours {
    pub fn new() -> Self {
        let mut peer = Peer::default();
        peer.introduce();
        Self {
            peer,
            end: Some(End::NotOpen),
        }
    }

    fn take_events(&mut self) {
        for event in self.peer.events() {
            match event {
                Event::Accepted { connection, .. } | Event::Connected { connection } => {
                    self.peer.id = Some(connection);
                    self.end = None;
                }
                Event::Readable { .. } => {}
                Event::PeerClosed { .. } => self.end = Some(End::Closed),
                Event::Closed { reason, .. } => {
                    self.end = Some(match reason {
                        CloseReason::Refused => End::Refused,
                        CloseReason::Finished => End::Closed,
                        _ => End::Reset,
                    });
                }
            }
        }
    }
}

impl Subject for Ours {
    fn listen(&mut self) {
        assert!(self.peer.stack.listen(OUR_PORT));
    }

    fn connect(&mut self) {
        let remote = SocketAddrV4::new(PEER_ADDRESS, PEER_PORT);
        let id = self.peer.stack.connect(remote, OUR_PORT, self.peer.now);
        self.peer.id = Some(id.expect("a connection"));
    }

    fn inject(&mut self, frame: Vec<u8>) {
        self.peer.inject(frame);
    }

    fn wait(&mut self, time: Duration) -> Vec<Tcp> {
        self.peer.wait(time);
        self.take_events();
        self.peer.segments()
    }

    fn write(&mut self, bytes: &[u8]) {
        let id = self.peer.connection();
        self.peer.sources.push(id, Shared::new(bytes));
        self.peer.stack.wake(id);
    }

    fn shut_down(&mut self) {
        let id = self.peer.connection();
        self.peer.stack.close(id, self.peer.now);
    }

    fn read(&mut self) -> Heard {
        let bytes = match self.end {
            Some(End::NotOpen) => 0,
            _ => self.peer.read().len(),
        };
        self.take_events();
        Heard {
            bytes,
            end: self.end,
        }
    }
}
