//! rustls' ordinary connection as what a simulated client or origin speaks through.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::AlertDescription;

use crate::oracle::Oracle;
use crate::world::Tunnel;

/// Changes what goes onto the wire.
pub type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// Says how many bytes of what is to be sent go into the next record, at most.
pub type Cutter = Box<dyn FnMut(&[u8]) -> usize>;

/// One end; clones are the same end, so that a test can look at it while a client or the origin uses it.
#[derive(Clone)]
pub struct Peer(Rc<RefCell<End>>);

struct End {
    oracle: Oracle,
    error: Option<rustls::Error>,
    has_heard_close: bool,
    tamper: Option<Tamper>,
    cutter: Option<Cutter>,
}

impl Peer {
    /// A client's.
    pub fn new(config: &Arc<rustls::ClientConfig>) -> Self {
        Self::of(Oracle::client_of(config, "server.test"))
    }

    /// The origin's.
    pub fn server(config: &Arc<rustls::ServerConfig>) -> Self {
        Self::of(Oracle::server_of(config))
    }

    fn of(oracle: Oracle) -> Self {
        Self(Rc::new(RefCell::new(End {
            oracle,
            error: None,
            has_heard_close: false,
            tamper: None,
            cutter: None,
        })))
    }

    /// Whether data may be sent.
    pub fn is_open(&self) -> bool {
        let end = self.0.borrow();
        end.error.is_none() && !end.oracle.connection.is_handshaking()
    }

    /// The alert that ended it, as the other side sent it.
    pub fn heard(&self) -> Option<AlertDescription> {
        match self.0.borrow().error {
            Some(rustls::Error::AlertReceived(alert)) => Some(alert),
            Some(ref other) => panic!("no alert: {other}"),
            None => None,
        }
    }

    /// Whether the other side has said goodbye.
    pub fn has_heard_close(&self) -> bool {
        self.0.borrow().has_heard_close
    }

    /// Everything goes through `tamper` from now on.
    pub fn tamper(&self, tamper: impl FnMut(Vec<u8>) -> Vec<u8> + 'static) {
        self.0.borrow_mut().tamper = Some(Box::new(tamper));
    }

    /// Records begin and end where `cutter` says from now on.
    pub fn cut(&self, cutter: impl FnMut(&[u8]) -> usize + 'static) {
        self.0.borrow_mut().cutter = Some(Box::new(cutter));
    }

    /// Works on the connection itself.
    pub fn with<T>(&self, work: impl FnOnce(&mut rustls::Connection) -> T) -> T {
        work(&mut self.0.borrow_mut().oracle.connection)
    }
}

impl Tunnel for Peer {
    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let end = &mut *self.0.borrow_mut();
        if end.error.is_some() {
            return Vec::new();
        }
        if let Err(error) = end.oracle.receive(bytes) {
            end.error = Some(error);
        } else if let Ok(state) = end.oracle.connection.process_new_packets() {
            end.has_heard_close |= state.peer_has_closed();
        }
        end.oracle.take_data()
    }

    fn send(&mut self, mut data: &[u8]) {
        let end = &mut *self.0.borrow_mut();
        while let Some(cutter) = &mut end.cutter
            && !data.is_empty()
        {
            let (record, rest) = data.split_at(cutter(data).clamp(1, data.len()));
            end.oracle.write(record);
            data = rest;
        }
        end.oracle.write(data);
    }

    fn output(&mut self) -> Vec<u8> {
        let end = &mut *self.0.borrow_mut();
        let bytes = end.oracle.output();
        match &mut end.tamper {
            Some(tamper) if !bytes.is_empty() => tamper(bytes),
            _ => bytes,
        }
    }
}
