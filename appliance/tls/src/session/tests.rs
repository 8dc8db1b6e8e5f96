//! What needs a session's inside: messages and limits no peer of ours would bring about.

use core::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm::ChaCha, TestRng, TestRunner};
use rcgen::{CertificateParams, KeyPair};

use super::{PeerKeys, Session};
use crate::alert::Alert;
use crate::config::{ClientConfig, ClientSettings, Clock, ServerConfig, ServerSettings};
use crate::credentials::{CertificateChain, Identity, PrivateKey, TrustAnchors};
use crate::error::TlsError;
use crate::handshake::Handshake;
use crate::limits;
use crate::record::ContentType;
use crate::session::Event;

/// The server's and the client's end of one connection.
fn connected() -> (Session, Session) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["server.test".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate")
        .pem();
    let clock = Clock::new(|| Duration::from_secs(1_780_000_000));
    let identity = Identity {
        chain: CertificateChain::from_pem(certificate.as_bytes()).expect("PEM"),
        key: PrivateKey::from_pem(key.serialize_pem().as_bytes()).expect("PEM"),
    };
    let anchors = TrustAnchors::from_pem(certificate.as_bytes()).expect("PEM");
    let server = ServerConfig::new(ServerSettings::new(identity, clock.clone())).expect("good");
    let client = ClientConfig::new(ClientSettings::new(anchors, clock)).expect("good");
    let name = "server.test".parse().expect("a name");
    let mut server = Handshake::accept(&server).expect("a handshake");
    let mut client = Handshake::connect(&client, &name).expect("a handshake");
    for _ in 0..2 {
        server.handle(client.output()).expect("the client's flight");
        client.output().clear();
        client.handle(server.output()).expect("the server's flight");
        server.output().clear();
    }
    let end = |handshake: Handshake| handshake.finish().expect("a complete handshake").0;
    (end(server), end(client))
}

/// Seals anything, as a peer that means ill would.
fn forge(session: &mut Session, content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let mut record = vec![0; content.len() + limits::SEALED_OVERHEAD];
    session
        .transmit
        .seal(content_type, content, &mut record)
        .expect("room");
    record
}

fn receive(session: &mut Session, record: &[u8]) -> Result<Event, TlsError> {
    let mut out = vec![0; limits::OPENED];
    let opened = session.open(record, &mut out)?;
    let content = &out[..opened.content_len()];
    session.settle(opened, content)
}

/// What the victim says to such a record, and the alert that it sends.
fn answer_to(
    victim: &mut Session,
    attacker: &mut Session,
    content_type: ContentType,
    content: &[u8],
) -> (Result<Event, TlsError>, Option<Alert>) {
    let record = forge(attacker, content_type, content);
    let event = receive(victim, &record);
    let mut alert = [0; 64];
    let len = victim.take_control(&mut alert);
    let alert = match receive(attacker, &alert[..len]) {
        Err(TlsError::AlertReceived(alert)) => Some(alert),
        _ => None,
    };
    (event, alert)
}

#[test]
fn messages_that_may_not_come_after_the_handshake() {
    // To a server: ClientHello (renegotiation), a ticket, Finished, a client certificate. To a
    // client: ServerHello, HelloRequest, CertificateRequest, and more.
    let to_server: &[u8] = &[1, 4, 11, 15, 20, 25];
    let to_client: &[u8] = &[0, 1, 2, 8, 11, 13, 20];
    for (kinds, to_the_server) in [(to_server, true), (to_client, false)] {
        for &kind in kinds {
            let (mut server, mut client) = connected();
            let (victim, attacker) = if to_the_server {
                (&mut server, &mut client)
            } else {
                (&mut client, &mut server)
            };
            let message = [kind, 0, 0, 4, 1, 2, 3, 4];
            let (event, alert) = answer_to(victim, attacker, ContentType::Handshake, &message);
            assert!(
                matches!(event, Err(TlsError::UnexpectedMessage(_))),
                "{kind}"
            );
            assert_eq!(alert, Some(Alert::UNEXPECTED_MESSAGE), "{kind}");
        }
    }
}

