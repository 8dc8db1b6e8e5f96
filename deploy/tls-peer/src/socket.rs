use crate::deadline::DeadlineStream;
use crate::error::PeerError;
use crate::limits;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_keepalive, set_socket_linger, set_tcp_keepidle};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Ports that servers take as proof of root (exports(5), `secure`); the lower ones belong to
/// well-known services.
const RESERVED_PORTS: RangeInclusive<u16> = 665..=1023;

/// Spreads our connections over the reserved ports, so that one that was just closed is not the
/// first to be tried again.
static NEXT_RESERVED: AtomicU16 = AtomicU16::new(0);

/// Connects to the first address of `target` (`HOST:PORT`) that answers, from a reserved port if
/// asked to. The stream is non-blocking.
pub fn dial(target: &str, reserved: bool, deadline: Instant) -> Result<TcpStream, PeerError> {
    let unreachable = |source| PeerError::Unreachable {
        target: target.to_owned(),
        source,
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs().map_err(unreachable)? {
        let outcome = if reserved {
            dial_from_reserved_port(address, deadline)
        } else {
            dial_from(None, address, deadline)
        };
        match outcome {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

fn dial_from_reserved_port(to: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let count = RESERVED_PORTS.end() - RESERVED_PORTS.start() + 1;
    let first = NEXT_RESERVED.fetch_add(1, Ordering::Relaxed);
    for step in 0..count {
        let port = RESERVED_PORTS.end() - first.wrapping_add(step) % count;
        match dial_from(Some(port), to, deadline) {
            Err(error) if is_port_taken(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(io::Error::new(
                    error.kind(),
                    "--bind-reserved needs root or CAP_NET_BIND_SERVICE",
                ));
            }
            outcome => return outcome,
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "every port from 665 to 1023 is in use",
    ))
}

/// Taken by a listener, or by a connection to the same server that is not quite over.
fn is_port_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable
    )
}

fn dial_from(port: Option<u16>, to: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let (family, any) = match to {
        SocketAddr::V4(_) => (AddressFamily::INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        SocketAddr::V6(_) => (AddressFamily::INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if let Some(port) = port {
        bind(&socket, &SocketAddr::new(any, port))?;
    }
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    DeadlineStream::new(&stream, deadline).wait(PollFlags::OUT)?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => prepare(&stream).map(|()| stream),
    }
}

/// Makes a connected stream non-blocking, prompt, and aware of another host that vanishes.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, limits::KEEPALIVE_IDLE)?;
    Ok(())
}

/// Has the stream end with a reset when it is dropped, so that nobody takes what was cut off for
/// complete.
pub fn reset_on_drop(stream: &TcpStream) {
    // A stream that is no longer connected cannot mislead anyone.
    let _ = set_socket_linger(stream, Some(Duration::ZERO));
}
