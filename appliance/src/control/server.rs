//! The appliance's end of the control socket.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::STATS_REQUEST;
use super::snapshot::SnapshotRequester;
use crate::counters::Counters;
use crate::limits;

/// A running control socket. Dropping it ends its thread and removes the socket.
#[derive(Debug)]
pub struct ControlServer {
    socket: BoundSocket,
    /// The listening socket once more, to end the thread's `accept`.
    stopper: UnixStream,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Why the control socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Another process answers there.
    #[error(
        "{}: an appliance is running and answers on this control socket: stop it, or give this one \
         another [control] socket", .0.display()
    )]
    InUse(PathBuf),
    /// Something is there that is no socket, and so not ours to remove.
    #[error(
        "{}: this is no socket: remove it, or name another file as [control] socket", .0.display()
    )]
    NotASocket(PathBuf),
    /// The operating system refuses.
    #[error("{}: cannot make the control socket: {source}", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ControlServer {
    /// Binds `path` for its owner alone and answers there from a new thread, with the sum over `engines`.
    /// A socket nobody answers on is replaced; a missing last directory is made.
    pub fn start(path: &Path, engines: Vec<SnapshotRequester>) -> Result<Self, ControlError> {
        let (listener, socket) = bind(path)?;
        Self::serve(listener, socket, engines).map_err(|source| ControlError::Refused {
            path: path.to_owned(),
            source,
        })
    }

    fn serve(
        listener: UnixListener,
        socket: BoundSocket,
        mut engines: Vec<SnapshotRequester>,
    ) -> io::Result<Self> {
        let stopper = UnixStream::from(OwnedFd::from(listener.try_clone()?));
        let stopping = Arc::new(AtomicBool::new(false));
        let seen_by_thread = Arc::clone(&stopping);
        let thread = thread::Builder::new()
            .name(String::from("control"))
            .spawn(move || {
                while !seen_by_thread.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((stream, _)) => {
                            // A client that goes away early is no concern of the appliance.
                            let _ = answer(stream, &mut engines);
                        }
                        Err(_) if seen_by_thread.load(Ordering::Relaxed) => {}
                        Err(error) => {
                            tracing::warn!(%error, "control socket");
                            // Out of descriptors, most likely: that takes time to pass.
                            thread::sleep(limits::CONTROL_CONNECTION_TIMEOUT);
                        }
                    }
                }
            })?;
        Ok(Self {
            socket,
            stopper,
            stopping,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.socket.path
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // On a listening Unix socket this ends a blocked accept(2), and every later one.
        let woken = self.stopper.shutdown(Shutdown::Both).is_ok();
        if let Some(thread) = self.thread.take()
            && woken
        {
            let _ = thread.join();
        }
    }
}

/// A socket file of ours, removed when dropped unless another file has taken its name.
#[derive(Debug)]
struct BoundSocket {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn bind(path: &Path) -> Result<(UnixListener, BoundSocket), ControlError> {
    let refused = |source| ControlError::Refused {
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent() {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
            _ => {}
        }
    }
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path)?;
            UnixListener::bind(path).map_err(refused)?
        }
        other => other.map_err(refused)?,
    };
    let metadata = fs::symlink_metadata(path).map_err(refused)?;
    let socket = BoundSocket {
        path: path.to_owned(),
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    // Between the two calls the umask decides who may connect; all anyone could get are counters.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(refused)?;
    Ok((listener, socket))
}

/// Removes a socket whose process is gone.
fn remove_stale(path: &Path) -> Result<(), ControlError> {
    let refused = |source| ControlError::Refused {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::symlink_metadata(path).map_err(refused)?;
    if !metadata.file_type().is_socket() {
        return Err(ControlError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ControlError::InUse(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Serves one connection.
fn answer(mut stream: UnixStream, engines: &mut [SnapshotRequester]) -> io::Result<()> {
    let request = read_line(&mut stream)?;
    let mut reply = match request.as_deref() {
        Some(STATS_REQUEST) => stats(engines),
        _ => error_json("unknown request: this socket answers \"stats\""),
    };
    reply.push('\n');
    stream.set_write_timeout(Some(limits::CONTROL_CONNECTION_TIMEOUT))?;
    stream.write_all(reply.as_bytes())
}

fn stats(engines: &mut [SnapshotRequester]) -> String {
    let deadline = Instant::now() + limits::SNAPSHOT_TIMEOUT;
    let mut sum = Counters::default();
    for engine in engines {
        match engine.request(deadline.saturating_duration_since(Instant::now())) {
            Ok(counters) => sum += counters,
            Err(error) => return error_json(&error.to_string()),
        }
    }
    sum.to_json()
}

fn error_json(message: &str) -> String {
    serde_json::json!({ "error": message }).to_string()
}

/// The request line without its end; `None` when there is none within the bound or it is not text.
fn read_line(stream: &mut UnixStream) -> io::Result<Option<String>> {
    let deadline = Instant::now() + limits::CONTROL_CONNECTION_TIMEOUT;
    let mut buffer = [0; limits::CONTROL_REQUEST_BYTES_MAX];
    let mut filled = 0;
    while filled < buffer.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would mean none.
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let count = stream.read(&mut buffer[filled..])?;
        if count == 0 {
            return Ok(None);
        }
        filled += count;
        if let Some(end) = buffer[..filled].iter().position(|byte| *byte == b'\n') {
            return Ok(core::str::from_utf8(&buffer[..end]).ok().map(str::to_owned));
        }
    }
    Ok(None)
}
