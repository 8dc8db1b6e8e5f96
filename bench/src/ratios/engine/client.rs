//! A scripted client: its connection, and TLS over it if it speaks TLS.

use tls::{Handshake, Session};

use super::site::{CLIENT_PORT, NFS, OURS, Site, THEIRS};
use super::wire::{self, Conversation, SYN};

pub(super) struct Client {
    pub(super) end: Conversation,
    security: Security,
    frames: Vec<Vec<u8>>,
    /// What the server has said, in clear.
    pub(super) stream: Vec<u8>,
    last_xid: u32,
}

enum Security {
    Clear,
    Handshake(Box<Handshake>),
    Session(Box<Session>),
}

impl Client {
    /// A client on `port`, connected, and with TLS if there is a handshake.
    pub(super) fn connect(site: &mut Site, port: u16, handshake: Option<Handshake>) -> Self {
        let us = (THEIRS[CLIENT_PORT], port);
        let mut end = Conversation::new(us, (OURS[CLIENT_PORT], NFS));
        let frames = vec![end.open(SYN)];
        let mut client = Self {
            end,
            security: handshake.map_or(Security::Clear, |it| Security::Handshake(Box::new(it))),
            frames,
            stream: Vec::new(),
            last_xid: u32::from(port) << 16,
        };
        site.settle(&mut client);
        if let Security::Handshake(handshake) = &mut client.security {
            let flight = std::mem::take(handshake.output());
            client.frames = client.end.segments(&flight);
            site.settle(&mut client);
        }
        assert!(
            !matches!(client.security, Security::Handshake(_)),
            "the handshake ends"
        );
        client
    }

    pub(super) fn xid(&mut self) -> u32 {
        self.last_xid += 1;
        self.last_xid
    }

    /// Frames that are to reach the engine.
    pub(super) fn output(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.frames)
    }

    pub(super) fn has_output(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Sends a call, sealed if it has to be, and lets everything happen that comes of it.
    pub(super) fn say(&mut self, site: &mut Site, call: &[u8]) {
        let bytes = self.seal(call);
        self.frames = self.end.segments(&bytes);
        site.settle(self);
    }

    /// A call as it goes over the wire. Records are cut as a stream is, without regard to
    /// what is in them.
    pub(super) fn seal(&mut self, call: &[u8]) -> Vec<u8> {
        let Security::Session(session) = &mut self.security else {
            return call.to_vec();
        };
        let mut wire = Vec::new();
        for content in call.chunks(tls::limits::CONTENT) {
            let start = wire.len();
            wire.resize(start + content.len() + tls::limits::SEALED_OVERHEAD, 0);
            session.seal(content, &mut wire[start..]).expect("a record");
        }
        wire
    }

    /// Takes a frame of the engine; the acknowledgement or answer it gets at once.
    pub(super) fn take(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let us = THEIRS[CLIENT_PORT];
        if let Some(answer) = wire::answer_arp(us, frame) {
            return Some(answer);
        }
        wire::ports(frame)?;
        if !self.end.takes(frame) || !self.end.take(frame) {
            return None;
        }
        self.read();
        self.frames.is_empty().then(|| self.end.segment(&[]))
    }

    fn read(&mut self) {
        let arrived = &mut self.end.arrived;
        if let Security::Handshake(handshake) = &mut self.security {
            let taken = handshake.handle(arrived).expect("the server's flight");
            arrived.drain(..taken);
            if !handshake.is_complete() {
                return;
            }
            let last = std::mem::take(handshake.output());
            self.frames = self.end.segments(&last);
            let done = std::mem::replace(&mut self.security, Security::Clear);
            if let Security::Handshake(handshake) = done {
                let (session, _) = handshake.finish().expect("a complete handshake");
                self.security = Security::Session(Box::new(session));
            }
        }
        let arrived = &mut self.end.arrived;
        match &mut self.security {
            Security::Session(session) => open(session, arrived, &mut self.stream),
            _ => self.stream.append(arrived),
        }
    }
}

/// Opens the whole records in `arrived`.
fn open(session: &mut Session, arrived: &mut Vec<u8>, stream: &mut Vec<u8>) {
    let mut out = vec![0; tls::limits::OPENED];
    while let Some(header) = arrived.first_chunk() {
        let len = session.record_len(*header).expect("a record");
        let Some(record) = arrived.get(..len) else {
            break;
        };
        let opened = session.open(record, &mut out).expect("a good record");
        let content = &out[..opened.content_len()];
        if opened.is_data() {
            stream.extend_from_slice(content);
        }
        session.settle(opened, content).expect("a good record");
        arrived.drain(..len);
    }
}