#[test]
fn messages_that_cannot_be_read() {
    let cases: [(&[u8], Alert); 6] = [
        (&[24, 0, 0, 1, 2], Alert::DECODE_ERROR),
        (&[24, 0, 0, 0], Alert::DECODE_ERROR),
        (&[24, 0, 0, 2, 0, 0], Alert::DECODE_ERROR),
        (&[24, 0xFF, 0xFF, 0xFF], Alert::DECODE_ERROR),
        (&[24, 0, 0, 1, 0, 24], Alert::UNEXPECTED_MESSAGE),
        (&[], Alert::UNEXPECTED_MESSAGE),
    ];
    for (message, expected) in cases {
        let (mut server, mut client) = connected();
        let (event, alert) = answer_to(&mut server, &mut client, ContentType::Handshake, message);
        assert!(event.is_err(), "{message:?}");
        assert_eq!(alert, Some(expected), "{message:?}");
    }
    let (mut server, mut client) = connected();
    let ticket = [4, 0, 0, 3, 1, 2, 3];
    let (_, alert) = answer_to(&mut client, &mut server, ContentType::Handshake, &ticket);
    assert_eq!(alert, Some(Alert::DECODE_ERROR));
    let (mut server, mut client) = connected();
    let long = [4, 0, 0x40, 1, 0];
    let (_, alert) = answer_to(&mut client, &mut server, ContentType::Handshake, &long);
    assert_eq!(alert, Some(Alert::DECODE_ERROR));
}

