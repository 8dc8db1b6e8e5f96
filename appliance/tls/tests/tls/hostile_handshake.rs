//! Handshakes that are cut, garbled or endless.

use crate::oracle::{self, Oracle};
use crate::ours;
use crate::pki::World;
use proptest::prelude::*;
use tls::{Alert, ClientConfig, Handshake, ServerConfig, TlsError, limits};

#[test]
fn a_handshake_cut_anywhere_is_not_complete_and_no_error() {
    let world = World::new();
    let config = ServerConfig::new(world.server_settings()).expect("good settings");
    let mut client = Oracle::client(oracle::client_config(&world));
    let hello = client.output();
    for len in 0..hello.len() {
        let mut server = Handshake::accept(&config).expect("a handshake");
        assert_eq!(server.handle(&hello[..len]), Ok(len));
        assert!(!server.is_complete());
        assert!(server.output().is_empty());
        assert!(matches!(server.finish(), Err(TlsError::Misuse(_))));
    }
    let mut server = Handshake::accept(&config).expect("a handshake");
    server.handle(&hello).expect("a ClientHello");
    client
        .receive(&std::mem::take(server.output()))
        .expect("a flight");
    let finished = client.output();
    for byte in &finished {
        assert!(!server.is_complete());
        assert_eq!(server.handle(&[*byte]), Ok(1));
    }
    assert!(server.is_complete());
}

/// A handshake record cut into records of at most `longest` bytes, as RFC 8446 section 5.1 allows.
fn fragment(record: &[u8], longest: usize) -> Vec<u8> {
    let (header, message) = record.split_at(5);
    let record_of = |part: &[u8]| {
        let len = u16::try_from(part.len()).expect("short").to_be_bytes();
        [&header[..3], &len[..], part].concat()
    };
    message.chunks(longest).flat_map(record_of).collect()
}

#[test]
fn a_message_may_be_cut_into_records() {
    let world = World::new();
    for longest in [1, 2, 3, 7, 100] {
        let mut client = Oracle::client(oracle::client_config(&world));
        let mut server = ours::accept(world.server_settings());
        let hello = fragment(&client.output(), longest);
        assert_eq!(server.handle(&hello), Ok(hello.len()));
        client
            .receive(&std::mem::take(server.output()))
            .expect("the server's flight");
        server
            .handle(&client.output())
            .expect("the client's flight");
        assert!(server.is_complete());
    }
}

