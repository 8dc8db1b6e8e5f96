use crate::error::{PeerError, SetupError};
use crate::limits;
use crate::options::RelayOptions;
use crate::relay::Carried;
use crate::socket::prepare;
use rustls::Connection;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is done with each connection accepted.
pub trait Role: Send + Sync + 'static {
    /// Where to listen, and for how many.
    fn options(&self) -> &RelayOptions;

    /// Serves a client to the end of its connection; the stream is non-blocking.
    fn serve(&self, client: &TcpStream, log: &mut Log) -> Result<(), PeerError>;
}

/// Accepts connections for ever, each served by a thread of its own.
pub fn serve(role: impl Role) -> Result<(), SetupError> {
    let options = role.options();
    let failed = |source| SetupError::Listen {
        address: options.listen,
        source,
    };
    let listener = TcpListener::bind(options.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    eprintln!("tls-peer: listening on {address}");
    let max_connections = options.max_connections;
    let role = Arc::new(role);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept() {
            Ok((client, from)) => {
                if open.load(Ordering::Relaxed) >= max_connections {
                    eprintln!(
                        "tls-peer: {from}: refused: {max_connections} connections are open (--max-connections)"
                    );
                    continue;
                }
                open.fetch_add(1, Ordering::Relaxed);
                let place = Place(Arc::clone(&open));
                let role = Arc::clone(&role);
                let spawned = thread::Builder::new().spawn(move || {
                    let ending = serve_one(&*role, &client, from);
                    // Before the log says that there is room again.
                    drop(place);
                    say_how_it_ended(from, ending);
                });
                if let Err(error) = spawned {
                    eprintln!("tls-peer: {from}: refused: no thread for it: {error}");
                }
            }
            Err(error) => {
                eprintln!("tls-peer: cannot accept: {error}");
                thread::sleep(limits::ACCEPT_PAUSE);
            }
        }
    }
}

/// A connection's place among the open ones, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve_one(
    role: &impl Role,
    client: &TcpStream,
    from: SocketAddr,
) -> (Carried, Result<(), PeerError>) {
    let mut log = Log {
        from,
        carried: Carried::default(),
    };
    let outcome = prepare(client)
        .map_err(PeerError::Io)
        .and_then(|()| role.serve(client, &mut log));
    (log.carried, outcome)
}

fn say_how_it_ended(from: SocketAddr, (carried, outcome): (Carried, Result<(), PeerError>)) {
    let Carried { sealed, opened } = carried;
    let carried = format!("{sealed} bytes into TLS, {opened} bytes out of it");
    match outcome {
        Ok(()) => eprintln!("tls-peer: {from}: ended; {carried}"),
        Err(error) => eprintln!("tls-peer: {from}: failed after {carried}: {error}"),
    }
}

/// The log lines of one connection, on standard error.
pub struct Log {
    from: SocketAddr,
    carried: Carried,
}

impl Log {
    /// TLS is there: with what, and who is at the other end.
    pub fn established(&self, tls: &Connection) {
        let suite = tls
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str());
        let alpn = tls
            .alpn_protocol()
            .map_or("none".into(), String::from_utf8_lossy);
        let certificate = if tls.peer_certificates().is_some() {
            "verified"
        } else {
            "not shown"
        };
        eprintln!(
            "tls-peer: {}: TLS 1.3, {}, ALPN {alpn}, the other side's certificate {certificate}",
            self.from,
            suite.unwrap_or("?"),
        );
    }

    /// The connection goes on without TLS.
    pub fn clear(&self) {
        eprintln!("tls-peer: {}: WITHOUT TLS (--allow-plain)", self.from);
    }

    /// What went through.
    pub fn carried(&mut self, carried: Carried) {
        self.carried = carried;
    }
}