#[test]
fn a_message_may_be_cut_into_records_but_nothing_may_come_between() {
    let (mut server, mut client) = connected();
    for part in [&[24, 0][..], &[0, 1]] {
        let record = forge(&mut client, ContentType::Handshake, part);
        assert_eq!(receive(&mut server, &record), Ok(Event::Nothing));
    }
    let record = forge(&mut client, ContentType::Handshake, &[1]);
    assert_eq!(receive(&mut server, &record), Ok(Event::UpdateRequested));

    for between in [ContentType::ApplicationData, ContentType::Alert] {
        let (mut server, mut client) = connected();
        let record = forge(&mut client, ContentType::Handshake, &[24, 0]);
        assert_eq!(receive(&mut server, &record), Ok(Event::Nothing));
        let (event, alert) = answer_to(&mut server, &mut client, between, &[1, 0]);
        assert!(matches!(event, Err(TlsError::UnexpectedMessage(_))));
        assert_eq!(alert, Some(Alert::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn several_tickets_in_one_record_are_taken() {
    let (mut server, mut client) = connected();
    // Lifetime, age, nonce, ticket and no extensions.
    let body = [0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 2, 7, 7, 0, 0];
    let mut message = vec![4, 0, 0, 16];
    message.extend(body);
    let record = forge(&mut server, ContentType::Handshake, &message.repeat(3));
    assert_eq!(receive(&mut client, &record), Ok(Event::Nothing));
}

#[test]
fn alerts_that_cannot_be_read() {
    for (alert, expected) in [
        (&[][..], Alert::UNEXPECTED_MESSAGE),
        (&[1], Alert::DECODE_ERROR),
        (&[1, 0, 1, 0], Alert::DECODE_ERROR),
    ] {
        let (mut server, mut client) = connected();
        let (event, heard) = answer_to(&mut server, &mut client, ContentType::Alert, alert);
        assert!(event.is_err(), "{alert:?}");
        assert_eq!(heard, Some(expected), "{alert:?}");
    }
    // Neither the level nor an unknown description makes an alert a warning.
    let (mut server, mut client) = connected();
    let (event, _) = answer_to(&mut server, &mut client, ContentType::Alert, &[1, 200]);
    assert_eq!(event, Err(TlsError::AlertReceived(Alert(200))));
}

/// Records of nothing, parts of nothing and warnings: each costs the peer something.
#[test]
fn floods_without_data_are_refused() {
    let floods: [(ContentType, &[u8]); 2] = [
        (ContentType::ApplicationData, &[]),
        (ContentType::Alert, &[1, Alert::USER_CANCELED.0]),
    ];
    for (content_type, content) in floods {
        let (mut server, mut client) = connected();
        for _ in 0..limits::CONTROL_ALLOWANCE {
            let record = forge(&mut client, content_type, content);
            receive(&mut server, &record).expect("still allowed");
        }
        let (event, alert) = answer_to(&mut server, &mut client, content_type, content);
        assert_eq!(event, Err(TlsError::TooManyControlRecords));
        assert_eq!(alert, Some(Alert::UNEXPECTED_MESSAGE));
    }

    // A ticket of the longest length, byte by byte.
    let (mut server, mut client) = connected();
    let ends = (0..=limits::CONTROL_ALLOWANCE).find_map(|count| {
        let content: &[u8] = if count == 0 { &[4, 0, 0x40, 0] } else { &[0] };
        let record = forge(&mut server, ContentType::Handshake, content);
        receive(&mut client, &record).err()
    });
    assert_eq!(ends, Some(TlsError::TooManyControlRecords));
}

/// A peer that has the keys and sends what it likes.
#[test]
fn authentic_nonsense_never_panics_and_failure_lasts() {
    let kinds = prop_oneof![
        Just(ContentType::ApplicationData),
        Just(ContentType::Alert),
        Just(ContentType::Handshake),
    ];
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(vec![24, 0, 0, 1, 1]),
        Just(vec![
            4, 0, 0, 16, 0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 2, 7, 7, 0, 0
        ]),
        (0..5_usize).prop_map(|len| vec![24, 0, 0, 1, 0][..len].to_vec()),
    ];
    let records = proptest::collection::vec((kinds, content), 1..12);
    let mut config = proptest::test_runner::Config::with_cases(100);
    config.failure_persistence = None;
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(ChaCha));
    runner
        .run(&(any::<bool>(), records), |(to_the_server, records)| {
            let (mut server, mut client) = connected();
            let (victim, attacker) = if to_the_server {
                (&mut server, &mut client)
            } else {
                (&mut client, &mut server)
            };
            for (content_type, content) in records {
                let record = forge(attacker, content_type, &content);
                let failed = receive(victim, &record).err();
                if let Some(error) = failed {
                    prop_assert_eq!(receive(victim, &record).err(), Some(error));
                    break;
                }
                if content_type == ContentType::Handshake && content == [24, 0, 0, 1, 1] {
                    attacker.transmit = attacker.key_schedule.next_transmit(0).expect("a key");
                }
            }
            victim.take_control(&mut [0; 64]);
            prop_assert!(!victim.has_control());
            Ok(())
        })
        .expect("all cases");
}

#[test]
fn at_the_limit_nothing_is_sealed_until_the_keys_are_new() {
    let (mut server, mut client) = connected();
    let limit = 1 << 24;
    let last = limit - limits::CONTROL_RESERVE - 1;
    server.transmit.set_sequence(last);
    client.receive.set_sequence(last);
    let mut record = vec![0; 64];
    let len = server.seal(b"the last", &mut record).expect("one is left");
    assert_eq!(receive(&mut client, &record[..len]), Ok(Event::Data));
    assert_eq!(server.write_records_left(), 0);
    assert!(server.needs_rekey() && client.needs_rekey());
    assert_eq!(
        server.seal(b"one more", &mut record),
        Err(TlsError::KeyExhausted)
    );
    // That is no failure: the reserve lets the keys be updated.
    server.request_key_update(PeerKeys::Keep).expect("open");
    let len = server.take_control(&mut record);
    assert_eq!(receive(&mut client, &record[..len]), Ok(Event::KeyUpdated));
    let len = server.seal(b"new keys", &mut record).expect("new keys");
    assert_eq!(receive(&mut client, &record[..len]), Ok(Event::Data));
}

#[test]
fn beyond_the_limit_not_even_an_alert_is_sealed() {
    let (mut server, _) = connected();
    server.transmit.set_sequence(1 << 24);
    server.close();
    assert_eq!(server.take_control(&mut [0; 64]), 0);
    assert!(!server.has_control());
    assert_eq!(server.transmit.sequence(), 1 << 24);
}

#[test]
fn a_peer_that_goes_beyond_the_limit_is_refused() {
    let (mut server, mut client) = connected();
    client.transmit.set_sequence((1 << 24) - 1);
    server.receive.set_sequence((1 << 24) - 1);
    let last = forge(&mut client, ContentType::ApplicationData, b"x");
    assert_eq!(receive(&mut server, &last), Ok(Event::Data));
    let (event, alert) = answer_to(&mut server, &mut client, ContentType::ApplicationData, b"x");
    assert_eq!(event, Err(TlsError::KeyExhausted));
    assert_eq!(alert, Some(Alert::INTERNAL_ERROR));
}

#[test]
fn keys_are_not_shown() {
    let (server, _) = connected();
    let shown = format!("{server:?}");
    assert!(
        shown.starts_with("Session { transmit: RecordCipher at record 0"),
        "{shown}"
    );
}
