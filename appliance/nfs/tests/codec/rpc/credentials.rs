//! Credentials: kept byte for byte, parsed, and malformed in every way.

use crate::generate::Random;
use nfs::rpc::{AuthFlavor, AuthStatus, AuthSys, CallError, Credential, ErrorReply, decode_call};
use nfs::xdr::Reader;
use nfs3_types::rpc::auth_unix;
use nfs3_types::xdr_codec::Opaque;

const XID: u32 = 9;

/// A call with a credential of this flavor and body, the length as given.
fn call(flavor: u32, len: u32, body: &[u8]) -> Vec<u8> {
    let head = [XID, 0, 2, 100_003, 3, 1, flavor, len];
    let mut wire: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
    wire.extend(body);
    wire.resize(wire.len().next_multiple_of(4), 0);
    // The verifier, AUTH_NONE.
    wire.extend([0; 8]);
    wire
}

fn decode(flavor: u32, body: &[u8]) -> Result<Credential, CallError> {
    let wire = call(flavor, u32::try_from(body.len()).expect("fits"), body);
    decode_call(&mut Reader::contiguous(&wire)).map(|header| header.credential)
}

const BAD: CallError = CallError::BadCredential { xid: XID };

fn oracle(name: &[u8], gids: &[u32]) -> Vec<u8> {
    let auth = auth_unix {
        stamp: 5,
        machinename: Opaque::owned(name.to_vec()),
        uid: 1000,
        gid: 100,
        gids: gids.to_vec(),
    };
    crate::oracle::packed(&auth)
}

#[test]
fn auth_sys_is_parsed_and_kept() {
    for (name, gids) in [
        (&b""[..], &[][..]),
        (b"client", &[1, 2, 3]),
        (&[b'x'; 255], &[7; 16]),
        (b"abc", &[u32::MAX]),
    ] {
        let body = oracle(name, gids);
        let credential = decode(1, &body).expect("well-formed");
        assert_eq!(
            (credential.flavor(), credential.body()),
            (AuthFlavor::SYS, &body[..])
        );
        let auth = credential.auth_sys().expect("well-formed");
        assert_eq!((auth.stamp, auth.uid, auth.gid), (5, 1000, 100));
        assert_eq!((auth.machine_name, auth.gids()), (name, gids));
        let mut auth = AuthSys::new(name, 1000, 100, gids).expect("allowed");
        auth.stamp = 5;
        assert_eq!(Credential::from_auth_sys(&auth), Some(credential));
    }
}

#[test]
fn auth_sys_cut_at_any_byte_is_a_bad_credential() {
    let body = oracle(b"client", &[1, 2, 3]);
    assert!(decode(1, &body).is_ok());
    for len in 0..body.len() {
        assert_eq!(decode(1, &body[..len]), Err(BAD), "{len} bytes");
        assert_eq!(
            BAD.reply(),
            Some((XID, ErrorReply::AuthError(AuthStatus::BAD_CREDENTIAL)))
        );
    }
}

#[test]
fn auth_sys_with_bytes_after_its_fields_is_a_bad_credential() {
    // A server that ignores the length would take them for the verifier.
    let body = [oracle(b"client", &[1]), vec![0; 8]].concat();
    assert_eq!(decode(1, &body), Err(BAD));
}

#[test]
fn auth_sys_beyond_its_bounds_is_a_bad_credential() {
    assert_eq!(decode(1, &oracle(&[b'x'; 256], &[])), Err(BAD));
    assert_eq!(decode(1, &oracle(b"x", &[0; 17])), Err(BAD));
    assert!(AuthSys::new(b"x", 0, 0, &[0; 17]).is_none());
    let long_name = AuthSys::new(&[b'x'; 256], 0, 0, &[]).expect("judged later");
    assert_eq!(Credential::from_auth_sys(&long_name), None);
    // Lengths inside the body that the body does not have.
    for bomb in [u32::MAX, 0x7fff_ffff, 400] {
        let name_bomb = [5u32.to_be_bytes(), bomb.to_be_bytes()].concat();
        assert_eq!(decode(1, &name_bomb), Err(BAD));
        let mut group_bomb = oracle(b"x", &[]);
        group_bomb.truncate(group_bomb.len() - 4);
        group_bomb.extend(bomb.to_be_bytes());
        assert_eq!(decode(1, &group_bomb), Err(BAD));
    }
}

#[test]
fn bodies_may_have_400_bytes_and_no_more() {
    let credential = decode(6, &[7; 400]).expect("other flavors are not judged");
    assert_eq!(
        (credential.flavor(), credential.body()),
        (AuthFlavor::RPCSEC_GSS, &[7; 400][..])
    );
    assert!(credential.auth_sys().is_none());
    assert!(Credential::new(AuthFlavor::SHORT, &[0; 401]).is_none());
    // Refused on the length alone, whether the bytes are there or not.
    for len in [401, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        for body in [&[][..], &[0; 500]] {
            let wire = call(1, len, body);
            assert_eq!(
                decode_call(&mut Reader::contiguous(&wire)),
                Err(BAD),
                "{len}"
            );
        }
    }
}

#[test]
fn auth_none_and_auth_tls_have_no_body() {
    for (number, flavor) in [(0, AuthFlavor::NONE), (7, AuthFlavor::TLS)] {
        assert_eq!(decode(number, &[]).expect("well-formed").flavor(), flavor);
        assert_eq!(decode(number, &[0; 4]), Err(BAD));
    }
    assert_eq!(decode(0, &[]), Ok(Credential::none()));
}

#[test]
fn a_call_cut_at_any_byte_is_short() {
    let body = oracle(b"client", &[1, 2, 3]);
    let wire = call(1, u32::try_from(body.len()).expect("fits"), &body);
    let mut random = Random(2);
    for len in 0..wire.len() {
        let segments = crate::segmentation::cut(&wire[..len], &mut random);
        assert_eq!(
            decode_call(&mut Reader::new(&segments)),
            Err(CallError::Short),
            "{len}"
        );
    }
}

#[test]
fn credentials_are_equal_when_their_bytes_are() {
    use std::collections::HashSet;
    let one = Credential::new(AuthFlavor::SHORT, b"abc").expect("short enough");
    let same = Credential::new(AuthFlavor::SHORT, b"abc").expect("short enough");
    let longer = Credential::new(AuthFlavor::SHORT, b"abc\0").expect("short enough");
    let other_flavor = Credential::new(AuthFlavor::RPCSEC_GSS, b"abc").expect("short enough");
    let set = HashSet::from([one.clone(), same.clone(), longer, other_flavor]);
    assert_eq!((one == same, set.len()), (true, 3));
}

#[test]
fn secrets_are_not_in_the_debug_output() {
    let credential = Credential::new(AuthFlavor::RPCSEC_GSS, b"secret").expect("short enough");
    assert_eq!(
        format!("{credential:?}"),
        "Credential { flavor: 6, len: 6, .. }"
    );
}