/// Bytes that are no TLS at all, such as an RPC in clear.
#[test]
fn another_protocol_is_refused_at_its_first_bytes() {
    let world = World::new();
    let mut server = ours::accept(world.server_settings());
    let call = [0x80, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0];
    assert!(server.handle(&call).is_err());
    for text in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-",
        &[22, 2, 0, 0, 1],
    ] {
        let mut server = ours::accept(world.server_settings());
        assert!(server.handle(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_record_of_2_to_14_plus_257_is_refused_at_its_header() {
    let world = World::new();
    let mut server = ours::accept(world.server_settings());
    let error = server
        .handle(&[22, 3, 1, 0x41, 0x01])
        .expect_err("too long");
    assert!(
        matches!(error, TlsError::Handshake(_) | TlsError::RecordOverflow),
        "{error}"
    );
}

/// The header of a message may promise 16 MiB, and records may be many.
#[test]
fn an_endless_message_ends_at_the_bound() {
    let world = World::new();
    let mut server = ours::accept(world.server_settings());
    let mut sent = 0;
    let error = loop {
        // A ClientHello that claims to be 40,000 bytes long.
        let mut record = vec![22, 3, 1, 0x10, 0];
        record.extend([0; 0x1000]);
        if sent == 0 {
            record[5..9].copy_from_slice(&[1, 0, 0x9C, 0x40]);
        }
        match server.handle(&record) {
            Ok(taken) => sent += taken,
            Err(error) => break error,
        }
        assert!(sent <= limits::HANDSHAKE);
    };
    assert_eq!(error, TlsError::HandshakeTooLong);
}

#[test]
fn endless_records_of_nothing_end() {
    let world = World::new();
    for record in [
        &[22, 3, 3, 0, 0][..],
        &[20, 3, 3, 0, 1, 1],
        &[21, 3, 3, 0, 2, 1, 90],
    ] {
        let mut server = ours::accept(world.server_settings());
        let failed = (0..10_000).any(|_| server.handle(record).is_err());
        assert!(failed, "{record:?}");
    }
}

/// Its length is out of range (RFC 8446 section 6), whoever sends it.
#[test]
fn a_message_that_is_too_long_is_a_decode_error() {
    let world = World::new();
    let (client_hello, server_hello) = (1, 2);
    let mut server = ours::accept(world.server_settings());
    let mut client = ours::connect(world.client_settings(), "server.test");
    client.output().clear();
    for (handshake, kind) in [(&mut server, client_hello), (&mut client, server_hello)] {
        let record = [22, 3, 3, 0, 4, kind, 1, 0, 0];
        assert!(handshake.handle(&record).is_err());
        let alert = [21, 3, 3, 0, 2, 2, Alert::DECODE_ERROR.0];
        assert_eq!(*handshake.output(), alert);
    }
}

#[test]
fn an_alert_instead_of_a_handshake() {
    let world = World::new();
    let mut client = ours::connect(world.client_settings(), "server.test");
    let alert = [21, 3, 3, 0, 2, 2, Alert::HANDSHAKE_FAILURE.0];
    let error = client.handle(&alert).expect_err("an alert");
    assert_eq!(error, TlsError::AlertReceived(Alert::HANDSHAKE_FAILURE));
}

/// The peer's answer to us, garbled in one place, never completes as if nothing had been.
#[test]
fn a_flipped_bit_in_the_servers_flight_is_noticed() {
    let world = World::new();
    let config = ClientConfig::new(world.client_settings()).expect("good settings");
    let name = "server.test".parse().expect("a name");
    let server = std::sync::Arc::new(oracle::server_config(&world));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let place = (any::<proptest::sample::Index>(), 0..8_u32);
    runner
        .run(&place, |(index, bit)| {
            let mut client = Handshake::connect(&config, &name).expect("a handshake");
            let mut server = Oracle::server((*server).clone());
            server
                .receive(&std::mem::take(client.output()))
                .expect("a hello");
            let mut flight = server.output();
            let at = index.index(flight.len());
            flight[at] ^= 1 << bit;
            // It may also wait for the rest of a record that is longer now.
            let _ = client.handle(&flight);
            prop_assert!(
                !client.is_complete() || says_nothing(&flight, at),
                "byte {at}"
            );
            Ok(())
        })
        .expect("all cases");
}

/// Whether a byte says nothing: the version of a record's header, part of a change_cipher_spec, or
/// the type of an encrypted record, which rustls takes for handshake as well as for data.
fn says_nothing(flight: &[u8], at: usize) -> bool {
    let mut start = 0;
    while let Some(&[kind, _, _, high, low]) = flight[start..].first_chunk() {
        let len = 5 + usize::from(u16::from_be_bytes([high, low]));
        if (start..start + len).contains(&at) {
            return match at - start {
                0 => kind == 22,
                1 | 2 => true,
                _ => kind == 20,
            };
        }
        start = flight.len().min(start + len);
    }
    false
}

/// Changes to a flight: bytes set, pieces left out or repeated.
#[derive(Clone, Debug)]
enum Change {
    Set(proptest::sample::Index, u8),
    Remove(proptest::sample::Index, usize),
    Repeat(proptest::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<proptest::sample::Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, value)| Change::Set(at, value)),
        (place(), 1_usize..40).prop_map(|(at, len)| Change::Remove(at, len)),
        (place(), 1_usize..40).prop_map(|(at, len)| Change::Repeat(at, len)),
    ]
}

fn garble(flight: &mut Vec<u8>, changes: &[Change]) {
    for change in changes {
        let range = |at: &proptest::sample::Index, len: &usize| {
            let at = at.index(flight.len());
            at..flight.len().min(at + len)
        };
        match change {
            Change::Set(at, value) => {
                let at = at.index(flight.len());
                flight[at] = *value;
            }
            Change::Remove(at, len) => drop(flight.drain(range(at, len))),
            Change::Repeat(at, len) => {
                let range = range(at, len);
                let piece = flight[range.clone()].to_vec();
                flight.splice(range.start..range.start, piece);
            }
        }
        if flight.is_empty() {
            break;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(4), ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics_and_never_completes(
        prefix in prop_oneof![
            Just(vec![]),
            Just(vec![22, 3, 1]),
            Just(vec![22, 3, 1, 0, 40, 1, 0, 0, 36, 3, 3]),
        ],
        garbage in proptest::collection::vec(any::<u8>(), 0..600),
        piece in 1_usize..200,
    ) {
        thread_local! {
            static CONFIGS: (ServerConfig, ClientConfig) = {
                let world = World::new();
                let server = ServerConfig::new(world.mutual_settings()).expect("good settings");
                (server, ClientConfig::new(world.client_settings()).expect("good settings"))
            };
        }
        let bytes = [prefix, garbage].concat();
        CONFIGS.with(|(server, client)| {
            let name = "server.test".parse().expect("a name");
            for mut handshake in [
                Handshake::accept(server).expect("a handshake"),
                Handshake::connect(client, &name).expect("a handshake"),
            ] {
                for piece in bytes.chunks(piece) {
                    if handshake.handle(piece).is_err() {
                        break;
                    }
                }
                assert!(!handshake.is_complete());
            }
        });
    }

    /// Both flights of a client toward us, cut into records and garbled; a server that stands this
    /// stands also what comes behind an error.
    #[test]
    fn garbled_flights_never_panic(
        longest in prop_oneof![Just(20_000_usize), 1_usize..200],
        changes in proptest::collection::vec(change(), 0..4),
        second in any::<bool>(),
        piece in 1_usize..3000,
    ) {
        thread_local! {
            static CONFIGS: (ServerConfig, std::sync::Arc<rustls::ClientConfig>) = {
                let world = World::new();
                let server = ServerConfig::new(world.mutual_settings()).expect("good settings");
                (server, oracle::mutual_client_config(&world).into())
            };
        }
        CONFIGS.with(|(config, client)| {
            let mut client = Oracle::client_of(client, "server.test");
            let mut server = Handshake::accept(config).expect("a handshake");
            let mut flight = fragment(&client.output(), longest);
            if second {
                server.handle(&flight).expect("a ClientHello");
                client.receive(&std::mem::take(server.output())).expect("a flight");
                flight = client.output();
            }
            garble(&mut flight, &changes);
            for piece in flight.chunks(piece) {
                let outcome = server.handle(piece);
                assert_eq!(server.handle(&[]).is_err(), outcome.is_err(), "failure lasts");
            }
            let _ = client.receive(server.output());
        });
    }
}
