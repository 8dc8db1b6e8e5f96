//! Known answers of RFC 8448 section 3, and what no peer of ours would send.

use super::{ContentType, RecordCipher};
use crate::error::TlsError;
use crate::limits;
use crate::suite::CipherSuite;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| {
        let pair = core::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).expect("hexadecimal")
    };
    digits.chunks(2).map(octet).collect()
}

/// `{client} derive write traffic keys for application data`.
fn client(sequence: u64) -> RecordCipher {
    let key = hex("17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51");
    let iv = hex("5b 78 92 3d ee 08 57 90 33 e5 23 d9");
    RecordCipher::new(CipherSuite::Aes128Gcm, &key, &iv, sequence).expect("a key")
}

/// `{server} derive write traffic keys for application data`; record 0 is the session ticket.
fn server(sequence: u64) -> RecordCipher {
    let key = hex("9f 02 28 3b 6c 9c 07 ef c2 6b b9 f2 ac 92 e3 56");
    let iv = hex("cf 78 2b 88 dd 83 54 9a ad f1 e9 84");
    RecordCipher::new(CipherSuite::Aes128Gcm, &key, &iv, sequence).expect("a key")
}

fn check_known_answer(
    mut cipher: RecordCipher,
    content_type: ContentType,
    content: &[u8],
    record: &[u8],
) {
    let mut opened = vec![0; record.len()];
    let found = cipher.open(record, &mut opened);
    assert_eq!(found, Ok((content_type, content.len())));
    assert_eq!(&opened[..content.len()], content);
    let mut sealed = vec![0; record.len()];
    let len = cipher.seal(content_type, content, &mut sealed);
    assert_eq!(len, Ok(record.len()));
    assert_eq!(sealed, record);
}

#[test]
fn application_data_of_rfc_8448() {
    let payload: Vec<u8> = (0..50).collect();
    let record = hex(
        "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc \
         ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd \
         1e 3d ea e6 3a ee bb 21 69 49 15 e4",
    );
    check_known_answer(client(0), ContentType::ApplicationData, &payload, &record);
    let record = hex(
        "17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa \
         1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 \
         ab f3 32 54 0d d0 32 e1 67 c2 95 5d",
    );
    check_known_answer(server(1), ContentType::ApplicationData, &payload, &record);
}

#[test]
fn close_notify_of_rfc_8448() {
    let record = hex("17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3");
    check_known_answer(client(1), ContentType::Alert, &[1, 0], &record);
    let record = hex("17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9");
    check_known_answer(server(2), ContentType::Alert, &[1, 0], &record);
}

/// A sender may pad with zeros behind the content type (RFC 8446 section 5.4). Sealing zeros
/// behind a type gives the record of a sender that does.
#[test]
fn padding_is_taken_off() {
    let padded = |content: &[u8]| {
        let (last, front) = content.split_last().expect("content");
        assert_eq!(*last, 0);
        let mut record = vec![0; content.len() + limits::SEALED_OVERHEAD];
        let mut cipher = client(0);
        cipher
            .seal_with_type_octet(0, front, &mut record)
            .map(|len| record.truncate(len))
            .expect("room");
        let mut out = vec![0; record.len()];
        let found = client(0).open(&record, &mut out);
        found.map(|(kind, len)| (kind, out[..len].to_vec()))
    };
    let data = ContentType::ApplicationData;
    assert_eq!(padded(b"call\x17\0\0\0\0"), Ok((data, b"call".to_vec())));
    assert_eq!(padded(b"call\0\x17\0"), Ok((data, b"call\0".to_vec())));
    assert_eq!(padded(b"\x17\0\0"), Ok((data, vec![])));
    assert_eq!(
        padded(b"\x01\x00\x15\0"),
        Ok((ContentType::Alert, vec![1, 0]))
    );
    for bad in [&b"\0\0\0"[..], b"call\x14\0", b"call\x18\0", b"call\xff\0"] {
        assert!(matches!(padded(bad), Err(TlsError::UnexpectedMessage(_))));
    }
}

#[test]
fn the_sequence_number_does_not_wrap() {
    let mut cipher = client(u64::MAX);
    let sealed = cipher.seal(ContentType::ApplicationData, b"x", &mut [0; 64]);
    assert_eq!(sealed, Err(TlsError::KeyExhausted));
    assert_eq!(cipher.advance(), Err(TlsError::KeyExhausted));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", client(7)), "RecordCipher at record 7");
}

#[test]
fn keys_of_a_wrong_length_are_refused() {
    for (key, iv) in [(15, 12), (17, 12), (16, 11), (16, 13)] {
        let cipher = RecordCipher::new(CipherSuite::Aes128Gcm, &vec![0; key], &vec![0; iv], 0);
        assert!(matches!(cipher, Err(TlsError::Library(_))));
    }
}
