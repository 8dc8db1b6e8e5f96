//! Signals, in processes of their own: this test's binary runs itself as the process that is asked to end.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use wirepage::signals::{ReloadRequest, ShutdownRequest};

/// Set for the process that is asked to end, and how many signals it sends itself.
const SIGNALS: &str = "WIREPAGE_TEST_SIGNALS";

/// Status of a drain that went well, unlike any other outcome.
const DRAINED: i32 = 42;

/// Not a test by itself: without the variable it has nothing to do.
#[test]
fn process() {
    let Ok(signals) = std::env::var(SIGNALS) else {
        return;
    };
    let shutdown = ShutdownRequest::install().unwrap();
    assert!(!shutdown.is_requested());
    println!("installed");
    for signal in signals.split(',') {
        signal_hook::low_level::raise(signal.parse().unwrap()).unwrap();
        assert!(shutdown.is_requested());
    }
    std::process::exit(DRAINED);
}

fn start(signals: &[i32]) -> Child {
    let signals: Vec<String> = signals.iter().map(i32::to_string).collect();
    Command::new(std::env::current_exe().unwrap())
        .args(["process", "--exact", "--nocapture"])
        .env(SIGNALS, signals.join(","))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(mut child: Child) -> ExitStatus {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines
            .map_while(Result::ok)
            .any(|line| line.ends_with("installed"))
    );
    child.wait().unwrap()
}

#[test]
fn the_first_signal_asks_for_a_drain() {
    for signal in [SIGTERM, SIGINT] {
        let status = end(start(&[signal]));
        assert_eq!((status.code(), status.signal()), (Some(DRAINED), None));
    }
}

#[test]
fn the_second_signal_ends_the_process_at_once() {
    for (signals, code) in [
        ([SIGTERM, SIGTERM], 143),
        ([SIGINT, SIGINT], 130),
        ([SIGTERM, SIGINT], 130),
        ([SIGINT, SIGTERM], 143),
    ] {
        assert_eq!(end(start(&signals)).code(), Some(code), "{signals:?}");
    }
}

#[test]
fn a_hangup_asks_once_for_the_files_to_be_read_again() {
    let request = ReloadRequest::install().unwrap();
    assert!(!request.take());
    signal_hook::low_level::raise(SIGHUP).unwrap();
    assert!(request.take());
    assert!(!request.take());
}
