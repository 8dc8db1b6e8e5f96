//! The control socket end to end, with a thread that turns like an engine.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use wirepage::control::client::{self, StatsError};
use wirepage::control::server::{ControlError, ControlServer};
use wirepage::control::snapshot::{self, SnapshotRequester};
use wirepage::counters::Counters;

/// A thread that counts its turns and publishes when asked.
struct FakeEngine {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeEngine {
    fn start(cache_hits: u64) -> (Self, SnapshotRequester) {
        let (requester, mut publisher) = snapshot::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut turns = 0;
            while !stopped.load(Ordering::Relaxed) {
                turns += 1;
                publisher.publish_if_asked(|| Counters {
                    cache_hits,
                    turns,
                    ..Counters::default()
                });
                std::thread::yield_now();
            }
        });
        (
            Self {
                stop,
                thread: Some(thread),
            },
            requester,
        )
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn stats(path: &Path) -> serde_json::Value {
    serde_json::from_str(&client::stats(path).unwrap()).unwrap()
}

/// What the socket answers to any bytes.
fn ask(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn path_in(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("run/control.sock")
}

#[test]
fn stats_of_all_engines_are_added_up_and_fresh() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let (_first, first) = FakeEngine::start(3);
    let (_second, second) = FakeEngine::start(4);
    let server = ControlServer::start(&path, vec![first, second]).unwrap();
    assert_eq!(server.path(), path);
    let earlier = stats(&path);
    assert_eq!(earlier["cache_hits"], 7);
    assert_eq!(earlier.as_object().unwrap().len(), Counters::KEYS.len());
    let later = stats(&path);
    assert!(later["turns"].as_u64() > earlier["turns"].as_u64());
}

#[test]
fn the_reply_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let (_engine, requester) = FakeEngine::start(0);
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    let reply = ask(&path, b"stats\n");
    assert_eq!(reply.matches('\n').count(), 1);
    assert!(reply.ends_with("}\n"), "{reply}");
}

#[test]
fn other_requests_are_refused_and_harm_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let (_engine, requester) = FakeEngine::start(1);
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    for request in [
        &b"stat\n"[..],
        b"STATS\n",
        b"\n",
        b"\xff\xfe\n",
        &[b'x'; 64],
    ] {
        assert!(
            ask(&path, request).contains("unknown request"),
            "{request:?}"
        );
    }
    drop(UnixStream::connect(&path).unwrap());
    assert_eq!(stats(&path)["cache_hits"], 1);
}

#[test]
fn an_engine_that_has_ended_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let (engine, requester) = FakeEngine::start(1);
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    drop(engine);
    let error = client::stats(&path).unwrap_err();
    assert!(
        matches!(&error, StatsError::Appliance { message, .. } if message == "the engine has ended")
    );
}

#[test]
fn an_engine_that_takes_no_turns_is_an_error_within_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let (requester, _publisher) = snapshot::channel();
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    let error = client::stats(&path).unwrap_err();
    assert!(
        error.to_string().contains("still starting, or stuck"),
        "{error}"
    );
}

#[test]
fn the_socket_is_the_owners_alone_and_gone_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory);
    let server = ControlServer::start(&path, Vec::new()).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(path.parent().unwrap())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    drop(server);
    assert!(!path.exists());
    assert!(matches!(
        client::stats(&path),
        Err(StatsError::NotRunning(_))
    ));
}

#[test]
fn a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    // The file stays when its listener goes, as after a crash.
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(
        client::stats(&path),
        Err(StatsError::NotRunning(_))
    ));
    let (_engine, requester) = FakeEngine::start(5);
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    assert_eq!(stats(&path)["cache_hits"], 5);
}

#[test]
fn a_socket_somebody_answers_on_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let (_engine, requester) = FakeEngine::start(6);
    let _server = ControlServer::start(&path, vec![requester]).unwrap();
    let error = ControlServer::start(&path, Vec::new()).unwrap_err();
    assert!(matches!(error, ControlError::InUse(_)), "{error}");
    assert_eq!(stats(&path)["cache_hits"], 6);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    fs::write(&path, "precious").unwrap();
    let error = ControlServer::start(&path, Vec::new()).unwrap_err();
    assert!(matches!(error, ControlError::NotASocket(_)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

/// Whoever replaced the socket keeps the replacement.
#[test]
fn only_ones_own_socket_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let server = ControlServer::start(&path, Vec::new()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another").unwrap();
    drop(server);
    assert_eq!(fs::read_to_string(&path).unwrap(), "another");
}

#[test]
fn a_missing_directory_above_the_last_is_an_error_that_names_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/control.sock");
    let error = ControlServer::start(&path, Vec::new()).unwrap_err();
    assert!(
        error.to_string().starts_with(&path.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_stranger_on_the_socket_is_not_taken_for_an_appliance() {
    let directory = tempfile::tempdir().unwrap();
    for reply in ["hello\n", "[]\n", "7\n"] {
        let path = directory.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let stranger = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 6]).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        });
        let error = client::stats(&path).unwrap_err();
        assert!(matches!(error, StatsError::NotAnAppliance(_)), "{error}");
        stranger.join().unwrap();
        fs::remove_file(&path).unwrap();
    }
}
