//! Our side, driven as an engine would.

use super::oracle::Oracle;
use tls::limits;
use tls::{ClientConfig, Established, Event, Handshake, ServerConfig, Session, TlsError};

/// An open session, and the wire into it.
pub struct Ours {
    pub session: Session,
    pub established: Established,
    incoming: Vec<u8>,
    pub data: Vec<u8>,
    pub events: Vec<Event>,
}

pub fn accept(settings: tls::ServerSettings) -> Handshake {
    let config = ServerConfig::new(settings).expect("good settings");
    Handshake::accept(&config).expect("a handshake")
}

pub fn connect(settings: tls::ClientSettings, name: &str) -> Handshake {
    let config = ClientConfig::new(settings).expect("good settings");
    Handshake::connect(&config, &name.parse().expect("a name")).expect("a handshake")
}

/// Carries bytes between the two, in pieces of at most `piece` bytes toward us, until ours is
/// complete and the oracle has all that we sent.
pub fn shake_in_pieces(
    mut ours: Handshake,
    oracle: &mut Oracle,
    piece: usize,
) -> Result<Ours, TlsError> {
    for _ in 0..10 {
        let sent = std::mem::take(ours.output());
        let refused = oracle.receive(&sent).is_err();
        let bytes = oracle.output();
        for piece in bytes.chunks(piece) {
            let taken = ours.handle(piece)?;
            if taken < piece.len() || ours.is_complete() {
                let rest = std::mem::take(ours.output());
                // What the oracle makes of our last flight shows in what it does next.
                let _ = oracle.receive(&rest);
            }
            if taken < piece.len() {
                panic!("the oracle sent data before the handshake was complete");
            }
        }
        if ours.is_complete() {
            return Ok(Ours::new(ours));
        }
        if refused && bytes.is_empty() {
            break;
        }
    }
    panic!("the handshake does not come to an end: {ours:?}");
}

pub fn shake(ours: Handshake, oracle: &mut Oracle) -> Result<Ours, TlsError> {
    shake_in_pieces(ours, oracle, usize::MAX)
}

/// As [`shake`], for a handshake that must fail: what we say, and what the oracle hears.
pub fn shake_and_fail(
    mut ours: Handshake,
    oracle: &mut Oracle,
) -> (TlsError, Option<rustls::Error>) {
    for _ in 0..10 {
        let heard = oracle.receive(&std::mem::take(ours.output()));
        let bytes = oracle.output();
        if let Err(error) = ours.handle(&bytes) {
            let heard = oracle.receive(&std::mem::take(ours.output()));
            assert_eq!(ours.handle(b"more").as_ref(), Err(&error), "failure lasts");
            assert_eq!(ours.finish().err().as_ref(), Some(&error));
            return (error, heard.err());
        }
        assert!(!ours.is_complete(), "the handshake succeeded");
        assert!(heard.is_ok() || !bytes.is_empty(), "nobody says why");
    }
    panic!("the handshake does not come to an end");
}

/// Two sides of ours, connected.
pub fn shake_both(mut server: Handshake, mut client: Handshake) -> Result<(Ours, Ours), TlsError> {
    let mut for_client = Vec::new();
    for _ in 0..10 {
        let flight = std::mem::take(client.output());
        assert_eq!(server.handle(&flight)?, flight.len());
        for_client.append(server.output());
        let taken = client.handle(&for_client)?;
        for_client.drain(..taken);
        if server.is_complete() && client.is_complete() {
            let (server, mut client) = (Ours::new(server), Ours::new(client));
            client.receive(&for_client)?;
            return Ok((server, client));
        }
    }
    panic!("the handshake does not come to an end");
}

impl Ours {
    pub fn new(handshake: Handshake) -> Self {
        let (session, established) = handshake.finish().expect("a complete handshake");
        Self {
            session,
            established,
            incoming: Vec::new(),
            data: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Takes bytes of the stream, cut anywhere; what is not a whole record waits.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), TlsError> {
        self.incoming.extend_from_slice(bytes);
        let mut out = vec![0; limits::OPENED];
        while let Some(header) = self.incoming.first_chunk() {
            let len = self.session.record_len(*header)?;
            let Some(record) = self.incoming.get(..len) else {
                break;
            };
            let opened = self.session.open(record, &mut out)?;
            let content = &out[..opened.content_len()];
            if opened.is_data() {
                self.data.extend_from_slice(content);
            }
            self.events.push(self.session.settle(opened, content)?);
            self.incoming.drain(..len);
        }
        Ok(())
    }

    /// Control records first, then the data in records of at most `longest` bytes.
    pub fn send_in_records(&mut self, data: &[u8], longest: usize) -> Vec<u8> {
        let mut wire = self.control();
        for content in data.chunks(longest) {
            let start = wire.len();
            wire.resize(start + content.len() + limits::SEALED_OVERHEAD, 0);
            let sealed = self.session.seal(content, &mut wire[start..]);
            assert_eq!(sealed, Ok(content.len() + limits::SEALED_OVERHEAD));
        }
        wire
    }

    pub fn send(&mut self, data: &[u8]) -> Vec<u8> {
        self.send_in_records(data, limits::CONTENT)
    }

    pub fn control(&mut self) -> Vec<u8> {
        let mut wire = vec![0; 256];
        let len = self.session.take_control(&mut wire);
        wire.truncate(len);
        assert!(!self.session.has_control());
        wire
    }

    pub fn take_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.data)
    }
}

/// Both sides say something and hear each other.
pub fn assert_they_talk(ours: &mut Ours, oracle: &mut Oracle) {
    oracle.receive(&ours.send(b"from us")).expect("our record");
    assert_eq!(oracle.take_data(), b"from us");
    oracle.write(b"from the oracle");
    ours.receive(&oracle.output()).expect("the oracle's record");
    assert_eq!(ours.take_data(), b"from the oracle");
}
