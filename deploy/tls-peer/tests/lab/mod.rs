//! What the tests start: the program itself, certificates made by it, and plain ends on loopback.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing here takes that long; a test that hangs shall fail.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Certificates for localhost and 127.0.0.1.
pub struct Certificates(TempDir);

impl Certificates {
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let made = tls_peer(&["make-certs", directory.path().to_str().expect("UTF-8")]);
        assert!(made.status.success(), "{made:?}");
        Certificates(directory)
    }

    pub fn path(&self, file: &str) -> String {
        let path: PathBuf = self.0.path().join(file);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// `--ca`, and `--cert` and `--key` unless `identity` is empty.
    pub fn options(&self, ca: &str, identity: &str) -> Vec<String> {
        let mut options = vec!["--ca".to_owned(), self.path(&format!("{ca}.pem"))];
        if !identity.is_empty() {
            options.extend(["--cert".to_owned(), self.path(&format!("{identity}.pem"))]);
            options.extend([
                "--key".to_owned(),
                self.path(&format!("{identity}-key.pem")),
            ]);
        }
        options
    }
}

/// Runs the program to its end.
pub fn tls_peer(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-peer"));
    command.args(arguments).output().expect("tls-peer runs")
}

/// A running relay.
pub struct Peer {
    child: Child,
    log: Receiver<String>,
    pub address: SocketAddr,
}

impl Peer {
    /// `tls-peer ROLE --mode MODE --to TO` with more options.
    pub fn start(role: &str, mode: &str, to: SocketAddr, options: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tls-peer"))
            .args([role, "--listen", "127.0.0.1:0", "--mode", mode])
            .args(["--to", &to.to_string()])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("tls-peer starts");
        let log = lines_of(child.stderr.take().expect("piped"));
        let mut peer = Peer {
            child,
            log,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let listening = peer.wait_for("listening on ");
        let (_, address) = listening.rsplit_once(' ').expect("an address");
        peer.address = address.parse().expect("an address");
        peer
    }

    /// The next log line that contains the text.
    pub fn wait_for(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no log line with {text:?}, but {seen:#?}"),
            }
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// SIGKILL: its sockets are closed without a word of TLS.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream as they come.
pub fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Accepts one connection and hands it to `serve`.
pub fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = Listener::new();
    let address = listener.address();
    let handle = thread::spawn(move || {
        let stream = listener.accept();
        stream.set_nonblocking(false).expect("blocking");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        serve(stream)
    });
    (address, handle)
}

/// A listener that does not wait for ever.
pub struct Listener(TcpListener);

impl Listener {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        Listener(listener)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }

    /// The next connection.
    pub fn accept(&self) -> TcpStream {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok((stream, _)) = self.0.accept() {
                return stream;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("nobody connected");
    }

    pub fn assert_untouched(&self) {
        assert!(self.0.accept().is_err(), "somebody connected");
    }
}

/// Reads to the end, which may be a reset: what came before it.
pub fn read_all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// Bytes that differ from one another all the way (xorshift64).
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut words = Vec::with_capacity(len + 8);
    while words.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words.extend_from_slice(&state.to_le_bytes());
    }
    words.truncate(len);
    words
}

/// Sends and receives at the same time; ends sending, reads to the end.
pub fn exchange(stream: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    thread::scope(|scope| {
        scope.spawn(|| {
            (&mut &*stream).write_all(bytes).expect("sent");
            stream.shutdown(Shutdown::Write).expect("shut down");
        });
        read_all(stream)
    })
}

/// 32-bit words as they go over the wire.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A NULL call of NFSv3 with a credential of this flavor, as a record.
pub fn null_call(flavor: u32) -> Vec<u8> {
    words(&[0x8000_0028, 7, 0, 2, 100_003, 3, 0, flavor, 0, 0, 0])
}

/// The answer to `null_call(7)` of a server that has TLS.
pub fn starttls() -> Vec<u8> {
    words(&[0x8000_0020, 7, 1, 0, 0, 8, 0x5354_4152, 0x5454_4C53, 0])
}
