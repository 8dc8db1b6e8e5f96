//! Credentials that are cut, too long, of the wrong kind or not what they say.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use lab::attack::{
    Attack, BADCRED, BADVERF, REJECTEDCRED, SUCCESS, TOOWEAK, call_with, good_arguments, opaque,
};
use lab::xdr::Out;

const NONE: (u32, &[u8]) = (0, &[0; 4]);
const SYS: u32 = 1;
const NULL: (u32, u32, u32) = (100_003, 3, 0);

/// The body of an AUTH_SYS credential.
fn auth_sys(machine: &[u8], gids: u32) -> Vec<u8> {
    let head = Out::new().u32(7).opaque(machine).u32(1000).u32(1000);
    (0..gids).fold(head.u32(gids), Out::u32).0
}

#[test]
fn auth_sys_cut_at_every_byte_is_a_bad_credential() {
    let mut attack = Attack::begin();
    let whole = auth_sys(b"machine", 16);
    let root = attack.root.clone();
    for procedure in [0, 1, 7] {
        let args = &good_arguments(&root, &root)[procedure as usize];
        for len in 0..whole.len() {
            let cut = Out::new().opaque(&whole[..len]).0;
            let call = call_with((100_003, 3, procedure), (SYS, &cut), NONE, args);
            assert_eq!(attack.record(2049, &call), BADCRED, "{len} bytes");
        }
    }
    let call = call_with(NULL, (SYS, &Out::new().opaque(&whole).0), NONE, b"");
    assert_eq!(attack.record(2049, &call), SUCCESS, "whole");
    attack.end();
}

#[test]
fn auth_sys_whose_fields_leave_its_body_is_a_bad_credential() {
    let mut attack = Attack::begin();
    let with = |machine_len: u32, gid_count: u32| {
        let mut body = auth_sys(b"mach", 1);
        body[4..8].copy_from_slice(&machine_len.to_be_bytes());
        body[20..24].copy_from_slice(&gid_count.to_be_bytes());
        Out::new().opaque(&body).0
    };
    let mut judged = |body: &[u8]| {
        let call = call_with(NULL, (SYS, body), NONE, &[0; 400]);
        attack.record(2049, &call)
    };
    assert_eq!(judged(&with(4, 1)), SUCCESS);
    for machine_len in [21, 24, 255, 256, 400, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        assert_eq!(judged(&with(machine_len, 1)), BADCRED, "{machine_len}");
    }
    for gid_count in [2, 16, 17, 0x3fff_ffff, 0x4000_0000, 0x8000_0000, u32::MAX] {
        assert_eq!(judged(&with(4, gid_count)), BADCRED, "{gid_count}");
    }
    for (machine, gids, expected) in [
        (255, 16, SUCCESS.as_slice()),
        (256, 16, &BADCRED),
        (0, 0, &SUCCESS),
        (0, 16, &SUCCESS),
        (0, 17, &BADCRED),
    ] {
        let body = auth_sys(&vec![b'm'; machine], gids);
        let body = Out::new().opaque(&body).0;
        assert_eq!(judged(&body), expected, "{machine} and {gids}");
    }
    attack.end();
}

#[test]
fn lengths_of_credential_and_verifier() {
    let mut attack = Attack::begin();
    let announced = |len: u32| [len.to_be_bytes().as_slice(), &[0; 500]].concat();
    for flavor in [0, SYS, 2, 6, 7, u32::MAX] {
        for len in [401, 404, 0x7fff_fffc, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let call = call_with(NULL, (flavor, &announced(len)), NONE, b"");
            assert_eq!(attack.record(2049, &call), BADCRED, "{flavor} of {len}");
        }
    }
    for (flavor, len, expected) in [
        (0, 0, SUCCESS.as_slice()),
        (0, 4, &BADCRED),
        (0, 400, &BADCRED),
        (SYS, 0, &BADCRED),
        (SYS, 400, &BADCRED),
        (6, 0, &TOOWEAK),
        (6, 400, &TOOWEAK),
    ] {
        let call = call_with(NULL, (flavor, &opaque(len)), NONE, b"");
        assert_eq!(attack.record(2049, &call), expected, "{flavor} of {len}");
    }
    for (len, expected) in [
        (0, SUCCESS.as_slice()),
        (400, &SUCCESS),
        (401, &BADVERF),
        (404, &BADVERF),
    ] {
        let call = call_with(NULL, NONE, (0, &opaque(len)), b"");
        assert_eq!(attack.record(2049, &call), expected, "verifier of {len}");
    }
    for len in [0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let call = call_with(NULL, NONE, (0, &announced(len)), b"");
        assert_eq!(attack.record(2049, &call), BADVERF, "verifier of {len}");
    }
    attack.end();
}

#[test]
fn flavors_that_are_not_served_are_refused_in_every_program() {
    let mut attack = Attack::begin();
    let root = attack.root.clone();
    let args = good_arguments(&root, &root);
    let programs = [
        ((100_000, 2, 0), Vec::new()),
        ((100_005, 3, 0), Vec::new()),
        ((100_005, 3, 1), Out::new().opaque(b"/export").0),
        ((100_227, 3, 1), Out::new().opaque(&root).u32(0xf).0),
    ];
    let nfs = (0..22).map(|number: u32| ((100_003, 3, number), args[number as usize].clone()));
    let calls: Vec<_> = nfs.chain(programs).collect();
    for (flavor, body, expected) in [
        // AUTH_SHORT, AUTH_DH, Kerberos, RSA, a pseudo flavor, nobody's.
        (2, opaque(4), REJECTEDCRED),
        (3, opaque(0), REJECTEDCRED),
        (4, opaque(40), REJECTEDCRED),
        (5, opaque(0), REJECTEDCRED),
        (390_003, opaque(20), REJECTEDCRED),
        (u32::MAX, opaque(400), REJECTEDCRED),
        // RPCSEC_GSS is not terminated here.
        (6, opaque(20), TOOWEAK),
        // AUTH_TLS, where there is no TLS: a flavor that is not known (RFC 5531).
        (7, opaque(0), BADCRED),
        (7, opaque(4), BADCRED),
    ] {
        for (program, args) in &calls {
            let call = call_with(*program, (flavor, &body), NONE, args);
            assert_eq!(attack.record(2049, &call), expected, "{flavor} {program:?}");
        }
    }
    let executed = attack.lab.gateway.stats().client_writes;
    assert_eq!(executed, 0);
    attack.end();
}
