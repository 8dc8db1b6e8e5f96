//! The journal of connections: what a run writes, the next one finds, whatever happened in between.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use engine::Endpoints;
use tempfile::TempDir;
use wirepage::journal::{ConnectionJournal, path_beside};
use wirepage::limits::FORGOTTEN_CONNECTIONS_MAX;

const SLOTS: usize = 8;
const SLOT_BYTES: usize = 16;

struct Directory {
    path: PathBuf,
    _kept: TempDir,
}

fn directory() -> Directory {
    let kept = tempfile::tempdir().unwrap();
    Directory {
        path: path_beside(&kept.path().join("control.sock")),
        _kept: kept,
    }
}

fn client(port: u16) -> Endpoints {
    Endpoints {
        local: SocketAddrV4::new(Ipv4Addr::new(10, 77, 1, 1), 2049),
        remote: SocketAddrV4::new(Ipv4Addr::new(10, 77, 1, 2), port),
    }
}

fn open(path: &Path) -> (ConnectionJournal, Vec<Endpoints>) {
    ConnectionJournal::open(path, SLOTS).unwrap()
}

/// A run with clients on these ports that is killed.
fn killed_run(path: &Path, ports: &[u16]) {
    let (mut journal, _) = open(path);
    for (slot, port) in ports.iter().enumerate() {
        journal.record(slot, Some(client(*port)));
    }
}

#[test]
fn the_first_run_finds_nobody() {
    let directory = directory();
    let (journal, forgotten) = open(&directory.path);
    assert_eq!(forgotten, []);
    assert!(!journal.remembers_earlier_runs());
    let mode = fs::metadata(&directory.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_run_after_one_that_was_killed_finds_who_was_connected_then() {
    let directory = directory();
    let (mut journal, _) = open(&directory.path);
    for slot in 0..4 {
        journal.record(slot, Some(client(700)));
        journal.record(slot, Some(client(710 + u16::try_from(slot).unwrap())));
    }
    journal.record(2, None);
    drop(journal);
    let (_, forgotten) = open(&directory.path);
    assert_eq!(forgotten, [client(710), client(711), client(713)]);
}

#[test]
fn a_run_that_ends_cleanly_leaves_no_file() {
    let directory = directory();
    let (mut journal, _) = open(&directory.path);
    journal.record(0, Some(client(700)));
    journal.close();
    assert!(!directory.path.exists());
}

#[test]
fn whoever_was_not_told_before_the_next_kill_is_told_after_it() {
    let directory = directory();
    killed_run(&directory.path, &[700, 701]);
    killed_run(&directory.path, &[701, 702]);
    let (journal, forgotten) = open(&directory.path);
    assert_eq!(forgotten, [client(701), client(702), client(700)]);
    journal.close();
    let (mut journal, forgotten) = open(&directory.path);
    assert_eq!(
        forgotten.len(),
        3,
        "an early end leaves them to the next run"
    );
    journal.forget_earlier_runs();
    journal.close();
    assert!(!directory.path.exists());
}

#[test]
fn those_who_were_told_are_not_found_again() {
    let directory = directory();
    killed_run(&directory.path, &[700]);
    let (mut journal, _) = open(&directory.path);
    journal.record(3, Some(client(703)));
    assert!(journal.remembers_earlier_runs());
    journal.forget_earlier_runs();
    drop(journal);
    let (_, forgotten) = open(&directory.path);
    assert_eq!(forgotten, [client(703)]);
}

#[test]
fn a_slot_beyond_the_journal_is_not_written() {
    let directory = directory();
    let (mut journal, _) = open(&directory.path);
    journal.record(SLOTS, Some(client(700)));
    drop(journal);
    assert_eq!(open(&directory.path).1, []);
}

#[test]
fn a_damaged_slot_is_no_connection_and_the_others_are() {
    let directory = directory();
    killed_run(&directory.path, &[700, 701, 702]);
    let whole = fs::read(&directory.path).unwrap();
    for at in 2 * SLOT_BYTES..3 * SLOT_BYTES {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            fs::write(&directory.path, &damaged).unwrap();
            let (_, forgotten) = open(&directory.path);
            assert_eq!(forgotten, [client(700), client(702)], "byte {at} ^ {flip}");
        }
    }
}

#[test]
fn what_is_cut_short_at_any_byte_holds_what_is_whole() {
    let directory = directory();
    killed_run(&directory.path, &[700, 701]);
    let whole = fs::read(&directory.path).unwrap();
    for len in 0..whole.len() {
        fs::write(&directory.path, &whole[..len]).unwrap();
        let slots = (len / SLOT_BYTES).saturating_sub(1).min(2);
        let expected = &[client(700), client(701)][..slots];
        assert_eq!(open(&directory.path).1, expected, "{len} bytes");
    }
}

#[test]
fn what_is_no_journal_of_this_version_counts_as_empty_and_is_replaced() {
    let directory = directory();
    killed_run(&directory.path, &[700]);
    let mut other_version = fs::read(&directory.path).unwrap();
    other_version[SLOT_BYTES - 1] += 1;
    for content in [other_version, vec![0; 4096], vec![0xa5; 4096], vec![]] {
        fs::write(&directory.path, &content).unwrap();
        killed_run(&directory.path, &[704]);
        assert_eq!(open(&directory.path).1, [client(704)]);
        fs::remove_file(&directory.path).unwrap();
    }
}

#[test]
fn more_connections_than_an_appliance_can_have_are_not_taken() {
    let directory = directory();
    let slots = 3 * FORGOTTEN_CONNECTIONS_MAX;
    let (mut journal, _) = ConnectionJournal::open(&directory.path, slots).unwrap();
    for slot in 0..slots {
        journal.record(slot, Some(client(u16::try_from(slot % 60_000).unwrap())));
    }
    drop(journal);
    let (_, forgotten) = open(&directory.path);
    assert_eq!(forgotten.len(), FORGOTTEN_CONNECTIONS_MAX);
}

#[test]
fn what_is_no_file_is_not_read() {
    let directory = directory();
    let elsewhere = directory.path.with_extension("elsewhere");
    killed_run(&elsewhere, &[700]);
    std::os::unix::fs::symlink(&elsewhere, &directory.path).unwrap();
    let (_, forgotten) = open(&directory.path);
    assert_eq!(forgotten, []);
    assert!(directory.path.symlink_metadata().unwrap().is_file());
    assert_eq!(open(&elsewhere).1, [client(700)], "left alone");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_an_error() {
    let path = Path::new("/proc/self/no-such-directory/connections");
    assert!(ConnectionJournal::open(path, SLOTS).is_err());
}
