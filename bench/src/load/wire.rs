//! Bytes of one connection through a non-blocking socket, in clear or through TLS.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddrV4;

use mio::{Interest, Registry, Token};
use rustls::ClientConnection;

use super::error::LoadError;
use super::preparation::connect;
use super::secure::Tls;

/// One connection. Readiness is told once (edge-triggered): both directions go on until the socket has no more.
pub struct Wire {
    socket: mio::net::TcpStream,
    tls: Option<ClientConnection>,
    /// What is to be sent, in clear.
    pub out: Vec<u8>,
    sent: usize,
}

impl Wire {
    /// Connects, with TLS if there is any, and registers with a poll.
    pub fn begin(
        address: SocketAddrV4,
        tls: Option<&Tls>,
        registry: &Registry,
        token: Token,
    ) -> Result<Self, LoadError> {
        let mut socket = connect(address)?;
        let tls = tls.map(|tls| tls.begin(&mut socket)).transpose()?;
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::TcpStream::from_std(socket);
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            socket,
            tls,
            out: Vec::new(),
            sent: 0,
        })
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self) -> Result<(), LoadError> {
        if let Some(tls) = &mut self.tls {
            if !self.out.is_empty() {
                tls.writer().write_all(&self.out)?;
                self.out.clear();
            }
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
            return Ok(());
        }
        while self.sent < self.out.len() {
            match self.socket.write(&self.out[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Gives `take` all that has arrived; whether the server has ended the connection.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8]) -> Result<(), LoadError>,
    ) -> Result<bool, LoadError> {
        loop {
            let read = match &mut self.tls {
                Some(tls) => match tls.read_tls(&mut self.socket) {
                    Ok(0) => return Ok(true),
                    Ok(_) => {
                        tls.process_new_packets()?;
                        tls.reader().read(buffer)
                    }
                    Err(error) => Err(error),
                },
                None => self.socket.read(buffer),
            };
            match read {
                Ok(0) => return Ok(true),
                Ok(len) => take(&buffer[..len])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Of the socket, or of a record that is not whole yet: the socket tells which.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.tls.is_none() || !self.socket_has_more()? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into()),
            }
            if let Some(tls) = &mut self.tls {
                while let Ok(len @ 1..) = tls.reader().read(buffer) {
                    take(&buffer[..len])?;
                }
            }
        }
    }

    fn socket_has_more(&self) -> Result<bool, LoadError> {
        match self.socket.peek(&mut [0]) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
