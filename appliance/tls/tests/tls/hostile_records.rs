//! Records after the handshake that nobody should send.

use crate::oracle::{self, Oracle};
use crate::ours::{self, Ours, shake, shake_both};
use crate::pki::World;
use proptest::prelude::*;
use rustls::AlertDescription;
use tls::{Alert, CipherSuite, TlsError, limits};

fn both(world: &World, suite: CipherSuite) -> (Ours, Ours) {
    let mut settings = world.server_settings();
    settings.suites = vec![suite];
    let client = ours::connect(world.client_settings(), "server.test");
    shake_both(ours::accept(settings), client).expect("a session")
}

/// The alert that the other side hears when this one has failed.
fn alert_heard(failed: &mut Ours, peer: &mut Ours) -> Alert {
    match peer.receive(&failed.control()) {
        Err(TlsError::AlertReceived(alert)) => alert,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_record_gives_nothing_away() {
    let world = World::new();
    for suite in CipherSuite::ALL {
        let plaintext = b"data that nobody but the client may see";
        let len = plaintext.len() + limits::SEALED_OVERHEAD;
        for at in 0..len {
            let (mut server, mut sender) = both(&world, suite);
            let mut record = sender.send(plaintext);
            record[at] ^= 1 << (at % 8);
            // 16 more than the record needs; the header may promise more.
            let mut out = [0; 128];
            let error = server.session.open(&record, &mut out).expect_err("flipped");
            match at {
                0 => assert!(matches!(error, TlsError::UnexpectedMessage(_)), "{error}"),
                3 | 4 => assert!(
                    matches!(error, TlsError::Misuse(_) | TlsError::RecordOverflow),
                    "{error}"
                ),
                _ => assert_eq!(error, TlsError::BadRecordMac),
            }
            assert!(
                !out.windows(4)
                    .any(|window| plaintext.windows(4).any(|w| w == window))
            );
            if error == TlsError::BadRecordMac {
                assert_eq!(
                    server.session.open(&record, &mut out).err(),
                    Some(TlsError::BadRecordMac)
                );
                assert_eq!(
                    server.session.seal(b"reply", &mut out),
                    Err(TlsError::BadRecordMac)
                );
                assert_eq!(alert_heard(&mut server, &mut sender), Alert::BAD_RECORD_MAC);
            }
        }
    }
}

#[test]
fn rustls_hears_why() {
    let world = World::new();
    let mut client = Oracle::client(oracle::client_config(&world));
    let mut server = shake(ours::accept(world.server_settings()), &mut client).expect("a session");
    client.write(b"call");
    let mut record = client.output();
    *record.last_mut().expect("a record") ^= 1;
    assert_eq!(server.receive(&record), Err(TlsError::BadRecordMac));
    assert_eq!(
        client.receive(&server.control()),
        Err(rustls::Error::AlertReceived(AlertDescription::BadRecordMac))
    );
}

#[test]
fn a_record_is_not_taken_twice_nor_out_of_turn() {
    let world = World::new();
    let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
    let first = client.send(b"first");
    server.receive(&first).expect("a record");
    assert_eq!(server.receive(&first), Err(TlsError::BadRecordMac));
    let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
    client.send(b"lost");
    assert_eq!(
        server.receive(&client.send(b"second")),
        Err(TlsError::BadRecordMac)
    );
}

#[test]
fn a_record_that_is_too_long_is_refused_at_its_header() {
    let world = World::new();
    let overflow = [limits::RECORD - 4, (1 << 14) + 256, (1 << 14) + 257, 65_535];
    for encrypted_len in overflow {
        let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
        let [high, low] = u16::try_from(encrypted_len)
            .expect("a length")
            .to_be_bytes();
        let header = [23, 3, 3, high, low];
        assert_eq!(
            server.session.record_len(header),
            Err(TlsError::RecordOverflow)
        );
        assert_eq!(
            alert_heard(&mut server, &mut client),
            Alert::RECORD_OVERFLOW
        );
    }
    let (mut server, _) = both(&world, CipherSuite::Aes128Gcm);
    let [high, low] = u16::try_from(limits::RECORD - 5)
        .expect("a length")
        .to_be_bytes();
    assert_eq!(
        server.session.record_len([23, 3, 3, high, low]),
        Ok(limits::RECORD)
    );
}

#[test]
fn records_without_protection_are_refused() {
    let world = World::new();
    // A ClientHello (renegotiation), a change_cipher_spec, an alert, a heartbeat, RPC in clear.
    for kind in [22, 20, 21, 24, 0x80] {
        let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
        let error = server
            .session
            .record_len([kind, 3, 3, 0, 40])
            .expect_err("in clear");
        assert!(matches!(error, TlsError::UnexpectedMessage(_)), "{error}");
        assert_eq!(
            alert_heard(&mut server, &mut client),
            Alert::UNEXPECTED_MESSAGE
        );
    }
}

#[test]
fn a_record_too_short_for_its_tag_is_refused() {
    let world = World::new();
    for len in 0..17 {
        let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
        let error = server
            .session
            .record_len([23, 3, 3, 0, len])
            .expect_err("short");
        assert!(matches!(error, TlsError::Decode(_)), "{error}");
        assert_eq!(alert_heard(&mut server, &mut client), Alert::DECODE_ERROR);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(5),
        cases: 64,
        ..ProptestConfig::default()
    })]

    /// What authenticates not is not acted on, and whatever arrives the session does not fall.
    #[test]
    fn garbage_is_never_data(
        header in prop_oneof![Just(vec![23, 3, 3, 0, 40]), Just(vec![])],
        garbage in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let world = World::new();
        let (mut server, mut client) = both(&world, CipherSuite::Aes128Gcm);
        server.receive(&client.send(b"call")).expect("a record");
        let outcome = server.receive(&[header, garbage].concat());
        prop_assert_eq!(server.take_data(), b"call");
        prop_assert_eq!(outcome.is_err(), server.session.has_control());
    }
}
