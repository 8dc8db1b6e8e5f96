//! Data through the record layer, both ways, against rustls.

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, shake};
use crate::pki::World;
use proptest::prelude::*;
use std::cell::RefCell;
use tls::{CipherSuite, limits};

fn server_session(world: &World, suite: CipherSuite) -> (Ours, Oracle) {
    let mut settings = world.server_settings();
    settings.suites = vec![suite];
    let mut client = Oracle::client(oracle::client_config(world));
    let server = shake(ours::accept(settings), &mut client).expect("a session");
    (server, client)
}

fn client_session(world: &World, suite: CipherSuite) -> (Ours, Oracle) {
    let mut settings = world.client_settings();
    settings.suites = vec![suite];
    let mut server = Oracle::server(oracle::server_config(world));
    let client = ours::connect(settings, "server.test");
    let client = shake(client, &mut server).expect("a session");
    (client, server)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index.wrapping_mul(31) >> 3).to_le_bytes()[0])
        .collect()
}

/// Six sessions (each suite on each side) and turns of talk over them.
struct Sessions(Vec<(Ours, Oracle)>);

impl Sessions {
    fn new() -> Self {
        let world = World::new();
        let servers = CipherSuite::ALL.map(|suite| server_session(&world, suite));
        let clients = CipherSuite::ALL.map(|suite| client_session(&world, suite));
        Self(servers.into_iter().chain(clients).collect())
    }
}

#[derive(Clone, Debug)]
struct Turn {
    len: usize,
    longest_record: usize,
    pieces: Vec<usize>,
    from_us: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    (
        prop_oneof![1_usize..200, 1_usize..40_000, Just(limits::CONTENT)],
        prop_oneof![
            1_usize..600,
            1000_usize..=limits::CONTENT,
            Just(limits::CONTENT)
        ],
        proptest::collection::vec(1_usize..3000, 1..20),
        any::<bool>(),
    )
        .prop_map(|(len, longest_record, pieces, from_us)| Turn {
            // Not too many records of few bytes.
            len: len.min(longest_record * 200),
            longest_record,
            pieces,
            from_us,
        })
}

/// Cuts the wire into pieces of the given lengths, over and over.
fn cut<'a>(mut wire: &'a [u8], pieces: &[usize]) -> Vec<&'a [u8]> {
    let mut cut = Vec::new();
    for piece in pieces.iter().cycle() {
        let (front, behind) = wire.split_at((*piece).min(wire.len()));
        cut.push(front);
        wire = behind;
        if wire.is_empty() {
            break;
        }
    }
    cut
}

/// One stream for each session over all cases, so that sequence numbers and buffers carry over.
#[test]
fn data_arrives_as_it_was_sent_however_it_is_cut() {
    let sessions = RefCell::new(Sessions::new());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let all_turns = proptest::collection::vec(turn(), 1..4);
    runner
        .run(&all_turns, |turns| {
            for (ours, oracle) in &mut sessions.borrow_mut().0 {
                for turn in &turns {
                    let data = pattern(turn.len);
                    if turn.from_us {
                        let wire = ours.send_in_records(&data, turn.longest_record);
                        for piece in cut(&wire, &turn.pieces) {
                            oracle.receive(piece).expect("our records");
                        }
                        prop_assert!(oracle.take_data() == data);
                    } else {
                        oracle.write(&data);
                        for piece in cut(&oracle.output(), &turn.pieces) {
                            ours.receive(piece).expect("the oracle's records");
                        }
                        prop_assert!(ours.take_data() == data);
                    }
                }
            }
            Ok(())
        })
        .expect("all cases");
}

#[test]
fn a_record_may_be_opened_again_until_it_is_settled() {
    let world = World::new();
    let (mut ours, mut oracle) = server_session(&world, CipherSuite::Aes128Gcm);
    oracle.write(b"a WRITE with no room yet");
    let record = oracle.output();
    for _ in 0..3 {
        let mut out = [0xAA; 64];
        let opened = ours.session.open(&record, &mut out).expect("a record");
        assert!(opened.is_data());
        assert_eq!(&out[..opened.content_len()], b"a WRITE with no room yet");
        // The content type, and nothing behind the record's own length.
        assert_eq!((out[24], out[25]), (23, 0xAA));
    }
    ours.receive(&record).expect("the same record");
    assert_eq!(ours.take_data(), b"a WRITE with no room yet");
}

#[test]
fn what_was_opened_before_another_record_was_settled_is_not_settled() {
    let world = World::new();
    let (mut ours, mut oracle) = server_session(&world, CipherSuite::Aes128Gcm);
    oracle.write(b"one");
    let record = oracle.output();
    let mut out = [0; 64];
    let stale = ours.session.open(&record, &mut out).expect("a record");
    ours.receive(&record).expect("the record");
    assert!(matches!(
        ours.session.settle(stale, &out[..3]),
        Err(tls::TlsError::Misuse(_))
    ));
    assert_eq!(ours.take_data(), b"one");
    ours::assert_they_talk(&mut ours, &mut oracle);
}

#[test]
fn too_little_room_or_a_wrong_length_changes_nothing() {
    let world = World::new();
    let (mut ours, mut oracle) = server_session(&world, CipherSuite::Aes256Gcm);
    oracle.write(b"twelve bytes");
    let record = oracle.output();
    let mut out = [0; 12];
    assert_eq!(
        ours.session.open(&record, &mut out).err(),
        Some(tls::TlsError::NoRoom)
    );
    assert!(matches!(
        ours.session.open(&record[..10], &mut [0; 64]).err(),
        Some(tls::TlsError::Misuse(_))
    ));
    let mut slot = [0; 100];
    assert_eq!(
        ours.session.seal(&[0; 79], &mut slot),
        Err(tls::TlsError::NoRoom)
    );
    assert!(matches!(
        ours.session.seal(&[], &mut slot),
        Err(tls::TlsError::Misuse(_))
    ));
    let mut room = vec![0; 20_000];
    assert!(matches!(
        ours.session.seal(&pattern(limits::CONTENT + 1), &mut room),
        Err(tls::TlsError::Misuse(_))
    ));
    ours.receive(&record).expect("the record");
    assert_eq!(ours.take_data(), b"twelve bytes");
    ours::assert_they_talk(&mut ours, &mut oracle);
}

/// Sealing the same bytes again gives another record: the sequence number is used up.
#[test]
fn no_two_records_are_sealed_under_one_sequence_number() {
    let world = World::new();
    for suite in CipherSuite::ALL {
        let (mut ours, _oracle) = server_session(&world, suite);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            assert!(seen.insert(ours.send(b"the very same bytes")));
        }
    }
}

#[test]
fn data_that_ends_with_zeros_is_not_padding() {
    let world = World::new();
    let (mut ours, mut oracle) = server_session(&world, CipherSuite::Aes128Gcm);
    oracle.write(&[0; 100]);
    ours.receive(&oracle.output()).expect("zeros");
    assert_eq!(ours.take_data(), [0; 100]);
    oracle.receive(&ours.send(&[0; 100])).expect("zeros");
    assert_eq!(oracle.take_data(), [0; 100]);
}
